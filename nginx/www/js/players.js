/** Adding a television or a player: its name, and then, once, the address that it opens. */

import { alarm, say } from './announce.js';
import { fill, h } from './dom.js';
import { day } from './format.js';
import { Field, Form } from './forms.js';
import * as handover from './handover.js';
import { text } from './http.js';
import * as me from './me.js';
import { playlistName } from './playlist.js';
import { Problem, sentence, wasAborted } from './problems.js';

/** @typedef {import('./types.js').Player} Player */

/**
 * @param {AbortSignal} signal
 * @param {() => void} changed  there is one more in the list
 * @returns {HTMLElement}
 */
export function addPlayer(signal, changed) {
  const place = h('div', { class: 'adding' });
  const start = h('button', { type: 'button', class: 'secondary', onclick: () => ask() }, 'Add a television or player');

  const back = () => {
    fill(place, start);
    start.focus();
  };

  const ask = () => {
    const name = new Field(
      'player-name',
      'Name',
      { name: 'name', maxlength: '200', autocomplete: 'off' },
      'So that you recognise it in the list: “Living room”, for example.',
    );
    const form = new Form({
      id: 'player-form',
      fields: [name],
      submit: 'Make its address',
      busy: 'Making it…',
      signal,
      async work() {
        const made = await me.addPlayer(name.value);
        if (!signal.aborted) keep(place, made, signal, back);
        changed();
      },
    });
    fill(
      place,
      h('h3', {}, 'Add a television or player'),
      form.element,
      h('button', { type: 'button', class: 'quiet', onclick: back }, 'Cancel'),
    );
    name.input.focus();
  };

  fill(place, start);
  return place;
}

/**
 * The address, this once.
 * @param {HTMLElement} place  to fill
 * @param {Player} made
 * @param {AbortSignal} signal
 * @param {() => void} done
 */
function keep(place, made, signal, done) {
  const heading = h('h3', { tabindex: '-1', dir: 'auto' }, `The address for ${made.name}`);
  const address = handover.line('Address of your library', made.library_url);
  const copy = handover.copyButton('Copy the address');
  const save = handover.saveButton('Download playlist (M3U)');
  const trouble = h('p', { class: 'trouble', hidden: true });
  copy.addEventListener('click', () => handover.copy(copy, made.library_url, () => address.field.focus()));
  save.addEventListener('click', async () => {
    save.disabled = true;
    trouble.hidden = true;
    try {
      handover.save(playlistName(`Kinetoscope ${made.name}`), await text(made.library_url, signal));
    } catch (error) {
      if (signal.aborted || wasAborted(error)) return;
      const why =
        error instanceof Problem && error.status === 410
          ? `${made.name} was ended: its address opens nothing any more.`
          : sentence(error);
      fill(trouble, why);
      trouble.hidden = false;
      alarm(why);
    } finally {
      save.disabled = false;
    }
  });
  fill(
    place,
    heading,
    h(
      'p',
      {},
      'Open it in VLC, mpv, Kodi or a television that takes an M3U playlist: it is your whole library, and always as it is then.',
    ),
    h(
      'p',
      {},
      `It is shown this once. Whoever has it watches as you. Ending “${made.name}” in the list above ends it; otherwise it is good until ${day(made.expires_at)}.`,
    ),
    handover.qrCode(made.qr, 'The address as a QR code'),
    address.element,
    trouble,
    h(
      'div',
      { class: 'buttons' },
      h('button', { type: 'button', class: 'primary', onclick: done }, 'I have kept it'),
      copy,
      save,
    ),
  );
  heading.focus();
  say(`${made.name} is added. Its address is shown this once.`);
}

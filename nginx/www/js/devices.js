/** Where one is signed in, and the end of it: browsers and programs; televisions and players. */

import { alarm, say } from './announce.js';
import { fill, h } from './dom.js';
import { day, moment } from './format.js';
import * as me from './me.js';
import { addPlayer } from './players.js';
import { sentence, wasAborted } from './problems.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Listed} Listed */
/** @typedef {{element: HTMLElement, act: (work: () => Promise<void>, button?: HTMLButtonElement) => Promise<void>, show: (rows: HTMLElement[]) => void}} Section */

const KINDS = { browser: 'Browser', program: 'Program', device: 'Television or player', guest: 'Guest' };

/**
 * @param {AbortSignal} signal
 * @returns {{elements: HTMLElement[], load: () => Promise<void>}}
 */
export function devices(signal) {
  const others = h('button', { type: 'button', class: 'secondary', hidden: true });

  const load = async () => {
    const found = await me.sessions(signal);
    // The one that asks first; the rest as the API orders them, last seen first.
    found.sort((one, other) => Number(other.current) - Number(one.current));
    const of = Map.groupBy(found, (one) => (one.kind === 'device' ? 'player' : 'browser'));
    browsers.show(
      (of.get('browser') ?? []).map((one) =>
        row(one, placeLines(one), (button) => browsers.act(() => end(one), button)),
      ),
    );
    players.show(
      (of.get('player') ?? []).map((one) =>
        row(one, playerLines(one), (button) => players.act(() => end(one), button)),
      ),
    );
    fill(others, of.has('player') ? 'End all others, televisions and players too' : 'End all others');
    others.hidden = found.length < 2;
  };

  const browsers = section('devices', 'Where you are signed in', 'Nowhere.', others, signal, load);
  const players = section(
    'players',
    'Televisions and players',
    'None yet. Each one that you add has an address of its own, which opens your library there.',
    addPlayer(signal, () => void players.act(async () => undefined)),
    signal,
    load,
  );
  others.addEventListener(
    'click',
    () =>
      browsers.act(async () => {
        await me.endOthers();
        say('You are signed out everywhere else.');
      }, others),
    { signal },
  );
  void browsers.act(async () => undefined);
  return { elements: [browsers.element, players.element], load };
}

/** @param {Listed} one */
async function end(one) {
  await me.endSession(one.session_id);
  if (one.current) session.forget();
  else say(`${one.device} is signed out.`);
}

/**
 * @param {string} id
 * @param {string} name
 * @param {string} nothing  what to say of an empty list
 * @param {HTMLElement} below
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} load  what there is now
 * @returns {Section}
 */
function section(id, name, nothing, below, signal, load) {
  const heading = h('h2', { id: `${id}-heading`, tabindex: '-1' }, name);
  const list = h('ul', { class: 'rows', 'aria-busy': 'true' });
  const none = h('p', { class: 'fine', hidden: true }, nothing);
  const trouble = h('p', { class: 'trouble', hidden: true });
  return {
    element: h('section', { class: 'ledger', 'aria-labelledby': `${id}-heading` }, heading, trouble, list, none, below),
    show(rows) {
      fill(list, rows);
      list.setAttribute('aria-busy', 'false');
      list.hidden = rows.length === 0;
      none.hidden = rows.length > 0;
    },
    async act(work, button) {
      if (button) button.disabled = true;
      trouble.hidden = true;
      try {
        await work();
        if (signal.aborted) return;
        await load();
        // What had the focus is gone.
        if (button) heading.focus();
      } catch (error) {
        if (signal.aborted || wasAborted(error)) return;
        fill(trouble, sentence(error));
        trouble.hidden = false;
        alarm(sentence(error));
      } finally {
        if (button) button.disabled = false;
      }
    },
  };
}

/** @param {Listed} one */
function placeLines(one) {
  const line = [
    KINDS[one.kind],
    one.client,
    one.second_factor && 'with a second factor',
    `since ${moment(one.created_at)}`,
  ];
  return [line.filter(Boolean).join(' · '), !one.current && `last used ${moment(one.last_seen_at)}`];
}

/** @param {Listed} one */
function playerLines(one) {
  return [`last seen ${moment(one.last_seen_at)}`, `added ${day(one.created_at)}, good until ${day(one.expires_at)}`];
}

/**
 * @param {Listed} one
 * @param {(string|false)[]} lines
 * @param {(button: HTMLButtonElement) => void} act
 */
function row(one, lines, act) {
  const button = h(
    'button',
    {
      type: 'button',
      class: 'secondary',
      'aria-label': one.current ? 'End this session, here' : `End ${one.device}, since ${moment(one.created_at)}`,
      onclick: () => act(button),
    },
    'End',
  );
  return h(
    'li',
    {},
    h(
      'div',
      {},
      h('p', { class: 'what', dir: 'auto' }, one.device, one.current && h('span', { class: 'mark' }, 'This one')),
      lines.map((line) => line && h('p', { class: 'fine' }, line)),
    ),
    button,
  );
}

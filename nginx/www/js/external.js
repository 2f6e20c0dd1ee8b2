/** Watching elsewhere: a signed link for VLC, mpv and Kodi, to copy or as a playlist file. */

import { alarm } from './announce.js';
import { grant } from './api.js';
import { fill, h, safeLink } from './dom.js';
import { hour } from './format.js';
import * as handover from './handover.js';
import { m3u, playlistName } from './playlist.js';
import { Problem, sentence, wasAborted } from './problems.js';
import { settleStreams } from './streams.js';

/** @typedef {import('./types.js').Video} Video */

/** The link is for whichever player: mpv is the one of them that does with the least. @type {import('./types.js').Plays} */
const PLAYS = { profile: 'mpv' };

/**
 * @param {Video} video
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function elsewhere(video, signal) {
  const given = handover.line('Link for VLC, mpv or Kodi');
  const note = h('p', { class: 'fine' });
  const shown = h('div', { class: 'shown-link', hidden: true }, given.element, note);
  const copy = handover.copyButton('Copy link');
  const save = handover.saveButton('Download playlist (M3U)');

  /** @type {?{link: string, until: number}} */
  let held = null;

  /** One playback serves both buttons while its link lasts. */
  const link = async () => {
    if (held && held.until > Date.now() + 60_000) return held.link;
    const granted = await settleStreams(
      (replace) => grant(video.id, { device: 'External player', plays: PLAYS, ...replace }, signal),
      signal,
    );
    if (!granted) return null;
    const found = safeLink(granted.links[granted.chosen.ways[0]?.link ?? 'source']);
    if (!found) throw new Problem({ status: 502, code: 'contract' });
    const address = new URL(found, location.origin).href;
    held = { link: address, until: Date.parse(granted.expires_at) };
    given.field.value = address;
    fill(
      note,
      `Whoever has this link can watch this title until ${hour(granted.expires_at)}. It counts as one of your streams while it plays.`,
    );
    shown.hidden = false;
    return address;
  };

  /** @param {HTMLButtonElement} button @param {(link: string) => void|Promise<void>} use */
  const having = async (button, use) => {
    button.disabled = true;
    try {
      const address = await link();
      if (address) await use(address);
    } catch (error) {
      if (wasAborted(error) || signal.aborted) return;
      const text = sentence(error);
      fill(note, text);
      shown.hidden = false;
      alarm(text);
    } finally {
      button.disabled = false;
    }
  };

  copy.addEventListener(
    'click',
    () => having(copy, (address) => handover.copy(copy, address, () => given.field.focus())),
    { signal },
  );
  save.addEventListener(
    'click',
    () => having(save, (address) => handover.save(playlistName(video.title), m3u(video, address))),
    { signal },
  );

  return h(
    'section',
    { class: 'elsewhere', 'aria-labelledby': 'elsewhere-heading' },
    h('h2', { id: 'elsewhere-heading' }, 'In another player'),
    h('div', { class: 'buttons' }, copy, save),
    shown,
  );
}

/** Takes the viewer there, for whom this browser is the wrong one. */
export async function showElsewhere() {
  if (document.fullscreenElement) await document.exitFullscreen();
  const place = document.querySelector('.elsewhere');
  place?.scrollIntoView({ block: 'center' });
  place?.querySelector('button')?.focus({ preventScroll: true });
}

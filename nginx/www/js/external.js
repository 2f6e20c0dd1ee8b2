/** Watching elsewhere: a signed link for VLC, mpv and Kodi, to copy or as a playlist file. */

import { h, fill, safeLink, uniqueId } from './dom.js';
import { icon } from './icons.js';
import { alarm, say } from './announce.js';
import { grant } from './api.js';
import { hour } from './format.js';
import { m3u, playlistName } from './playlist.js';
import { Problem, sentence, wasAborted } from './problems.js';
import { settleStreams } from './streams.js';

/** @typedef {import('./types.js').Video} Video */

/**
 * @param {Video} video
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function elsewhere(video, signal) {
  const field = h('input', { id: uniqueId('link'), type: 'text', readonly: true, class: 'link', onfocus: () => field.select() });
  const shown = h('div', { class: 'shown-link', hidden: true });
  const note = h('p', { class: 'fine' });
  const copy = h('button', { type: 'button', class: 'secondary' }, icon('copy'), 'Copy link');
  const save = h('button', { type: 'button', class: 'secondary' }, icon('download'), 'Download playlist (M3U)');
  shown.append(h('label', { for: field.id }, 'Link for VLC, mpv or Kodi'), field, note);

  /** @type {?{link: string, until: number}} */
  let held = null;

  /** One playback serves both buttons while its link lasts. */
  const link = async () => {
    if (held && held.until > Date.now() + 60_000) return held.link;
    const given = await settleStreams((replace) => grant(video.id, { device: 'External player', ...replace }, signal));
    if (!given) return null;
    const source = safeLink(given.links.source);
    if (!source) throw new Problem({ status: 502, code: 'contract' });
    const address = new URL(source, location.origin).href;
    held = { link: address, until: Date.parse(given.expires_at) };
    field.value = address;
    fill(note, `Whoever has this link can watch this title until ${hour(given.expires_at)}. It counts as one of your streams while it plays.`);
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

  copy.addEventListener('click', () => having(copy, async (address) => {
    try {
      await navigator.clipboard.writeText(address);
      say('Link copied.');
      fill(copy, icon('copy'), 'Copied');
      setTimeout(() => fill(copy, icon('copy'), 'Copy link'), 3000);
    } catch {
      // No permission, or too long after the click: the marked field can be copied by hand.
      field.focus();
      say('The link is in the field, marked for copying.');
    }
  }), { signal });

  save.addEventListener('click', () => having(save, (address) => {
    const file = URL.createObjectURL(new Blob([m3u(video, address)], { type: 'audio/x-mpegurl' }));
    h('a', { href: file, download: playlistName(video.title) }).click();
    setTimeout(() => URL.revokeObjectURL(file), 10_000);
    say('Playlist saved.');
  }), { signal });

  return h('section', { class: 'elsewhere', 'aria-labelledby': 'elsewhere-heading' },
    h('h2', { id: 'elsewhere-heading' }, 'In another player'),
    h('div', { class: 'buttons' }, copy, save), shown);
}

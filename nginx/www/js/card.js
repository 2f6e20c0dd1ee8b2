/** One title in the library: a frame of the strip. */

import { freshen } from './api.js';
import { capability } from './capability.js';
import { playsAnywhere } from './delivery.js';
import { append, fill, h, safeLink } from './dom.js';
import { clock, placeInShow, resolution, spoken } from './format.js';
import { icon } from './icons.js';
import { titleAddress } from './router.js';

/** @typedef {import('./types.js').Video} Video */

const LACKS = { plays: null, silent: 'no sound in this browser', not: 'external player only' };

/**
 * @param {Video} video
 * @returns {HTMLLIElement}
 */
export function card(video) {
  const sound = spoken(video.duration_seconds ?? 0);
  return h(
    'li',
    { class: `card ${video.status}` },
    h(
      'a',
      { href: titleAddress(video.id), class: 'frame-link' },
      h(
        'span',
        { class: 'frame' },
        poster(video),
        video.status === 'ready' && video.duration_seconds
          ? h(
              'span',
              { class: 'length' },
              h('span', { 'aria-hidden': 'true' }, clock(video.duration_seconds)),
              h('span', { class: 'visually-hidden' }, `, ${sound}`),
            )
          : null,
        video.status === 'ready' ? null : badge(video.status),
      ),
      h('span', { class: 'caption', dir: 'auto' }, video.title),
    ),
    video.status === 'ready'
      ? line(video)
      : h('p', { class: 'fine reason', dir: 'auto' }, video.status_reason || waitingReason(video.status)),
  );
}

/**
 * The size of the picture, and, once this browser has been asked, what it lacks.
 * @param {Video} video
 */
function line(video) {
  // One that is ready and has a reason all the same plays, but not whole.
  const part = video.status_reason ? 'incomplete' : null;
  const size = [placeInShow(video), resolution(video.width, video.height), part].filter(Boolean).join(' · ');
  const element = h('p', { class: 'fine' }, size);
  void capability(video).then((answer) => {
    const lack = playsAnywhere(video) ? null : LACKS[answer];
    if (lack) fill(element, [size, lack].filter(Boolean).join(' · '));
  });
  return element;
}

/**
 * The poster, or the plain frame when there is none or it can't be had.
 * @param {Video} video
 * @returns {HTMLElement}
 */
export function poster(video) {
  const link = safeLink(video.poster_href);
  if (!link) return blank();
  const image = h('img', { src: link, alt: '', loading: 'lazy', decoding: 'async', class: 'poster' });
  image.addEventListener('load', () => image.classList.toggle('tall', image.naturalHeight > image.naturalWidth));
  let tried = false;
  image.addEventListener('error', async () => {
    // A lazy picture may be asked for long after the page was: its cookie may have run out meanwhile.
    const renewed = !tried && (await freshen().catch(() => false));
    tried = true;
    if (renewed) image.src = link;
    else image.replaceWith(blank());
  });
  return image;
}

function blank() {
  return h('span', { class: 'poster blank', 'aria-hidden': 'true' });
}

/** @param {'waiting'|'broken'} status */
export function badge(status) {
  const element = h('span', { class: `badge ${status}` });
  append(element, [icon(status === 'broken' ? 'warning' : 'waiting'), status === 'broken' ? 'Broken' : 'Waiting']);
  return element;
}

/** @param {string} status */
export function waitingReason(status) {
  return status === 'waiting'
    ? 'The file is still being copied. It will be looked at again.'
    : 'The file can’t be used.';
}

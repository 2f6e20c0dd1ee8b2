/** Which link of a grant is played: the server says in which order, the viewer of this player what rather. */

import { safeLink } from './dom.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Grant} Grant */
/** @typedef {import('./preferences.js').Quality} Quality */

/**
 * @typedef {object} Wishes
 * @property {Quality} quality
 * @property {string} sound  language; empty: as the title has it
 * @property {?number} maxHeight  lines that the viewer's preferences allow; null: any
 *
 * @typedef {object} Delivery
 * @property {string} link
 * @property {boolean} adaptive  the link is a manifest's
 * @property {boolean} now  what it leads to is made while it is watched
 */

/** Of a manifest's file, by the link of a grant. */
const MANIFESTS = { hls: 'master.m3u8', dash: 'manifest.mpd' };

/**
 * Whether something was made of the title that every browser plays.
 * @param {Video} video
 */
export function adapts(video) {
  const names = Object.values(MANIFESTS);
  return video.files?.some((file) => names.includes(file.name)) ?? false;
}

/**
 * Whether every browser plays something of the title: what was made of it, or what will be as soon as somebody watches.
 * @param {Video} video
 */
export function playsAnywhere(video) {
  return adapts(video) || Boolean(video.made_now);
}

/**
 * The pictures that were made, in lines, the highest first.
 * @param {Video} video
 * @returns {number[]}
 */
export function rungs(video) {
  const found = (video.files ?? []).map((file) => Number(/^v(\d+)-[0-9a-f]+\.mp4$/.exec(file.name)?.[1]));
  return [...new Set(found.filter((height) => height > 0))].sort((one, other) => other - one);
}

/**
 * The first of the server's ways that is left, but for what the viewer has chosen in the player itself.
 * @param {Grant} grant
 * @param {boolean} plays  this browser plays the source, or its viewer wants to try; false when that failed just now
 * @param {Wishes} wishes
 * @param {boolean} foreign  the source does not speak the language that is wished for
 * @returns {?Delivery} null: there is nothing to play
 */
export function deliver(grant, plays, wishes, foreign) {
  const { links, chosen } = grant;
  const named = chosen.ways.map((way) => way.link);
  const order = plays && !named.includes('source') ? [/** @type {const} */ ('source'), ...named] : named;
  const there = order.filter((name) => safeLink(links[name]));
  const ways = there.filter((name) => plays || name !== 'source');
  const kept = ways.filter((name) => name === 'hls' || name === 'dash');
  const wished = wishes.quality === 'original' ? ways.filter((name) => name === 'source') : [];
  const rather = typeof wishes.quality === 'number' || (foreign && wished.length === 0) ? kept : wished;
  // With nothing else there is the file, whatever was said of it.
  const name = [...rather, ...ways, ...there][0] ?? 'source';
  const link = safeLink(links[name]);
  return link ? { link, adaptive: name !== 'source', now: name === 'now' } : null;
}

/**
 * Which link of a grant is played: the source as it is comes first, a manifest where that won't do, and where there is no
 * manifest, what is made while it is watched.
 */

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
 * @param {Grant} grant
 * @param {boolean} plays  this browser plays the source
 * @param {Wishes} wishes
 * @param {boolean} foreign  the source does not speak the language that is wished for
 * @returns {?Delivery} null: there is nothing to play
 */
export function deliver(grant, plays, wishes, foreign) {
  const source = safeLink(grant.links.source);
  const asItIs = source ? { link: source, adaptive: false, now: false } : null;
  const manifest = manifestOf(grant);
  if (!manifest) {
    const now = safeLink(grant.links.now);
    return now && !(source && plays) ? { link: now, adaptive: true, now: true } : asItIs;
  }
  const rather = wishes.quality === 'original' || (wishes.quality === 'auto' && !foreign && fits(grant));
  return asItIs && plays && rather ? asItIs : { link: manifest, adaptive: true, now: false };
}

/**
 * Does the source fit what the viewer prefers? The server's choice is for every browser: where it names no bound, this
 * browser's own word is the better one.
 * @param {Grant} grant
 */
function fits({ chosen }) {
  return chosen.link === 'source' || (chosen.max_height === null && chosen.rate_bytes_per_second === null);
}

/** @param {Grant} grant */
function manifestOf({ links, chosen }) {
  // Where there is no MediaSource (an old iPhone) the element itself plays HLS, and HLS alone.
  const able = 'MediaSource' in window || 'ManagedMediaSource' in window;
  const order = able ? [chosen.link, ...chosen.alternatives] : ['hls'];
  const first = order.find((name) => (name === 'hls' || name === 'dash') && links[name]);
  return first ? safeLink(links[/** @type {'hls'|'dash'} */ (first)]) : null;
}

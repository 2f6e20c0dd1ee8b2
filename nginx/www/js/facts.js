/** What is known about a file, as a list of terms. */

import { h } from './dom.js';
import { bitrate, bytes, clock, codec, container, day, language, resolution } from './format.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Track} Track */

const DYNAMIC_RANGES = new Map([
  ['hdr10', 'HDR10'],
  ['hlg', 'HLG'],
  ['dolby-vision', 'Dolby Vision'],
]);
/** A peak is told when it is so many times the average. */
const WORTH_TELLING = 1.5;
/** Seeking decodes from a key frame on. */
const FAR_APART_SECONDS = 10;

/**
 * @param {Video} video
 * @returns {HTMLElement}
 */
export function facts(video) {
  const rows = /** @type {[string, ?string][]} */ ([
    ['Duration', video.duration_seconds ? clock(video.duration_seconds) : null],
    ['Picture', picture(video)],
    [
      'Video',
      video.video_codec ? [codec(video.video_codec), ...kind(video), rate(video)].filter(Boolean).join(', ') : null,
    ],
    ...tracks(video),
    ['Container', [container(video.container), ...built(video)].filter(Boolean).join(', ')],
    ['Size', bytes(video.size_bytes)],
    ['File', video.filename],
    ['Added', day(video.added_at)],
    ['Original title', video.original_title],
    ['People', video.people?.join(', ')],
    ['Not used', video.remarks?.join(' ')],
  ]);
  return h(
    'dl',
    { class: 'facts' },
    ...rows
      .filter(([, value]) => value)
      .map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, h('bdi', {}, value)))),
  );
}

/** @param {Video} video */
function picture(video) {
  if (!video.width || !video.height) return null;
  const rate = video.fps ? `${Number(video.fps.toFixed(2))} frames a second` : null;
  return [`${video.width} × ${video.height} (${resolution(video.width, video.height)})`, rate]
    .filter(Boolean)
    .join(', ');
}

/**
 * What is not usual of the picture.
 * @param {Video} video
 */
function kind(video) {
  return [
    video.bit_depth && video.bit_depth > 8 ? `${video.bit_depth} bit` : null,
    video.hdr ? DYNAMIC_RANGES.get(video.hdr) : null,
    video.scan && video.scan !== 'progressive' ? 'interlaced' : null,
  ];
}

/** @param {Video} video */
function rate(video) {
  if (!video.bitrate) return null;
  const peak = video.peak_bitrate && video.peak_bitrate > video.bitrate * WORTH_TELLING ? video.peak_bitrate : null;
  return bitrate(video.bitrate) + (peak ? ` (${bitrate(peak)} at most)` : '');
}

/**
 * How well it can be sent: what makes a start or a seek slow.
 * @param {Video} video
 */
function built(video) {
  return [
    video.moov_position === 'back' ? 'index at its end' : null,
    video.key_frame_seconds && video.key_frame_seconds > FAR_APART_SECONDS
      ? `key frames up to ${Math.round(video.key_frame_seconds)} s apart`
      : null,
  ];
}

/**
 * @param {Video} video
 * @returns {[string, ?string][]}
 */
function tracks(video) {
  const all = video.tracks ?? [];
  const sound = all.filter((track) => track.kind === 'audio').map(named);
  const text = all.filter((track) => track.kind === 'subtitle').map(named);
  return [
    [
      'Sound',
      sound.length > 0 ? sound.join('; ') : (codec(video.audio_codec) ?? (video.status === 'ready' ? 'none' : null)),
    ],
    ['Subtitles', text.length > 0 ? text.join('; ') : null],
  ];
}

/** @param {Track} track */
function named(track) {
  const where = track.language && track.language !== 'und' ? language(track.language) : null;
  return [where, track.title, codec(track.codec), channels(track.channels)].filter(Boolean).join(' ');
}

/** @param {?number|undefined} count */
function channels(count) {
  if (!count) return null;
  return (
    new Map([
      [1, 'mono'],
      [2, 'stereo'],
      [6, '5.1'],
      [8, '7.1'],
    ]).get(count) ?? `${count} channels`
  );
}

/** From the server's names of containers and codecs to the media types that browsers are asked about (RFC 6381). */

/** @typedef {import('./types.js').Video} Video */

/** Each in the order asked; one that the browser knows is enough. @type {Map<string, string[]>} */
const CONTAINERS = new Map([
  ['mp4', ['video/mp4']],
  ['m4v', ['video/mp4']],
  // Chromium plays QuickTime files as what they nearly are, without owning up to the name.
  ['mov', ['video/quicktime', 'video/mp4']],
  ['mkv', ['video/matroska', 'video/x-matroska']],
  ['webm', ['video/webm']],
  ['avi', ['video/x-msvideo', 'video/avi']],
]);

/** The container that browsers know a codec in. @type {Map<string, string>} */
const HOMES = new Map([
  ['h264', 'mp4'],
  ['hevc', 'mp4'],
  ['av1', 'mp4'],
  ['mpeg4', 'mp4'],
  ['mpeg2video', 'mp4'],
  ['mpeg1video', 'mp4'],
  ['vp8', 'webm'],
  ['vp9', 'webm'],
  ['theora', 'ogg'],
  ['aac', 'mp4'],
  ['mp3', 'mp4'],
  ['flac', 'mp4'],
  ['alac', 'mp4'],
  ['ac3', 'mp4'],
  ['eac3', 'mp4'],
  ['dts', 'mp4'],
  ['truehd', 'mp4'],
  ['opus', 'webm'],
  ['vorbis', 'webm'],
]);

/** Other spellings of a sound, where browsers differ. @type {Map<string, string[]>} */
const SPELLINGS = new Map([
  ['mp3', ['mp4a.69', 'mp3']],
  ['flac', ['fLaC']],
]);

/** Raw samples have no name in MP4 that browsers know; what plays them in a WAV plays them here. */
const RAW = new Set(['pcm_s16le', 'pcm_s16be', 'pcm_s24le']);
const RAW_TYPE = 'audio/wav; codecs="1"';

/** Codecs of one family may stand in the other's container: then it is asked for there. */
const FAMILIES = new Map([
  ['mp4', 'mp4'],
  ['m4v', 'mp4'],
  ['mov', 'mp4'],
  ['webm', 'webm'],
]);

/**
 * @param {?string} container
 * @returns {string[]} media types without codecs; none of them need be known to the browser
 */
export function containerTypes(container) {
  return CONTAINERS.get(container ?? '') ?? [];
}

/**
 * @param {Video} video
 * @returns {string[]} media types with the codec of the picture
 */
export function pictureTypes(video) {
  return types(video, 'video', video.video_codec, video.video_codec_string);
}

/**
 * @param {Video} video
 * @returns {string[]} media types with the codec of the sound
 */
export function soundTypes(video) {
  return RAW.has(video.audio_codec ?? '')
    ? [RAW_TYPE]
    : types(video, 'audio', video.audio_codec, video.audio_codec_string);
}

/**
 * @param {Video} video
 * @param {'video'|'audio'} kind
 * @param {?string} codec
 * @param {?string} named
 */
function types(video, kind, codec, named) {
  const home = HOMES.get(codec ?? '');
  if (!home || !named) return [];
  const within = placed(home, video.container);
  return [named, ...(SPELLINGS.get(codec ?? '') ?? [])].map((name) => `${kind}/${within}; codecs="${name}"`);
}

/**
 * Matroska holds everything, and browsers that know it tell little about what is in it.
 * @param {string} home
 * @param {?string} actual
 */
function placed(home, actual) {
  const family = FAMILIES.get(actual ?? '');
  return family && (home === 'mp4' || home === 'webm') ? family : home;
}

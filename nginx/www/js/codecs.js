/**
 * From the server's names of containers and codecs to the media types that browsers are asked about (RFC 6381). The
 * server tells no level, so the lowest one that holds the picture is asked for.
 */

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Track} Track */

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

/** Profile and constraints by ffprobe's name of the profile (ISO/IEC 14496-10, A.2). */
const AVC_PROFILES = new Map([
  ['Baseline', '4200'],
  ['Constrained Baseline', '42e0'],
  ['Main', '4d00'],
  ['High', '6400'],
  ['High 10', '6e00'],
  ['High 4:2:2', '7a00'],
  ['High 4:4:4 Predictive', 'f400'],
]);

/** @typedef {(profile: string, hd: boolean, deep: boolean) => string} Maker */

/** @type {Map<string, Maker>} */
const PICTURES = new Map(
  /** @type {[string, Maker][]} */ ([
    ['h264', (profile, hd) => `mp4; codecs="avc1.${AVC_PROFILES.get(profile) ?? '6400'}${hd ? '33' : '28'}"`],
    [
      'hevc',
      (profile, hd, deep) =>
        `mp4; codecs="hvc1.${/10/.test(profile) || deep ? '2.4' : '1.6'}.L${hd ? '153' : '120'}.90"`,
    ],
    ['av1', (_, hd, deep) => `mp4; codecs="av01.0.${hd ? '13' : '08'}M.${deep ? '10' : '08'}"`],
    [
      'vp9',
      (profile, hd, deep) =>
        `webm; codecs="vp09.0${/\d/.exec(profile)?.[0] ?? (deep ? '2' : '0')}.${hd ? '51' : '40'}.${deep ? '10' : '08'}"`,
    ],
    ['vp8', () => 'webm; codecs="vp8"'],
    ['theora', () => 'ogg; codecs="theora"'],
    ['mpeg4', () => 'mp4; codecs="mp4v.20.9"'],
    ['mpeg2video', () => 'mp4; codecs="mp4v.61"'],
  ]),
);

/** Several spellings where browsers differ. @type {Map<string, string[]>} */
const SOUNDS = new Map([
  ['aac', ['mp4; codecs="mp4a.40.2"']],
  ['mp3', ['mp4; codecs="mp4a.69"', 'mp4; codecs="mp4a.6B"', 'mp4; codecs="mp3"']],
  ['opus', ['webm; codecs="opus"']],
  ['vorbis', ['webm; codecs="vorbis"']],
  ['flac', ['mp4; codecs="flac"', 'mp4; codecs="fLaC"']],
  ['alac', ['mp4; codecs="alac"']],
  ['ac3', ['mp4; codecs="ac-3"']],
  ['eac3', ['mp4; codecs="ec-3"']],
  ['dts', ['mp4; codecs="dtsc"']],
  ['truehd', ['mp4; codecs="mlpa"']],
  // Raw samples have no name in MP4 that browsers know; what plays them in a WAV plays them here.
  ['pcm_s16le', ['wav; codecs="1"']],
  ['pcm_s16be', ['wav; codecs="1"']],
  ['pcm_s24le', ['wav; codecs="1"']],
]);

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
  const made = PICTURES.get(video.video_codec ?? '');
  if (!made) return [];
  const profile = video.tracks?.find((track) => track.kind === 'video')?.profile ?? '';
  const hd = Math.min(video.width ?? 0, video.height ?? 0) > 1088;
  return placed(made(profile, hd, Boolean(video.hdr) || /10/.test(profile)), video.container).map(
    (type) => `video/${type}`,
  );
}

/**
 * @param {Video} video
 * @returns {string[]} media types with the codec of the sound
 */
export function soundTypes(video) {
  const made = SOUNDS.get(video.audio_codec ?? '') ?? [];
  return made.flatMap((type) => placed(type, video.container)).map((type) => `audio/${type}`);
}

/**
 * @param {string} type  in the container that the codec is at home in
 * @param {?string} container
 */
function placed(type, container) {
  const family = FAMILIES.get(container ?? '');
  const [home, codecs] = type.split(';');
  // Matroska holds everything, and browsers that know it tell little about what is in it.
  return family && (home === 'mp4' || home === 'webm') ? [`${family};${codecs}`] : [type];
}

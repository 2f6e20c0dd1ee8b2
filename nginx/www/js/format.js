/** Numbers as people read them. */

/**
 * 3:07, 1:02:09.
 * @param {number} seconds
 */
export function clock(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return '0:00';
  const whole = Math.floor(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(rest).padStart(2, '0')}`;
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${tail}` : `${minutes}:${tail}`;
}

/**
 * The same for a screen reader: "1 hour 2 minutes 9 seconds".
 * @param {number} seconds
 */
export function spoken(seconds) {
  if (!Number.isFinite(seconds) || seconds < 1) return '0 seconds';
  const whole = Math.floor(seconds);
  const parts = [
    [Math.floor(whole / 3600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ];
  return parts
    .filter(([count]) => Number(count) > 0)
    .map(([count, unit]) => `${count} ${unit}${count === 1 ? '' : 's'}`)
    .join(' ');
}

/**
 * A time that nobody knows to the second: "less than a minute", "3 minutes", "1 hour 20 minutes".
 * @param {number} seconds
 */
export function roughly(seconds) {
  return seconds < 60 ? 'less than a minute' : spoken(Math.round(seconds / 60) * 60);
}

/**
 * Decimal units, as disks and file managers count.
 * @param {number} count
 */
export function bytes(count) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let step = 0;
  while (value >= 999.5 && step < units.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]}`;
}

/**
 * @param {number} bitsPerSecond
 */
export function bitrate(bitsPerSecond) {
  return bitsPerSecond >= 1e6
    ? `${(bitsPerSecond / 1e6).toFixed(1)} Mbit/s`
    : `${Math.round(bitsPerSecond / 1e3)} kbit/s`;
}

/**
 * The short name of a picture size, by its narrower measure of 16:9: 1920 x 800 is still "1080p".
 * @param {?number} width
 * @param {?number} height
 * @returns {?string}
 */
export function resolution(width, height) {
  if (!width || !height) return null;
  const [long, short] = width >= height ? [width, height] : [height, width];
  const lines = Math.max(short, Math.round((long * 9) / 16));
  const known = [
    [4320, '8K'],
    [2160, '4K'],
    [1440, '1440p'],
    [1080, '1080p'],
    [720, '720p'],
    [480, '480p'],
    [360, '360p'],
  ];
  for (const [limit, name] of known) {
    if (lines >= Number(limit) * 0.95) return String(name);
  }
  return `${height}p`;
}

const CODECS = new Map(
  Object.entries({
    h264: 'H.264',
    hevc: 'HEVC',
    h265: 'HEVC',
    av1: 'AV1',
    vp9: 'VP9',
    vp8: 'VP8',
    mpeg4: 'MPEG-4 Part 2',
    mpeg2video: 'MPEG-2',
    mpeg1video: 'MPEG-1',
    prores: 'ProRes',
    mjpeg: 'Motion JPEG',
    theora: 'Theora',
    msmpeg4v3: 'DivX 3',
    wmv3: 'WMV 9',
    aac: 'AAC',
    mp3: 'MP3',
    opus: 'Opus',
    vorbis: 'Vorbis',
    flac: 'FLAC',
    ac3: 'Dolby Digital',
    eac3: 'Dolby Digital Plus',
    dts: 'DTS',
    truehd: 'Dolby TrueHD',
    pcm_s16le: 'PCM',
    subrip: 'SRT',
    ass: 'ASS',
    mov_text: 'MP4 text',
    webvtt: 'WebVTT',
  }),
);

const CONTAINERS = new Map(
  Object.entries({
    mp4: 'MP4',
    mkv: 'Matroska',
    matroska: 'Matroska',
    webm: 'WebM',
    avi: 'AVI',
    mov: 'QuickTime',
    m4v: 'M4V',
  }),
);

/** @param {?string|undefined} name */
export function codec(name) {
  return name ? (CODECS.get(name.toLowerCase()) ?? name) : null;
}

/** @param {?string|undefined} name */
export function container(name) {
  return name ? (CONTAINERS.get(name.toLowerCase()) ?? name.toUpperCase()) : null;
}

/**
 * A language tag in the reader's own language ("de" -> "German"); unknown ones as they are.
 * @param {string} tag
 */
export function language(tag) {
  try {
    return new Intl.DisplayNames(undefined, { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/**
 * The language of a tag, in its short form: "deu", "ger" and "de-AT" -> "de".
 * @param {string} tag
 */
export function tongue(tag) {
  try {
    return new Intl.Locale(tag).language;
  } catch {
    return tag;
  }
}

/**
 * @param {string} when  RFC 3339
 */
export function day(when) {
  const date = new Date(when);
  return Number.isNaN(date.valueOf()) ? '' : new Intl.DateTimeFormat(undefined, { dateStyle: 'long' }).format(date);
}

/**
 * Day and hour.
 * @param {string} when  RFC 3339
 */
export function moment(when) {
  const date = new Date(when);
  return Number.isNaN(date.valueOf())
    ? ''
    : new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' }).format(date);
}

/**
 * @param {string} when  RFC 3339
 */
export function hour(when) {
  const date = new Date(when);
  return Number.isNaN(date.valueOf()) ? '' : new Intl.DateTimeFormat(undefined, { timeStyle: 'short' }).format(date);
}

/**
 * The show that an episode is of, with its numbers: `The Show S1 E2`; null for what is none.
 * @param {import('./types.js').Video} video
 */
export function placeInShow(video) {
  if (!video.show) return null;
  const numbers = [
    ['S', video.season],
    ['E', video.episode],
  ];
  return [video.show, ...numbers.filter(([, number]) => number != null).map((pair) => pair.join(''))].join(' ');
}

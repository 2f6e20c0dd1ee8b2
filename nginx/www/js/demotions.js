/**
 * Codecs that this browser says it plays and did not: remembered for a while, for an update may mend it.
 * Nothing of what was watched is in it.
 */

const KEY = 'kinetoscope.demoted';
const LASTS_MS = 30 * 24 * 3600 * 1000;
const MOST = 20;

/** @typedef {import('./types.js').Video} Video */

/** @param {Video} video */
export function demote(video) {
  const entries = Object.entries({ ...load(), [name(video)]: Date.now() });
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(entries.slice(-MOST))));
  } catch {
    // Storage is switched off: the next title finds it out again.
  }
}

/**
 * @param {Video} video
 * @returns {boolean}
 */
export function demoted(video) {
  return name(video) in load();
}

/** @param {Video} video */
function name(video) {
  return `${video.container}/${video.video_codec_string ?? video.video_codec}`;
}

/** @returns {Record<string, number>} name and when, ms */
function load() {
  try {
    const found = Object.entries(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
    return Object.fromEntries(found.filter(([, when]) => typeof when === 'number' && Date.now() - when < LASTS_MS));
  } catch {
    return {};
  }
}

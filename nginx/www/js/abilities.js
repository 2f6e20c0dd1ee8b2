/** What this browser plays, in the server's words: it names what to ask about, and decides by the answers. */

import { questions } from './api.js';
import { answered, heardOf, plays } from './capability.js';
import { containerTypes, pictureTypes, soundTypes } from './codecs.js';
import { demoted } from './demotions.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Plays} Plays */

/** The answers, until the server asks something else or the browser is another one. */
const KEY = 'kinetoscope.abilities';

/** Once a page. @type {?Promise<string[]>} */
let asking = null;

/**
 * What goes with the question for a playback of this title.
 * @param {Video} video
 * @returns {Promise<?Plays>} null: nothing is known
 */
export async function abilities(video) {
  const [general, can] = await Promise.all([known(), answered(video)]);
  const picture = can.picture && !demoted(video);
  const pictures = video.video_codec_string ? pictureTypes(video) : [];
  const sounds = video.audio_codec ? soundTypes(video) : [];
  const decodes = [
    ...general,
    ...containerTypes(video.container).filter(heardOf),
    ...(picture ? pictures : []),
    ...(can.sound ? sounds : []),
  ];
  if (decodes.length === 0) return null;
  return {
    decodes: [...new Set(decodes)],
    fails: [...(picture ? [] : pictures), ...(can.sound ? [] : sounds)],
    // Where there is no MediaSource (an old iPhone) the element itself plays HLS, and HLS alone.
    manifests: 'MediaSource' in window || 'ManagedMediaSource' in window ? ['hls', 'dash'] : ['hls'],
  };
}

/** Of what the server asks about, what this browser plays; asked once, before it is needed. @returns {Promise<string[]>} */
export function known() {
  asking ??= ask().catch(() => {
    // The title's own types are enough to go on with.
    asking = null;
    return [];
  });
  return asking;
}

async function ask() {
  const { version, types } = await questions();
  const before = load();
  if (before?.version === version && before.browser === navigator.userAgent) return before.types;
  const answers = await Promise.all(types.map(plays));
  const found = types.filter((_, index) => answers[index]);
  try {
    localStorage.setItem(KEY, JSON.stringify({ version, browser: navigator.userAgent, types: found }));
  } catch {
    // Storage is switched off: the next page asks again.
  }
  return found;
}

/** @returns {?{version: string, browser: string, types: string[]}} */
function load() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? 'null');
    return Array.isArray(found?.types) ? found : null;
  } catch {
    return null;
  }
}

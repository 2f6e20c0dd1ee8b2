/** Can this browser play a title? It is asked itself, since no two of them play the same. */

import { containerTypes, pictureTypes, soundTypes } from './codecs.js';
import { demoted } from './demotions.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {'plays'|'silent'|'not'} Capability  `silent`: the picture without its sound */

/** What was asked before: a library asks the same few questions again and again. @type {Map<string, Promise<boolean>>} */
const answers = new Map();

const ear = document.createElement('video');

/**
 * @param {Video} video
 * @returns {Promise<Capability>}
 */
export async function capability(video) {
  if (demoted(video) || !containerTypes(video.container).some(heardOf)) return 'not';
  const { picture, sound } = await answered(video);
  if (!picture) return 'not';
  return sound ? 'plays' : 'silent';
}

/**
 * What the browser says of the title's codecs, whatever was seen of them.
 * @param {Video} video
 * @returns {Promise<{picture: boolean, sound: boolean}>}
 */
export async function answered(video) {
  // A codec without a name, or a file that the server has not looked at since it names codecs.
  if (!video.video_codec_string) return { picture: video.direct_play, sound: video.direct_play };
  const [picture, sound] = await Promise.all([
    any(
      pictureTypes(video).map((contentType) => ({
        type: /** @type {const} */ ('file'),
        video: { contentType, ...measures(video) },
      })),
    ),
    !video.audio_codec ||
      any(soundTypes(video).map((contentType) => ({ type: /** @type {const} */ ('file'), audio: { contentType } }))),
  ]);
  return { picture, sound };
}

/**
 * A media type by itself, at an ordinary size.
 * @param {string} type
 * @returns {Promise<boolean>}
 */
export async function plays(type) {
  if (!type.includes('codecs=')) return heardOf(type);
  const configuration = type.startsWith('audio/')
    ? { audio: { contentType: type } }
    : { video: { contentType: type, width: 1280, height: 720, bitrate: 4e6, framerate: 25 } };
  return any([{ type: 'file', ...configuration }]);
}

/**
 * @param {string} type
 */
export function heardOf(type) {
  return ear.canPlayType(type) !== '';
}

/**
 * What the question wants to know beside the codec, with ordinary values for what the server does not tell.
 * @param {Video} video
 */
function measures(video) {
  return {
    width: video.width || 1280,
    height: video.height || 720,
    bitrate: video.bitrate || 4e6,
    framerate: video.fps || 25,
  };
}

/**
 * @param {MediaDecodingConfiguration[]} questions
 * @returns {Promise<boolean>} whether one of them is answered with yes
 */
async function any(questions) {
  for (const question of questions) {
    const key = JSON.stringify(question);
    const answer = answers.get(key) ?? ask(question);
    answers.set(key, answer);
    if (await answer) return true;
  }
  return false;
}

/** @param {MediaDecodingConfiguration} question */
async function ask(question) {
  // First the old question, because Chromium warns on the console of a codec that it has never heard of.
  if (!heardOf(question.video?.contentType ?? question.audio?.contentType ?? '')) return false;
  try {
    return (await navigator.mediaCapabilities.decodingInfo(question)).supported;
  } catch {
    // A browser without this interface, or one that does not take the question.
    return true;
  }
}

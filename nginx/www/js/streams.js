/** At the limit of streams: what is running, and ending one of them to play here. */

import { hour } from './format.js';
import { chooseOne } from './limits.js';
import { Problem } from './problems.js';
import { pause } from './waiting.js';

/** @typedef {import('./types.js').RunningStream} RunningStream */
/** @typedef {import('./types.js').Grant} Grant */

// How often to ask again while what has ended is still being sent: the server cuts it within ten seconds.
const MOST_REPEATS = 5;

/**
 * Asks for a grant; at the limit lets the viewer end a running stream and asks again.
 * @param {(wishes: {replace?: string}) => Promise<Grant>} ask
 * @param {AbortSignal} signal
 * @returns {Promise<?Grant>} null when the viewer keeps what is running
 * @throws {Problem} any other refusal
 */
export async function settleStreams(ask, signal) {
  /** @type {{replace?: string}} */
  let wishes = {};
  for (let repeats = 0; ; ) {
    try {
      return await ask(wishes);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 429 && error.code === 'streams')) throw error;
      const { replace } = wishes;
      if (replace && repeats < MOST_REPEATS && !error.running.some((stream) => stream.playback_id === replace)) {
        repeats += 1;
        await pause(error.retryAfter * 1000, signal);
        continue;
      }
      const chosen = await choose(error.running);
      if (!chosen) return null;
      wishes = { replace: chosen };
    }
  }
}

/**
 * @param {RunningStream[]} running
 * @returns {Promise<?string>} the playback to end
 */
function choose(running) {
  const some = running.length > 0;
  return chooseOne(
    some
      ? `You are already watching ${running.length === 1 ? 'a stream' : `${running.length} streams`}`
      : 'Too many streams',
    some
      ? 'That is as many as your account may watch at once. End one of them to play here, or keep them.'
      : 'That is as many as your account may watch at once. Stop one of them, then try again.',
    running.map((stream) => ({
      id: stream.playback_id,
      title: titleOf(stream),
      detail: detailOf(stream),
      label: `End this one: ${titleOf(stream)}${stream.device ? ` on ${stream.device}` : ''}, and play here`,
    })),
  );
}

/** @param {RunningStream} stream */
function titleOf(stream) {
  const named = typeof stream.video === 'object' ? stream.video?.title : undefined;
  return named ?? stream.title ?? 'A title';
}

/** @param {RunningStream} stream */
function detailOf(stream) {
  const since = stream.since ? hour(stream.since) : '';
  return [stream.device, since && `since ${since}`, stream.state].filter(Boolean).join(' · ');
}

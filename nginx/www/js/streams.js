/** At the limit of streams: what is running, and ending one of them to play here. */

import { h, uniqueId } from './dom.js';
import { hour } from './format.js';
import { Problem } from './problems.js';

/** @typedef {import('./types.js').RunningStream} RunningStream */
/** @typedef {import('./types.js').Grant} Grant */

/**
 * Asks for a grant; at the limit lets the viewer end a running stream and asks again.
 * @param {(wishes: {replace?: string}) => Promise<Grant>} ask
 * @returns {Promise<?Grant>} null when the viewer keeps what is running
 * @throws {Problem} any other refusal
 */
export async function settleStreams(ask) {
  /** @type {{replace?: string}} */
  let wishes = {};
  for (;;) {
    try {
      return await ask(wishes);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 429 && error.code === 'streams')) throw error;
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
  const heading = uniqueId('streams');
  const dialog = h('dialog', { class: 'streams', 'aria-labelledby': heading });
  /** @type {?string} */
  let chosen = null;
  dialog.append(
    h('h2', { id: heading }, running.length > 0 ? `You are already watching ${running.length === 1 ? 'a stream' : `${running.length} streams`}` : 'Too many streams'),
    h('p', {}, running.length > 0
      ? 'That is as many as your account may watch at once. End one of them to play here, or keep them.'
      : 'That is as many as your account may watch at once. Stop one of them, then try again.'),
    h('ul', {}, ...running.map((stream) => h('li', {},
      h('div', {}, h('p', { class: 'what', dir: 'auto' }, titleOf(stream)), h('p', { class: 'fine' }, detailOf(stream))),
      h('button', {
        type: 'button',
        class: 'secondary',
        'aria-label': `End ${titleOf(stream)}${stream.device ? ` on ${stream.device}` : ''} and play here`,
        onclick: () => {
          chosen = stream.playback_id;
          dialog.close();
        },
      }, 'End this one')))),
    h('form', { method: 'dialog' }, h('button', { class: 'quiet' }, 'Keep them')));
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(chosen);
    });
    // Leaving the view (the back button) answers the question too.
    addEventListener('hashchange', () => dialog.close(), { once: true });
    dialog.showModal();
  });
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

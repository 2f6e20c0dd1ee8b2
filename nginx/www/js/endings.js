/**
 * Why a playback has ended, as sentences: one for each reason that the server knows (the `code` of a heartbeat's 410).
 * A test compares this list with the server's.
 */

const SENTENCES = new Map([
  ['ended', 'This playback was ended from another device.'],
  ['replaced', 'This playback was ended so that another one could start.'],
  ['stopped', 'This playback was ended by an administrator.'],
  ['session', 'This playback was ended with its session.'],
  ['withdrawn', 'You may no longer watch this title.'],
  ['removed', 'This title was removed from the library.'],
  ['lapsed', 'This playback was ended because nothing was heard of it for a long time.'],
  ['disclosed', 'This playback was ended because its link was sent without encryption.'],
]);

/** @param {import('./problems.js').Problem} ended  what the server answered */
export function ending(ended) {
  return SENTENCES.get(ended.code) ?? 'This playback has ended.';
}

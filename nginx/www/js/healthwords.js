/** What may be wrong with how a file streams, and where files play, in words for people. */

/** @type {Record<import('./contract.js').HealthFinding, string>} */
export const FINDINGS = {
  broken: 'Can’t be played',
  incomplete: 'Incomplete',
  not_everywhere: 'Not for every browser',
  interlaced: 'Interlaced',
  edit_list: 'Cut by an edit list',
  sparse_key_frames: 'Slow to seek',
  peaks: 'Uneven rate',
  moov_at_end: 'Index at the end',
  open_gop: 'Open groups of pictures',
  no_text_subtitles: 'Subtitles as pictures only',
};

/** @type {Record<import('./contract.js').HealthPlace, string>} */
export const PLACES = {
  browsers: 'every browser',
  television: 'televisions',
  vlc: 'VLC',
  mpv: 'mpv',
  kodi: 'Kodi',
};

/**
 * What one press does, by the remedy.
 * @param {string} remedy
 * @param {number} [count]  of all that have a finding
 */
export function act(remedy, count) {
  if (remedy === 'rescan') return count ? `Look at ${count} again` : 'Look again';
  return count ? `Make versions of ${count}` : 'Make versions';
}

/** @param {number} count */
export function titles(count) {
  return count === 1 ? '1 title' : `${count} titles`;
}

/**
 * What was begun, as a sentence.
 * @param {import('./types.js').HealthStarted} answer
 */
export function begun({ remedy, started, under_way: underWay, left }) {
  const what = remedy === 'rescan' ? 'looked at again by the next scan' : 'made versions of';
  const before = underWay > 0 || started === 0 ? 'Nothing new: it is under way, or done.' : '';
  const more = left > 0 ? ` ${titles(left)} are left for the next press.` : '';
  return started > 0 ? `${titles(started)} will be ${what}.${more}` : before;
}

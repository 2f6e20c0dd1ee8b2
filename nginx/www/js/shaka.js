/** shaka-player's core build, fetched when a title is first played by HLS or DASH: most never are. */

import { h } from './dom.js';
import { Problem } from './problems.js';

const ADDRESS = '/vendor/shaka-player/shaka-player.compiled.js';

/**
 * What is used of it here.
 *
 * @typedef {object} ShakaError
 * @property {number} category  1: the network
 * @property {number} code
 * @property {unknown[]} [data]  of a refusal: address, status, text, headers by their small names
 *
 * @typedef {{width: ?number, height: ?number, bandwidth: number, active: boolean}} ShakaVideoTrack
 * @typedef {{language: string, label: ?string, channelsCount: ?number, active: boolean}} ShakaAudioTrack
 *
 * @typedef {EventTarget & {
 *   attach: (media: HTMLMediaElement) => Promise<void>,
 *   configure: (settings: object) => boolean,
 *   load: (link: string, at: ?number) => Promise<void>,
 *   getNetworkingEngine: () => ?EventTarget,
 *   destroy: () => Promise<void>,
 *   getVideoTracks: () => ShakaVideoTrack[],
 *   selectVideoTrack: (track: ShakaVideoTrack, clearBuffer: boolean, safeMargin: number) => void,
 *   getAudioTracks: () => ShakaAudioTrack[],
 *   selectAudioTrack: (track: ShakaAudioTrack) => void,
 * }} ShakaPlayer
 *
 * @typedef {{Player: {new (): ShakaPlayer, isBrowserSupported: () => boolean}, polyfill: {installAll: () => void}}} Shaka
 */

/** @type {?Promise<Shaka>} */
let fetched = null;

/**
 * @returns {Promise<Shaka>}
 * @throws {Problem} status 0 when it can't be had now
 */
export function shaka() {
  fetched ??= new Promise((resolve, reject) => {
    // No module: it puts its name into the window.
    const script = h('script', {
      src: ADDRESS,
      onload: () => {
        const { shaka: library } = /** @type {any} */ (window);
        library.polyfill.installAll();
        resolve(library);
      },
      onerror: () => {
        fetched = null;
        script.remove();
        reject(new Problem({ status: 0, code: 'offline' }));
      },
    });
    document.head.append(script);
  });
  return fetched;
}

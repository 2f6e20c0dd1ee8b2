/** What the picture is fed from: the file itself, or a manifest by shaka-player. One at a time, and in order. */

import { Adaptive } from './adaptive.js';
import { shaka } from './shaka.js';

/** @typedef {import('./delivery.js').Delivery} Delivery */
/** @typedef {import('./delivery.js').Wishes} Wishes */

export class Feed {
  /**
   * @param {HTMLVideoElement} media
   * @param {(failure: unknown) => void} onFailure  of the manifest or what it names; the element tells its own errors
   * @param {() => void} onChange  of what is played
   */
  constructor(media, onFailure, onChange) {
    this.media = media;
    this.onFailure = onFailure;
    this.onChange = onChange;
    /** @type {?Adaptive} */
    this.stream = null;
    /** Counts the loads: what an older one still does is void. */
    this.turn = 0;
    /** The end of what was there before. @type {Promise<void>} */
    this.gone = Promise.resolve();
  }

  /**
   * @param {Delivery} delivery
   * @param {number} at  seconds
   * @param {Wishes} wishes
   * @returns {Promise<boolean>} false: something else was loaded meanwhile
   * @throws what shaka-player says, or a Problem when it can't be had
   */
  async load(delivery, at, wishes) {
    this.release();
    const mine = this.turn;
    await this.gone;
    const library = delivery.adaptive ? await shaka() : null;
    if (mine !== this.turn) return false;
    if (!library?.Player.isBrowserSupported()) {
      this.begin(delivery.link, at, mine);
      return true;
    }
    this.stream = new Adaptive(library, this.media, this.onFailure, this.onChange);
    try {
      await this.stream.load(delivery, at, wishes);
    } catch (error) {
      if (mine !== this.turn) return false;
      throw error;
    }
    return mine === this.turn;
  }

  /**
   * @param {string} link
   * @param {number} at  seconds
   * @param {number} mine
   */
  begin(link, at, mine) {
    const go = () => {
      if (mine === this.turn && at > 0) this.media.currentTime = at;
    };
    this.media.addEventListener('loadedmetadata', go, { once: true });
    this.media.src = link;
  }

  /** Nothing is fetched any more. */
  clear() {
    this.release();
    this.media.removeAttribute('src');
    this.media.load();
  }

  release() {
    this.turn += 1;
    const { stream } = this;
    this.stream = null;
    if (stream) this.gone = stream.close();
  }
}

/** A title by its manifest (HLS or DASH): shaka-player takes what the line carries, or what the viewer asks for. */

import { tongue } from './format.js';
import { dontInsist, SETTINGS_NOW } from './madenow.js';

/** @typedef {import('./shaka.js').Shaka} Shaka */
/** @typedef {import('./shaka.js').ShakaError} ShakaError */
/** @typedef {import('./delivery.js').Delivery} Delivery */
/** @typedef {import('./delivery.js').Wishes} Wishes */

/** A switch that the viewer asked for keeps this much of what is there already, in seconds: two segments. */
const MARGIN_SECONDS = 8;
const SHAPE = 16 / 9;
/** Pictures have even sides: their boxes are not exact. */
const NEARLY = 1.02;
const SETTINGS = {
  // Subtitles come by tracks of the page's own (subtitles.js).
  manifest: { disableText: true, retryParameters: { maxAttempts: 2 } },
  // A source attribute, as the player's other ways have it.
  mediaSource: { useSourceElements: false },
  streaming: {
    bufferingGoal: 30,
    // Above 0 a seek during the first switch upwards can stall for good (5.2.7 to 5.2.12).
    segmentPrefetchLimit: 0,
    retryParameters: { maxAttempts: 2 },
  },
};

export class Adaptive {
  /**
   * @param {Shaka} library
   * @param {HTMLVideoElement} media
   * @param {(error: ShakaError) => void} onFailure  it can't go on
   * @param {() => void} onChange  of what is played
   */
  constructor(library, media, onFailure, onChange) {
    this.media = media;
    this.player = new library.Player();
    this.closed = false;
    this.player.addEventListener('error', (event) => {
      if (!this.closed) onFailure(/** @type {CustomEvent<ShakaError>} */ (event).detail);
    });
    for (const name of ['adaptation', 'variantchanged', 'trackschanged', 'audiotrackschanged']) {
      this.player.addEventListener(name, onChange);
    }
  }

  /**
   * @param {Delivery} delivery  of a manifest
   * @param {number} at  seconds
   * @param {Wishes} wishes
   * @throws {ShakaError}
   */
  async load({ link, now }, at, wishes) {
    const most = typeof wishes.quality === 'number' ? wishes.quality : wishes.maxHeight;
    this.player.configure({
      ...SETTINGS,
      abr: { restrictions: within(most) },
      // A browser mixes 5.1 down as it likes; what was mixed for two is as loud as other films.
      preferredAudio: [{ language: wishes.sound, channelCount: 2 }],
    });
    if (now) {
      this.player.configure(SETTINGS_NOW);
      dontInsist(this.player);
    }
    await this.player.attach(this.media);
    await this.player.load(link, at > 0 ? at : null);
    if (typeof wishes.quality === 'number') this.pick(wishes.quality, null);
  }

  /**
   * @param {number|'auto'} quality  lines; the nearest that is there
   * @param {?number} most  lines that `auto` may take; null: any
   */
  pick(quality, most) {
    const adapts = quality === 'auto';
    this.player.configure({ abr: { enabled: adapts, restrictions: within(most) } });
    if (adapts) return;
    const tracks = this.player.getVideoTracks().sort((one, other) => lines(other) - lines(one));
    const fitting = tracks.find((track) => lines(track) <= quality * NEARLY) ?? tracks.at(-1);
    if (fitting && !fitting.active) this.player.selectVideoTrack(fitting, true, MARGIN_SECONDS);
  }

  /** Lines of the picture that is being fetched; 0: not known yet. */
  get lines() {
    const active = this.player.getVideoTracks().find((track) => track.active);
    return active ? lines(active) : 0;
  }

  /** Lines of the highest picture that this browser plays of it; 0: not known yet. */
  get highest() {
    return Math.max(0, ...this.player.getVideoTracks().map(lines));
  }

  /** Each once, in the manifest's order. @returns {string[]} */
  get languages() {
    return [...new Set(this.player.getAudioTracks().map((track) => tongue(track.language)))];
  }

  /** The one that is heard. @returns {string} */
  get language() {
    return tongue(this.player.getAudioTracks().find((track) => track.active)?.language ?? '');
  }

  /** @param {string} language */
  speak(language) {
    const spoken = this.player.getAudioTracks().filter((one) => tongue(one.language) === language);
    const track = spoken.find((one) => (one.channelsCount ?? 2) <= 2) ?? spoken[0];
    if (track && !track.active) this.player.selectAudioTrack(track);
  }

  /** Ends what it still fetches, and lets go of the element. */
  async close() {
    this.closed = true;
    await this.player.destroy().catch(() => undefined);
  }
}

/**
 * The lines of the 16:9 box that a picture was made for, whichever way it lies: 720 for 1280 x 534, and for 720 x 1280.
 * @param {{width: ?number, height: ?number}} track
 */
function lines({ width, height }) {
  const [long, short] = [Math.max(width ?? 0, height ?? 0), Math.min(width ?? 0, height ?? 0)];
  return Math.max(short, Math.round(long / SHAPE));
}

/** @param {?number} most  lines; null: any */
function within(most) {
  return { maxPixels: most === null ? Number.POSITIVE_INFINITY : most * most * SHAPE * NEARLY * NEARLY };
}

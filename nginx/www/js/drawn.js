/** Subtitles that are pictures: libpgs reads them beside the page, and draws them on a canvas over the film. */

import { say } from './announce.js';
import { h } from './dom.js';

const ADDRESS = '/vendor/libpgs/libpgs.js';
const BESIDE = '/vendor/libpgs/libpgs.worker.js';
/** Up to here (lines) a screen is a DVD's or of its time: it has the shape of the film, and its pixels are not square. */
const STANDARD_LINES = 576;

/**
 * What is used of it here.
 *
 * @typedef {object} Renderer
 * @property {(link: string) => Promise<void>} loadFromUrl
 * @property {(seconds: number) => void} renderAtTimestamp
 * @property {() => void} dispose
 */

/** @type {?Promise<{PgsRenderer: new (options: object) => Renderer}>} */
let fetched = null;

/** The library, fetched when such subtitles are first shown. */
function library() {
  fetched ??= import(ADDRESS).catch((error) => {
    fetched = null;
    throw error;
  });
  return fetched;
}

export class Drawn {
  /**
   * @param {HTMLVideoElement} media
   * @param {string} name  of the file
   */
  constructor(media, name) {
    this.media = media;
    this.name = name;
    this.canvas = h('canvas', { class: 'drawn', 'aria-hidden': 'true', width: '0', height: '0' });
    /** @type {?Renderer} */
    this.renderer = null;
    this.closed = false;
    this.lifted = 0;
    /** It is being fetched, or has been. */
    this.asked = false;
    media.after(this.canvas);
    this.over = new AbortController();
    const { signal } = this.over;
    // While the film stands, or where a browser doesn't tell its frames.
    for (const name of ['timeupdate', 'seeking', 'seeked']) media.addEventListener(name, () => this.draw(), { signal });
    for (const name of ['loadedmetadata', 'resize']) media.addEventListener(name, () => this.place(), { signal });
    const resized = new ResizeObserver(() => this.place());
    resized.observe(media);
    // The size of their screen, which the library learns from the first of them.
    const shaped = new MutationObserver(() => this.place());
    shaped.observe(this.canvas, { attributeFilter: ['width', 'height'] });
    this.observers = [resized, shaped];
    this.follow();
  }

  /** With each frame of the film: as early and as late as the subtitles say, at any speed. */
  follow() {
    if (this.closed || !this.media.requestVideoFrameCallback) return;
    this.media.requestVideoFrameCallback(() => {
      this.draw();
      this.follow();
    });
  }

  /**
   * Where it is now. What has been fetched stays.
   * @param {string} prefix  of signed links
   */
  async link(prefix) {
    if (this.asked) return;
    this.asked = true;
    try {
      const { PgsRenderer } = await library();
      if (this.closed) return;
      this.renderer ??= new PgsRenderer({
        canvas: this.canvas,
        workerUrl: BESIDE,
        // Drawn by the page itself: so it knows how large their screen is.
        mode: 'workerWithoutOffscreenCanvas',
      });
      const loaded = this.renderer.loadFromUrl(prefix + this.name);
      this.draw();
      await loaded;
      this.draw();
    } catch {
      // By the next link it is tried again.
      this.asked = false;
      if (!this.closed) say('These subtitles could not be fetched.');
    }
  }

  draw() {
    this.renderer?.renderAtTimestamp(this.media.currentTime);
  }

  /** @param {number} part  of the picture, at its bottom, that belongs to others */
  lift(part) {
    this.lifted = part;
    this.place();
  }

  /** Over the film: in its middle and as wide as it, or in its shape. Smaller while the bar covers a part of it. */
  place() {
    const { canvas, media } = this;
    const { clientWidth, clientHeight, videoWidth, videoHeight } = media;
    if (!(canvas.width > 0 && videoWidth > 0)) return;
    const isStandard = canvas.height <= STANDARD_LINES;
    const [wide, high] = isStandard ? [videoWidth, videoHeight] : [canvas.width, canvas.height];
    const scale = Math.min(clientWidth / wide, clientHeight / high);
    canvas.style.width = `${wide * scale}px`;
    canvas.style.height = `${high * scale}px`;
    canvas.style.left = `${(clientWidth - wide * scale) / 2}px`;
    canvas.style.top = `${(clientHeight - high * scale) / 2}px`;
    const covered = Math.max(0, this.lifted * clientHeight - (clientHeight - high * scale) / 2);
    canvas.style.scale = String(1 - Math.min(0.5, covered / (high * scale)));
  }

  close() {
    this.closed = true;
    this.over.abort();
    for (const observer of this.observers) observer.disconnect();
    this.renderer?.dispose();
    this.canvas.remove();
  }
}

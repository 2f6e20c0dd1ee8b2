/** Small pictures of a film by the second, from its storyboard: a WebVTT whose cues name parts of sheets. */

import { text } from './http.js';

/**
 * @typedef {object} Tile
 * @property {number} from  seconds
 * @property {string} sheet  name of the picture
 * @property {number} x  pixels, as the rest
 * @property {number} y
 * @property {number} width
 * @property {number} height
 */

const TIME = /^(?:(\d+):)?(\d\d):(\d\d\.\d{3}) --> /;
const PART = /^((?:[a-z]+)(?:-\d+)?\.jpg)#xywh=(\d+),(\d+),(\d+),(\d+)$/;

/** Fetched once, when it is first asked for. */
export class Storyboard {
  /** @param {AbortSignal} signal */
  constructor(signal) {
    this.signal = signal;
    /** Where the title's signed links begin; empty: there is no storyboard. */
    this.prefix = '';
    /** @type {?Promise<Tile[]>} */
    this.asked = null;
    /** @type {Tile[]} */
    this.tiles = [];
  }

  /**
   * @param {number} place  seconds
   * @returns {?Tile} null: none, or not fetched yet
   */
  at(place) {
    if (this.prefix) this.asked ??= this.fetch();
    return this.tiles.findLast((tile) => tile.from <= place) ?? null;
  }

  async fetch() {
    try {
      this.tiles = parse(await text(`${this.prefix}storyboard.vtt`, this.signal));
    } catch {
      // The hint is the time alone. The next link is tried again.
    }
    return this.tiles;
  }

  /** @param {string} prefix */
  link(prefix) {
    this.prefix = prefix;
    if (this.tiles.length === 0) this.asked = null;
  }
}

/**
 * @param {string} vtt
 * @returns {Tile[]} in the order of time
 */
export function parse(vtt) {
  return vtt.split(/\r?\n\r?\n/).flatMap((cue) => {
    const lines = cue.trim().split(/\r?\n/);
    const at = lines.findIndex((line) => TIME.test(line));
    const time = TIME.exec(lines[at] ?? '');
    const part = PART.exec(lines[at + 1] ?? '');
    if (!time || !part) return [];
    const from = Number(time[1] ?? 0) * 3600 + Number(time[2]) * 60 + Number(time[3]);
    const [x = 0, y = 0, width = 0, height = 0] = part.slice(2).map(Number);
    return [{ from, sheet: String(part[1]), x, y, width, height }];
  });
}

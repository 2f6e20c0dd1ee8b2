/** What a place on the seek bar is: its time, its chapter, and a small picture of it. */

import { fill, h } from './dom.js';
import { clock } from './format.js';

/** @typedef {import('./storyboard.js').Storyboard} Storyboard */
/** @typedef {import('./types.js').Chapter} Chapter */

/** The part of the picture's height that a small one may take. */
const MOST = 0.4;

export class Preview {
  /**
   * @param {Storyboard} storyboard
   * @param {Chapter[]} chapters
   */
  constructor(storyboard, chapters) {
    this.storyboard = storyboard;
    this.chapters = chapters;
    this.tile = h('span', { class: 'tile', hidden: true });
    this.words = h('span', { class: 'place' });
    // A screen reader has the bar's own value.
    this.element = h('div', { class: 'hint', hidden: true, 'aria-hidden': 'true' }, this.tile, this.words);
  }

  /**
   * @param {number} place  seconds
   * @param {number} part  of the bar, 0 to 1
   */
  show(place, part) {
    const chapter = this.chapterAt(place);
    fill(this.words, clock(place), chapter && ' ', chapter && h('bdi', {}, chapter));
    this.element.style.setProperty('--at', `${part * 100}%`);
    this.element.hidden = false;
    this.draw(place);
    // The first time there is nothing yet: it comes a moment later.
    if (this.tile.hidden) void this.storyboard.asked?.then(() => this.draw(place));
  }

  hide() {
    this.element.hidden = true;
  }

  /** @param {number} place  seconds @returns {string} empty: it has no name */
  chapterAt(place) {
    return this.chapters.findLast((chapter) => chapter.start_seconds <= place)?.title ?? '';
  }

  /** Set through the object model, which the content security policy allows. @param {number} place  seconds */
  draw(place) {
    const tile = this.storyboard.at(place);
    this.tile.hidden = tile === null;
    if (!tile) return;
    const room = (this.element.closest('.player')?.clientHeight ?? 0) * MOST;
    this.element.style.setProperty('--tile', `${tile.width}px`);
    this.element.style.setProperty('--zoom', String(Math.min(1, room / tile.height)));
    Object.assign(this.tile.style, {
      width: `${tile.width}px`,
      height: `${tile.height}px`,
      backgroundImage: `url("${CSS.escape(this.storyboard.prefix + tile.sheet)}")`,
      backgroundPosition: `-${tile.x}px -${tile.y}px`,
    });
  }
}

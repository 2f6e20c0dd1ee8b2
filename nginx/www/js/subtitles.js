/**
 * Subtitles over the picture: the browser draws them from tracks of the page's own, whatever feeds the picture; the page
 * those that are pictures themselves.
 */

import { h } from './dom.js';
import { Drawn } from './drawn.js';
import { language, tongue } from './format.js';

/** @typedef {import('./types.js').Subtitle} Subtitle */

/** Height of a line of subtitles, of the picture's: as browsers draw it, and on a small picture as the sheet says. */
const LINE_PERCENT = 7;
const LINE_PIXELS = 18;

export class Subtitles {
  /**
   * @param {HTMLVideoElement} media
   * @param {Subtitle[]} listed
   */
  constructor(media, listed) {
    this.media = media;
    this.listed = listed;
    this.tracks = new Map(
      listed
        .filter((one) => one.is_text)
        .map((one) => [one.name, h('track', { kind: 'subtitles', srclang: tongue(one.language), label: called(one) })]),
    );
    /** What the page draws. @type {?Drawn} */
    this.drawn = null;
    /** Of signed links. */
    this.prefix = '';
    /** The part of the picture, at its bottom, that belongs to others. */
    this.lifted = 0;
    /** @type {WeakSet<VTTCue>} without a place of their own */
    this.free = new WeakSet();
    for (const { track } of this.tracks.values()) track.addEventListener('cuechange', () => this.seat(track));
    /** Name of what is shown; empty: nothing. */
    this.shown = '';
  }

  /**
   * Where they are now. What has been fetched stays.
   * @param {string} prefix  of signed links
   */
  link(prefix) {
    this.prefix = prefix;
    void this.drawn?.link(prefix);
    for (const [name, element] of this.tracks) {
      if (element.readyState !== HTMLTrackElement.LOADED) element.src = prefix + name;
    }
  }

  /** @param {string} name  empty: none */
  show(name) {
    const one = this.listed.find((each) => each.name === name);
    this.shown = one?.name ?? '';
    // The others are taken away: of what is there a browser turns on by itself what it takes to be its user's language.
    for (const [each, element] of this.tracks) {
      if (each === this.shown) this.media.append(element);
      else element.remove();
      element.track.mode = each === this.shown ? 'showing' : 'disabled';
    }
    if (this.drawn?.name === this.shown) return;
    this.close();
    if (!one || one.is_text) return;
    this.drawn = new Drawn(this.media, one.name);
    this.drawn.lift(this.lifted);
    if (this.prefix) void this.drawn.link(this.prefix);
  }

  /** The page draws nothing any more. */
  close() {
    this.drawn?.close();
    this.drawn = null;
  }

  /** @param {number} part  of the picture that the words keep clear of, from its bottom */
  lift(part) {
    if (part === this.lifted) return;
    this.lifted = part;
    this.drawn?.lift(part);
    for (const { track } of this.tracks.values()) this.seat(track);
  }

  /** Words that have no place of their own stand above what covers the bottom. @param {TextTrack} track */
  seat(track) {
    const line = Math.max(LINE_PERCENT, (100 * LINE_PIXELS) / Math.max(this.media.clientHeight, 1));
    let foot = 100 * (1 - this.lifted);
    for (const cue of /** @type {VTTCue[]} */ ([...(track.activeCues ?? [])]).reverse()) {
      if (cue.line === 'auto') this.free.add(cue);
      if (!this.free.has(cue)) continue;
      foot -= line * cue.text.split('\n').length;
      cue.snapToLines = this.lifted === 0;
      cue.line = this.lifted === 0 ? 'auto' : Math.max(0, foot);
    }
  }

  /**
   * The ones for a viewer who reads this language; without a word of theirs, those that belong to the film as it sounds.
   * @param {?string} text  language; empty: none; null: never said
   * @param {string} sound  language that is heard
   * @returns {string} name; empty: none
   */
  fitting(text, sound) {
    const wanted = text ?? sound;
    const found = this.listed
      .filter((one) => tongue(one.language) === wanted && one.is_forced === (text === null))
      .sort((one, other) => Number(one.is_hearing_impaired) - Number(other.is_hearing_impaired));
    return found[0]?.name ?? '';
  }

  /** @param {string} name @returns {string} empty: none */
  languageOf(name) {
    const one = this.listed.find((each) => each.name === name);
    return one ? tongue(one.language) : '';
  }

  /** For a menu. @returns {[value: string, label: string][]} */
  get options() {
    return [['', 'Off'], .../** @type {[string, string][]} */ (this.listed.map((one) => [one.name, called(one)]))];
  }
}

/** @param {Subtitle} one */
function called(one) {
  const kind = [
    one.is_forced && 'forced',
    one.is_hearing_impaired && 'for the hard of hearing',
    !one.is_text && 'pictures',
  ].filter(Boolean);
  return [language(tongue(one.language)), one.title, kind.length > 0 && `(${kind.join(', ')})`]
    .filter(Boolean)
    .join(' ');
}

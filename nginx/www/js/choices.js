/** What the viewer may choose of a title, and has chosen: quality, language of the sound, subtitles. */

import { say } from './announce.js';
import { adapts, deliver, rungs } from './delivery.js';
import { language, tongue } from './format.js';
import * as preferences from './preferences.js';
import { Subtitles } from './subtitles.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Grant} Grant */
/** @typedef {import('./feed.js').Feed} Feed */
/** @typedef {import('./settings.js').Menu} Menu */

export class Choices {
  /**
   * @param {Video} video
   * @param {boolean} plays  this browser plays the source
   * @param {HTMLVideoElement} media
   * @param {Feed} feed
   * @param {() => void} again  loads at the same place, since another file has to feed the picture
   */
  constructor(video, plays, media, feed, again) {
    this.video = video;
    this.plays = plays;
    this.feed = feed;
    /** What was granted last is made while it is watched. */
    this.now = false;
    this.again = again;
    this.subtitles = new Subtitles(media, video.subtitles ?? []);
    const { quality, sound } = preferences.load();
    /** @type {import('./delivery.js').Wishes} */
    this.wishes = { quality, sound, maxHeight: null };
    const spoken = (video.tracks ?? []).filter((track) => track.kind === 'audio');
    this.spoken = spoken.map((track) => tongue(track.language ?? ''));
    /** What a browser plays of the source. */
    this.own = tongue((spoken.find((track) => track.is_default) ?? spoken[0])?.language ?? '');
    const { text } = preferences.load();
    this.subtitles.show(this.subtitles.fitting(text, sound || this.own));
    /** What a key turns on again. */
    this.read = this.subtitles.shown || this.subtitles.fitting(this.own, '') || (this.subtitles.listed[0]?.name ?? '');
  }

  /** @param {Grant} grant */
  deliver(grant) {
    this.wishes.maxHeight = grant.chosen.max_height;
    this.wishes.sound ||= tongue(grant.chosen.language ?? '');
    const { sound } = this.wishes;
    const foreign = sound !== '' && sound !== this.own && this.spoken.includes(sound);
    const delivery = deliver(grant, this.plays, this.wishes, foreign);
    this.now = delivery?.now ?? false;
    return delivery;
  }

  /** As they are now, for whoever draws them. One without a choice is left out. @returns {Menu[]} */
  get menus() {
    return [this.quality, this.sound, this.text].filter((menu) => menu.options.length > 1);
  }

  /** @returns {Menu} */
  get quality() {
    const { stream } = this.feed;
    // There is one picture then, whatever is kept meanwhile.
    const made = adapts(this.video) && !this.now ? rungs(this.video) : [];
    // Not every browser plays what is above 1080 lines.
    const highest = stream?.highest && made.findLast((height) => height * 1.02 >= stream.highest);
    const heights = made.filter((height) => !highest || height <= highest);
    const original = this.plays && heights.length > 0;
    // A rung is named after its box; a picture may have fewer lines.
    const rung = stream && heights.findLast((height) => height * 1.02 >= stream.lines);
    const now = stream ? stream.lines && `${rung ?? stream.lines}p` : 'original';
    const auto = this.wishes.quality === 'auto' && now ? `Auto (${now})` : 'Auto';
    const nearest = heights.find((height) => height <= Number(this.wishes.quality)) ?? heights.at(-1);
    return {
      name: 'Quality',
      options: [
        ...(heights.length > 0 ? [/** @type {[string, string]} */ (['auto', auto])] : []),
        ...(original ? [/** @type {[string, string]} */ (['original', 'Original'])] : []),
        ...heights.map((height) => /** @type {[string, string]} */ ([String(height), `${height}p`])),
      ],
      value: typeof this.wishes.quality === 'number' ? String(nearest) : original ? this.wishes.quality : 'auto',
      pick: (value) => this.pickQuality(value === 'auto' || value === 'original' ? value : Number(value)),
    };
  }

  /** @returns {Menu} */
  get sound() {
    const { stream } = this.feed;
    const languages = stream ? stream.languages : adapts(this.video) ? [...new Set(this.spoken)] : [];
    return {
      name: 'Sound',
      options: languages.map((tag) => [tag, tag && tag !== 'und' ? language(tag) : 'Unknown language']),
      value: stream ? stream.language : this.own,
      pick: (value) => this.pickSound(value),
    };
  }

  /** @returns {Menu} */
  get text() {
    return {
      name: 'Subtitles',
      options: this.subtitles.options,
      value: this.subtitles.shown,
      pick: (value) => this.pickText(value),
    };
  }

  /** @param {import('./preferences.js').Quality} value */
  pickQuality(value) {
    this.wishes.quality = value;
    preferences.save({ quality: value });
    const { stream } = this.feed;
    // What plays as it is, and what would, are other files.
    if (!stream || value === 'original' || (value === 'auto' && this.plays)) this.again();
    else stream.pick(value, this.wishes.maxHeight);
  }

  /** @param {string} value */
  pickSound(value) {
    this.wishes.sound = value;
    if (this.wishes.quality === 'original') this.wishes.quality = 'auto';
    preferences.save({ sound: value, quality: this.wishes.quality });
    if (this.feed.stream) this.feed.stream.speak(value);
    else this.again();
  }

  /** @param {string} value  a name; empty: none */
  pickText(value) {
    this.subtitles.show(value);
    this.read = value || this.read;
    preferences.save({ text: this.subtitles.languageOf(value) });
  }

  /** By a key: off, and on again. @returns {boolean} whether there are any */
  toggleText() {
    if (!this.read) return false;
    this.pickText(this.subtitles.shown ? '' : this.read);
    say(this.subtitles.shown ? 'Subtitles on' : 'Subtitles off');
    return true;
  }
}

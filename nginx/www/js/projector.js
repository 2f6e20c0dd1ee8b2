/** The projector: puts a title before the player's lens from the file that fits this browser and what its viewer chose. */

import { Choices } from './choices.js';
import { adapts } from './delivery.js';
import { demote } from './demotions.js';
import { Feed } from './feed.js';
import * as preferences from './preferences.js';
import { Preview } from './preview.js';
import { SeekBar } from './seekbar.js';
import { Settings } from './settings.js';
import { Storyboard } from './storyboard.js';

/** @typedef {import('./types.js').Video} Video */

const PREPARING = 'Preparing this film for your browser…';

export class Projector {
  /**
   * @param {import('./player.js').Player} player
   * @param {boolean} plays  this browser plays the file as it is
   */
  constructor(player, plays) {
    const { video, media, signal } = player;
    this.player = player;
    this.loading = false;
    /** Something of what was loaded last has been seen. */
    this.seen = false;
    /** What is loaded. @type {?import('./delivery.js').Delivery} */
    this.delivery = null;
    /** There is something to show. */
    this.prepared = () => {};
    this.feed = new Feed(
      media,
      (failure) => void player.repairs.repair(failure),
      () => this.settings.refresh(),
    );
    this.choices = new Choices(video, plays, media, this.feed, () => this.again());
    signal.addEventListener('abort', () => this.choices.subtitles.close());
    this.settings = new Settings(() => this.choices.menus, signal);
    this.storyboard = new Storyboard(signal);
    const preview = new Preview(this.storyboard, video.chapters ?? []);
    this.seek = new SeekBar(media, video.duration_seconds, preview, signal);
    media.addEventListener(
      'loadedmetadata',
      () => {
        this.loading = false;
        // A browser plays the sound alone where it knows no way to show the picture, and calls that no error.
        if (media.videoWidth === 0) this.refuse('Your browser can’t show the picture of this file.', !media.paused);
      },
      { signal },
    );
    media.addEventListener('canplay', () => this.prepared(), { signal });
    media.addEventListener(
      'playing',
      () => {
        this.seen = true;
      },
      { signal },
    );
  }

  /**
   * From what was granted last.
   * @param {number} at  seconds
   * @param {boolean} playing
   */
  load(at, playing) {
    const { player } = this;
    const { playback, media, video } = player;
    const delivery = playback.last && this.choices.deliver(playback.last);
    if (!delivery) {
      player.stop('There is nothing to play of this title yet.', 'Try again');
      return;
    }
    player.position = at;
    this.loading = true;
    this.seen = false;
    this.delivery = delivery;
    this.prepare(delivery.now);
    playback.link = delivery.link;
    this.choices.subtitles.link(playback.prefix);
    if (video.files?.some((file) => file.name === 'storyboard.vtt')) this.storyboard.link(playback.prefix);
    const { volume, muted, speed } = preferences.load();
    Object.assign(media, { volume, muted, defaultPlaybackRate: speed, playbackRate: speed });
    const start = () => {
      this.settings.refresh();
      // Refused when the browser wants a click first: then the play button is there for it.
      if (playing) media.play().catch(() => undefined);
    };
    this.feed.load(delivery, at, this.choices.wishes).then(
      (mine) => mine && start(),
      (error) => {
        if (!player.signal.aborted) void player.repairs.repair(error);
      },
    );
  }

  /**
   * What is said until something is there.
   * @param {boolean} now  it is made for this viewer
   */
  prepare(now) {
    const { overlay, element, onMaking } = this.player;
    this.prepared = () => {};
    if (now) {
      const done = overlay.busy(PREPARING);
      this.prepared = () => {
        this.prepared = () => {};
        done();
        onMaking();
      };
    } else {
      overlay.clear();
    }
    element.classList.add('stalled');
  }

  /** At the same place, from what the viewer has chosen now. */
  again() {
    const { player } = this;
    if (player.playback.grant) this.load(player.position, !player.media.paused || this.loading);
  }

  /** Whether there is something else to feed the picture from than the file that does now. */
  get mayChange() {
    const { playback, video } = this.player;
    return !this.delivery?.adaptive && (adapts(video) || Boolean(playback.last?.links.now));
  }

  /**
   * This browser does not show what it is fed.
   * @param {string} text  how that is said where nothing else can be played
   * @param {boolean} playing
   */
  refuse(text, playing) {
    if (!this.mayChange) {
      this.player.giveUp(text);
      return;
    }
    // One that broke off later is damaged; one that never began is of a kind that this device does not know.
    if (!this.seen) demote(this.player.video);
    this.choices.plays = false;
    this.load(this.player.position, playing);
  }

  /** Nothing is fetched any more. */
  clear() {
    this.feed.clear();
  }
}

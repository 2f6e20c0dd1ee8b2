/** On the page of a title: what is being made of it now, how far that is, and for admins what failed. */

import { say } from './announce.js';
import { video as fetchVideo } from './api.js';
import { playsAnywhere } from './delivery.js';
import { fill, h } from './dom.js';
import * as events from './events.js';
import { Failures } from './failures.js';
import { alive, kind, Progress, speed, state, timeLeft } from './job.js';
import { polling, soon } from './polling.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Job} Job */

/** What makes a title playable in every browser. @type {Job['kind'][]} */
const PLAYABLE = ['rendition', 'instant'];

export class Making {
  /**
   * @param {Video} video  kept as the server has it
   * @param {AbortSignal} signal
   * @param {() => void} onChange  something is begun or finished
   */
  constructor(video, signal, onChange) {
    this.video = video;
    this.signal = signal;
    this.onChange = onChange;
    /** By the job's id. @type {Map<string, {element: HTMLElement, show: (job: Job) => void}>} */
    this.rows = new Map();
    this.list = h('ul', { class: 'jobs-of-title' });
    this.heading = h('h2', { id: 'making-heading', tabindex: '-1' }, 'Being made');
    this.section = h('section', { class: 'making', 'aria-labelledby': 'making-heading' }, this.heading, this.list);
    this.failures = new Failures((job) => {
      if (signal.aborted) return;
      this.begun([job]);
      this.heading.focus({ preventScroll: true });
    }, signal);
    this.element = h('div', {}, this.section, this.failures.element);
    this.follow = polling(() => this.look(), signal);
    const lookSoon = soon(() => void this.look().catch(() => undefined), signal);
    events.hear(
      'making',
      (/** @type {{video_id: string, job: Job}} */ told) => {
        if (told.video_id === this.video.id && !this.told(told.job)) lookSoon();
      },
      signal,
    );
    this.show();
  }

  /** @param {Job[]} jobs  that were asked for just now */
  begun(jobs) {
    const fresh = new Set(jobs.map((job) => job.id));
    const kinds = new Set(jobs.map((job) => job.kind));
    const others = (this.video.making ?? []).filter(
      (job) => !fresh.has(job.id) && !(job.state === 'failed' && kinds.has(job.kind)),
    );
    this.video.making = [...others, ...jobs];
    this.show();
    this.onChange();
  }

  get jobs() {
    return (this.video.making ?? []).filter(alive);
  }

  /** For those who can do something about it. */
  get failed() {
    if (session.user()?.role !== 'admin') return [];
    return (this.video.making ?? []).filter((job) => job.state === 'failed');
  }

  /** The one that makes it playable, if it is under way. */
  get rendition() {
    return this.jobs.find((job) => PLAYABLE.includes(job.kind));
  }

  get failedRendition() {
    return this.failed.find((job) => PLAYABLE.includes(job.kind));
  }

  /** Nothing is made for a viewer before it is tried again. */
  get failedNow() {
    return this.failed.find((job) => job.kind === 'instant');
  }

  show() {
    const { jobs } = this;
    this.section.hidden = jobs.length === 0;
    this.failures.show(this.failed);
    const ids = jobs.map((job) => job.id);
    const same = ids.length === this.rows.size && ids.every((id) => this.rows.has(id));
    if (!same) {
      this.rows = new Map(jobs.map((job) => [job.id, this.rows.get(job.id) ?? row(job)]));
      fill(this.list, ...[...this.rows.values()].map((one) => one.element));
    }
    for (const job of jobs) this.rows.get(job.id)?.show(job);
    if (jobs.length > 0) this.follow();
  }

  /**
   * @param {Job} job  as it is now
   * @returns {boolean} false: with it the title is another one
   */
  told(job) {
    const known = this.jobs.find((one) => one.id === job.id);
    if (!known || known.state !== job.state) return false;
    Object.assign(known, job);
    this.rows.get(job.id)?.show(known);
    return true;
  }

  /** Asks what there is now. @returns {Promise<boolean>} whether something is still under way */
  async look() {
    const before = new Set(this.jobs.map((job) => job.id));
    const failedBefore = new Set(this.failed.map((job) => job.id));
    const could = playsAnywhere(this.video);
    Object.assign(this.video, await fetchVideo(this.video.id, this.signal));
    if (this.signal.aborted) return false;
    this.show();
    const after = new Set(this.jobs.map((job) => job.id));
    const failed = this.failed.filter((job) => !failedBefore.has(job.id));
    for (const job of failed) say(`${kind(job)}: it could not be made.`);
    const differs = before.size !== after.size || [...before].some((id) => !after.has(id)) || failed.length > 0;
    if (differs || could !== playsAnywhere(this.video)) {
      if (!could && playsAnywhere(this.video)) say('This title can be played now.');
      this.onChange();
    }
    return after.size > 0;
  }
}

/** @param {Job} job */
function row(job) {
  const progress = new Progress(kind(job));
  const line = h('p', { class: 'fine' });
  return {
    element: h('li', {}, h('p', { class: 'what' }, kind(job)), progress.element, line),
    /** @param {Job} now */
    show(now) {
      progress.show(now);
      const left = timeLeft(now);
      const words = [now.state === 'running' ? now.stage : state(now), speed(now), left && `${left} left`];
      fill(line, words.filter(Boolean).join(' · '));
    },
  };
}

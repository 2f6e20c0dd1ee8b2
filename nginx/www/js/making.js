/** On the page of a title: what is being made of it now, and how far that is. */

import { say } from './announce.js';
import { video as fetchVideo } from './api.js';
import { adapts } from './delivery.js';
import { fill, h } from './dom.js';
import { kind, Progress, speed, state, timeLeft } from './job.js';
import { polling } from './polling.js';

/** @typedef {import('./types.js').Video} Video */
/** @typedef {import('./types.js').Job} Job */

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
    this.element = h(
      'section',
      { class: 'making', 'aria-labelledby': 'making-heading' },
      h('h2', { id: 'making-heading' }, 'Being made'),
      this.list,
    );
    this.follow = polling(() => this.look(), signal);
    this.show();
  }

  /** @param {Job[]} jobs  that were asked for just now */
  begun(jobs) {
    const fresh = new Set(jobs.map((job) => job.id));
    this.video.making = [...this.jobs.filter((job) => !fresh.has(job.id)), ...jobs];
    this.show();
    this.onChange();
  }

  get jobs() {
    return this.video.making ?? [];
  }

  /** The one that makes it playable, if it is under way. */
  get rendition() {
    return this.jobs.find((job) => job.kind === 'rendition');
  }

  show() {
    const { jobs } = this;
    this.element.hidden = jobs.length === 0;
    const ids = jobs.map((job) => job.id);
    const same = ids.length === this.rows.size && ids.every((id) => this.rows.has(id));
    if (!same) {
      this.rows = new Map(jobs.map((job) => [job.id, this.rows.get(job.id) ?? row(job)]));
      fill(this.list, ...[...this.rows.values()].map((one) => one.element));
    }
    for (const job of jobs) this.rows.get(job.id)?.show(job);
    if (jobs.length > 0) this.follow();
  }

  /** Asks what there is now. @returns {Promise<boolean>} whether something is still under way */
  async look() {
    const before = this.jobs.map((job) => job.id);
    const could = adapts(this.video);
    Object.assign(this.video, await fetchVideo(this.video.id, this.signal));
    if (this.signal.aborted) return false;
    this.show();
    const after = new Set(this.jobs.map((job) => job.id));
    if (before.length !== after.size || before.some((id) => !after.has(id)) || could !== adapts(this.video)) {
      if (!could && adapts(this.video)) say('This title can be played now.');
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

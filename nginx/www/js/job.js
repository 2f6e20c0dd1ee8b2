/** One job in words: what is made, how far it is, how long it takes still. */

import { fill, h } from './dom.js';
import { roughly } from './format.js';

/** @typedef {import('./types.js').Job} Job */

export const KINDS = {
  pictures: 'Pictures',
  text: 'Subtitles',
  rendition: 'Playable version',
  upload: 'Upload',
  instant: 'Making for a viewer',
  extra: 'Version for newer devices',
};
export const STATES = {
  queued: 'Waiting',
  running: 'Running',
  done: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** @param {Job} job */
export function kind(job) {
  return KINDS[job.kind] ?? job.kind;
}

/** @param {Job} job */
export function state(job) {
  return STATES[job.state] ?? job.state;
}

/** Whether it goes on by itself. @param {Job} job */
export function alive(job) {
  return job.state === 'queued' || job.state === 'running';
}

/** "3.1 times as fast as it plays". @param {Job} job */
export function speed(job) {
  return job.state === 'running' && job.speed ? `${job.speed.toFixed(1)}×` : '';
}

/** @param {Job} job */
export function timeLeft(job) {
  return job.state === 'running' && job.seconds_left !== null ? roughly(job.seconds_left) : '';
}

/** A bar with its number, which is written anew and never replaced. */
export class Progress {
  /** @param {string} name */
  constructor(name) {
    this.bar = h('progress', { max: '1', 'aria-label': name });
    this.number = h('span', { class: 'percent', 'aria-hidden': 'true' });
    this.element = h('span', { class: 'progress' }, this.bar, this.number);
  }

  /** @param {Job} job */
  show(job) {
    const part = Math.min(1, Math.max(0, job.progress ?? 0));
    this.bar.value = part;
    fill(this.number, `${Math.floor(part * 100)} %`);
    this.element.hidden = !alive(job);
  }
}

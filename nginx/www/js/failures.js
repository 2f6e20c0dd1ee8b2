/** On the page of a title, for admins: what could not be made of it, why not, and another try. */

import { alarm, say } from './announce.js';
import { retryJob } from './api.js';
import { fill, h } from './dom.js';
import { kind } from './job.js';
import { sentence, wasAborted } from './problems.js';

/** @typedef {import('./types.js').Job} Job */

export class Failures {
  /**
   * @param {(job: Job) => void} onRetry  it waits again
   * @param {AbortSignal} signal
   */
  constructor(onRetry, signal) {
    this.onRetry = onRetry;
    this.signal = signal;
    /** What is shown. */
    this.shown = '';
    this.list = h('ul', { class: 'jobs-of-title' });
    this.element = h(
      'section',
      { class: 'making', 'aria-labelledby': 'failures-heading', hidden: true },
      h('h2', { id: 'failures-heading' }, 'Not made'),
      this.list,
    );
  }

  /** @param {Job[]} jobs  that failed */
  show(jobs) {
    const now = JSON.stringify(jobs.map((job) => [job.id, job.reason, job.ended_at]));
    if (now === this.shown) return;
    this.shown = now;
    this.element.hidden = jobs.length === 0;
    fill(this.list, ...jobs.map((job) => this.row(job)));
  }

  /** @param {Job} job */
  row(job) {
    const trouble = h('p', { class: 'trouble', hidden: true });
    const retry = h(
      'button',
      { type: 'button', class: 'secondary', 'aria-label': `Try again: ${kind(job)}` },
      'Try again',
    );
    retry.addEventListener('click', async () => {
      retry.disabled = true;
      trouble.hidden = true;
      try {
        const again = await retryJob(job.id);
        say('The job is tried again.');
        this.onRetry(again);
      } catch (error) {
        retry.disabled = false;
        if (this.signal.aborted || wasAborted(error)) return;
        fill(trouble, sentence(error));
        trouble.hidden = false;
        alarm(sentence(error));
      }
    });
    return h(
      'li',
      {},
      h('p', { class: 'what' }, kind(job)),
      h('p', { class: 'reason', dir: 'auto' }, job.reason ?? 'It failed, and no reason is known.'),
      retry,
      trouble,
    );
  }
}

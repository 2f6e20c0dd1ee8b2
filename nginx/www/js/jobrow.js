/** One job in the table of jobs. */

import { fill, h } from './dom.js';
import { moment } from './format.js';
import { icon } from './icons.js';
import { alive, kind, Progress, speed, state, timeLeft } from './job.js';
import { titleAddress } from './router.js';

/** @typedef {import('./types.js').Job} Job */

/** For what the sheets say of a column. */
const CLASSES = new Map([
  ['Title', 'title'],
  ['For', 'for'],
  ['Progress', 'progress-cell'],
  ['Since', 'since'],
  ['Action', 'action'],
]);

export class JobRow {
  /**
   * The heads of the columns. The last is for the buttons.
   * @param {boolean} admin  says who, too
   */
  static columns(admin) {
    const names = ['State', 'What', 'Title', 'For', 'Progress', 'Speed', 'Time left', 'Attempts', 'Since', 'Action'];
    return names.filter((name) => admin || name !== 'For');
  }

  /**
   * @param {Job} job
   * @param {boolean} admin
   * @param {(job: Job, what: 'cancel'|'retry'|'first'|'last', button: HTMLButtonElement) => void} act
   */
  constructor(job, admin, act) {
    this.job = job;
    const name = job.video?.title ?? job.upload?.name;
    const about = `${kind(job)}${name ? ` of ${name}` : ''}`;
    this.progress = new Progress(about);
    this.stage = h('span', { class: 'fine' });
    this.cancel = button('Cancel', about, (pressed) => act(this.job, 'cancel', pressed));
    this.admin = admin;
    this.first = button('First', about, (pressed) => act(this.job, 'first', pressed), icon('first'));
    this.last = button('Last', about, (pressed) => act(this.job, 'last', pressed), icon('last'));
    this.retry = button('Try again', about, (pressed) => act(this.job, 'retry', pressed));
    this.cells = new Map(
      JobRow.columns(admin).map((name) => [
        name,
        h('td', { role: 'cell', 'data-name': name, class: CLASSES.get(name) }),
      ]),
    );
    this.cells.get('Progress')?.append(this.progress.element, this.stage);
    this.cells.get('Action')?.append(h('span', { class: 'acts' }, this.cancel, this.retry, this.first, this.last));
    this.write('What', kind(job));
    const link = job.video && h('a', { href: titleAddress(job.video.id), dir: 'auto' }, job.video.title);
    this.write('Title', link ?? h('bdi', {}, name ?? ''));
    this.write('For', job.requested_by ? h('bdi', {}, job.requested_by.username) : '');
    this.element = h('tr', { role: 'row', tabindex: '-1' }, ...this.cells.values());
  }

  /** @param {Job} job  as it is now */
  show(job) {
    this.job = job;
    this.element.className = job.state;
    this.write('State', h('span', { class: 'mark' }, state(job)));
    this.progress.show(job);
    // Why it failed stands where it would say how far it is.
    fill(this.stage, alive(job) ? job.stage : job.reason);
    this.write('Speed', speed(job));
    this.write('Time left', timeLeft(job));
    this.write('Attempts', String(job.attempts));
    this.write('Since', moment(job.ended_at ?? job.started_at ?? job.created_at));
    this.cancel.hidden = !alive(job);
    this.first.hidden = this.last.hidden = !this.admin || job.state !== 'queued';
    this.retry.hidden = job.state !== 'failed' && job.state !== 'cancelled';
  }

  /** @param {string} column @param {Node|string} what */
  write(column, what) {
    const cell = this.cells.get(column);
    if (cell) fill(cell, what);
  }
}

/**
 * @param {string} text
 * @param {string} about  what it acts on, for a screen reader
 * @param {(button: HTMLButtonElement) => void} press
 * @param {SVGElement} [sign]  in place of the text
 */
function button(text, about, press, sign) {
  const element = h(
    'button',
    {
      type: 'button',
      class: sign ? 'secondary sign' : 'secondary',
      'aria-label': `${text}: ${about}`,
      title: sign ? text : null,
      onclick: () => press(element),
    },
    sign ?? text,
  );
  return element;
}

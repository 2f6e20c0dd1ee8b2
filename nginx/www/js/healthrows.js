/** What was found of the library's files: a card for each finding, and one for each title. */

import { fill, h, uniqueId } from './dom.js';
import { act, FINDINGS, PLACES, titles } from './healthwords.js';
import { STATES } from './job.js';
import { titleAddress } from './router.js';

/** @typedef {import('./types.js').HealthCount} HealthCount */
/** @typedef {import('./types.js').HealthTitle} HealthTitle */
/** @typedef {(finding: string, videos: ?string[], button: HTMLButtonElement) => void} Press */

/** How many titles have a finding, what it means, and the press that helps all of them. */
export class FindingCard {
  /**
   * @param {HealthCount} count
   * @param {Press} press
   */
  constructor(count, press) {
    const name = FINDINGS[count.finding] ?? count.finding;
    const id = uniqueId('finding');
    this.number = h('span', { class: 'number' });
    this.under = h('p', { class: 'fine' });
    this.show = h('a', { class: 'secondary', href: `#/health?finding=${count.finding}` }, 'Show');
    this.show.setAttribute('aria-label', `Show titles: ${name}`);
    this.help = h('button', {
      type: 'button',
      class: 'primary',
      onclick: () => press(count.finding, null, this.help),
    });
    this.name = name;
    this.element = h(
      'li',
      { class: 'finding', 'aria-labelledby': id, tabindex: '-1' },
      h('p', { class: 'head' }, h('span', { id, class: 'what' }, name), this.number),
      h('p', {}, count.meaning),
      this.under,
      h('p', { class: 'acts' }, this.show, this.help),
    );
  }

  /** @param {HealthCount} count @param {boolean} chosen  whether its titles are shown */
  write(count, chosen) {
    fill(this.number, titles(count.titles));
    fill(this.under, count.under_way > 0 && `${titles(count.under_way)} under way`);
    this.help.hidden = count.startable === 0;
    fill(this.help, act(count.remedy, count.startable));
    this.help.setAttribute('aria-label', `${this.help.textContent}: ${this.name}`);
    if (chosen) this.show.setAttribute('aria-current', 'true');
    else this.show.removeAttribute('aria-current');
    this.element.hidden = count.titles === 0;
  }
}

/** One title: where its file plays as it is, and what was found of it, each with what helps. */
export class TitleCard {
  /**
   * @param {HealthTitle} title
   * @param {Press} press
   */
  constructor(title, press) {
    this.press = press;
    this.heading = h(
      'h3',
      { tabindex: '-1' },
      h('a', { href: titleAddress(title.video.id), dir: 'auto' }, title.video.title),
    );
    this.state = h('span', { class: 'mark', hidden: true });
    this.body = h('div', { class: 'body' });
    this.element = h('li', { class: 'ill' }, h('div', { class: 'head' }, this.heading, this.state), this.body);
    /** As it was written last: what did not change keeps the focus. */
    this.last = '';
    this.write(title);
  }

  /** @param {HealthTitle} title */
  write(title) {
    const now = JSON.stringify(title);
    if (now === this.last) return;
    this.last = now;
    const state = status(title);
    fill(this.state, state);
    this.state.hidden = state === '';
    const had = this.body.contains(document.activeElement);
    fill(this.body, where(title), h('ul', { class: 'findings' }, this.found(title)), this.helped(title));
    if (had) (this.body.querySelector('button') ?? this.heading).focus();
  }

  /** @param {HealthTitle} title */
  found(title) {
    return title.findings.map(({ finding, sentence }) =>
      h('li', {}, h('strong', {}, FINDINGS[finding] ?? finding), ' ', h('span', { dir: 'auto' }, sentence)),
    );
  }

  /** One button for each thing that may be done: versions help all that they help at once. @param {HealthTitle} title */
  helped(title) {
    const busy = title.is_due || title.making === 'queued' || title.making === 'running';
    const curable = title.findings.find(({ remedy }) => remedy === 'transcode' || remedy === 'rescan');
    if (busy || !curable) return null;
    const text = title.making === 'failed' ? 'Try again' : act(curable.remedy);
    const button = h(
      'button',
      {
        type: 'button',
        class: 'secondary',
        'aria-label': `${text}: ${title.video.title}`,
        onclick: () => this.press(curable.finding, [title.video.id], button),
      },
      text,
    );
    return h('p', { class: 'acts' }, button);
  }
}

/** @param {HealthTitle} title */
function status(title) {
  if (title.is_due) return 'Looked at again by the next scan';
  if (title.making && title.making !== 'done') return `Versions: ${STATES[title.making].toLowerCase()}`;
  return title.has_versions ? 'Has versions' : '';
}

/** @param {HealthTitle} title */
function where(title) {
  const there = title.plays.filter(({ plays }) => plays).map(({ place }) => PLACES[place] ?? place);
  const text = there.length > 0 ? `Plays as it is in ${there.join(', ')}.` : 'Plays nowhere as it is.';
  const obstacles = title.plays.find(({ place }) => place === 'television')?.obstacles ?? [];
  const more = there.length > 0 && obstacles.length > 0 ? ` Not on televisions: ${obstacles.join('; ')}.` : '';
  return h('p', { class: 'fine' }, text + more);
}

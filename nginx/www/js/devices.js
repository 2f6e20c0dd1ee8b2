/** Where one is signed in, and the end of it. */

import { h, fill } from './dom.js';
import { alarm, say } from './announce.js';
import { moment } from './format.js';
import * as me from './me.js';
import { sentence, wasAborted } from './problems.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Listed} Listed */

const KINDS = { browser: 'Browser', program: 'Program', device: 'Television or player', guest: 'Guest' };

/**
 * @param {AbortSignal} signal
 * @returns {{element: HTMLElement, load: () => Promise<void>}}
 */
export function devices(signal) {
  const heading = h('h2', { id: 'devices-heading', tabindex: '-1' }, 'Where you are signed in');
  const list = h('ul', { class: 'rows', 'aria-busy': 'true' });
  const trouble = h('p', { class: 'trouble', hidden: true });
  const others = h('button', { type: 'button', class: 'secondary', hidden: true }, 'End all others');

  const load = async () => {
    const found = await me.sessions(signal);
    // The one that asks first; the rest as the API orders them, last seen first.
    found.sort((one, other) => Number(other.current) - Number(one.current));
    fill(list, found.map((each) => row(each, (button) => act(button, () => end(each)))));
    list.setAttribute('aria-busy', 'false');
    others.hidden = found.length < 2;
  };

  /** @param {Listed} one */
  const end = async (one) => {
    await me.endSession(one.session_id);
    if (one.current) session.forget();
    else say(`${one.device} is signed out.`);
  };

  /** @param {?HTMLButtonElement} button @param {() => Promise<void>} work */
  const act = async (button, work) => {
    if (button) button.disabled = true;
    trouble.hidden = true;
    try {
      await work();
      if (signal.aborted) return;
      await load();
      // What had the focus is gone.
      if (button) heading.focus();
    } catch (error) {
      if (signal.aborted || wasAborted(error)) return;
      fill(trouble, sentence(error));
      trouble.hidden = false;
      alarm(sentence(error));
    } finally {
      if (button) button.disabled = false;
    }
  };

  others.addEventListener('click', () => act(others, async () => {
    await me.endOthers();
    say('You are signed out everywhere else.');
  }), { signal });
  void act(null, async () => undefined);
  return {
    element: h('section', { class: 'ledger', 'aria-labelledby': 'devices-heading' }, heading, trouble, list, others),
    load,
  };
}

/**
 * @param {Listed} one
 * @param {(button: HTMLButtonElement) => void} end
 */
function row(one, end) {
  const button = h('button', {
    type: 'button', class: 'secondary', 'aria-label': one.current ? 'End this session, here' : `End ${one.device}, since ${moment(one.created_at)}`,
    onclick: () => end(button),
  }, 'End');
  const line = [KINDS[one.kind], one.client, one.second_factor && 'with a second factor', `since ${moment(one.created_at)}`];
  return h('li', {},
    h('div', {},
      h('p', { class: 'what', dir: 'auto' }, one.device, one.current && h('span', { class: 'mark' }, 'This one')),
      h('p', { class: 'fine' }, line.filter(Boolean).join(' · ')),
      !one.current && h('p', { class: 'fine' }, `last used ${moment(one.last_seen_at)}`)),
    button);
}

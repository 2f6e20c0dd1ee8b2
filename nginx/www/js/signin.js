/** The sign-in view: the slot of the box, and the other ways in where there are some. */

import { h, fill } from './dom.js';
import { alarm } from './announce.js';
import { cabinet } from './door.js';
import { Field, Form } from './forms.js';
import { send } from './http.js';
import * as passkeys from './passkeys.js';
import { Problem, sentence } from './problems.js';
import { showSecondStep } from './secondstep.js';
import * as session from './session.js';

/** @typedef {import('./types.js').ViewContext} ViewContext */
/** @typedef {import('./types.js').Ways} Ways */

/**
 * @param {ViewContext} context
 * @param {string} [note]  what has just happened
 */
export function showSignIn(context, note = '') {
  const { root, signal } = context;
  document.title = 'Sign in · Kinetoscope';
  const name = new Field('username', 'Name', { name: 'username', autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' });
  const password = new Field('password', 'Password', { name: 'password', type: 'password', autocomplete: 'current-password' });
  const form = new Form({
    id: 'signin',
    fields: [name, password],
    submit: 'Sign in',
    busy: 'Signing in…',
    signal,
    says: refusal,
    async work() {
      try {
        await session.enter('login', { username: name.value, password: password.value });
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'second_factor')) throw error;
        const step = /** @type {import('./types.js').SecondStep} */ (error.more);
        if (!signal.aborted) showSecondStep(context, step, (why) => showSignIn(context, why));
      }
    },
  });
  const others = h('div', { class: 'other-ways' });
  fill(root, cabinet('Kinetoscope', 'A box in which one person watches a film.', note && h('p', { class: 'notice-line' }, note), form.element, others));
  if (note) alarm(note);
  name.input.focus();
  void offer(others, form, signal);
}

/**
 * The other ways in. When nobody tells which there are, name and password are still one.
 * @param {HTMLElement} place
 * @param {Form} form
 * @param {AbortSignal} signal
 */
async function offer(place, form, signal) {
  /** @type {?Ways} */
  const ways = await send('GET', '/auth/ways', { signal }).catch(() => null);
  if (!ways || signal.aborted) return;
  /** @param {string} name @param {() => Promise<void>} work */
  const way = (name, work) => h('button', { type: 'button', class: 'secondary', onclick: () => form.attempt(work, passkeys.refusal) }, name);
  fill(place,
    passkeys.usable(ways.passkeys_at) && way('Use a passkey', () => byPasskey(signal)),
    ways.guests && way('Watch as guest', () => session.enter('guest')),
    ways.registration === 'open' && h('p', {}, 'New here? ', h('a', { href: '#/register' }, 'Make an account')));
}

/** @param {AbortSignal} signal */
async function byPasskey(signal) {
  const { challenge, options } = await send('POST', '/auth/passkey/options', { signal });
  await session.enter('passkey', { challenge, passkey: await passkeys.show(options, signal) });
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function refusal(error) {
  if (error instanceof Problem && ([400, 422].includes(error.status) || error.code === 'credentials')) {
    return 'This name and password do not belong together. Please check both.';
  }
  return sentence(error);
}

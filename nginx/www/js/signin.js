/** The sign-in view: the slot of the box, and the other ways in where there are some. */

import { alarm } from './announce.js';
import * as credentials from './credentials.js';
import { fill, h } from './dom.js';
import { cabinet } from './door.js';
import { moment } from './format.js';
import { Form } from './forms.js';
import { send } from './http.js';
import { chooseOne } from './limits.js';
import * as passkeys from './passkeys.js';
import { Problem, sentence } from './problems.js';
import { showSecondStep } from './secondstep.js';
import * as session from './session.js';

/** @typedef {import('./types.js').ViewContext} ViewContext */
/** @typedef {import('./types.js').Ways} Ways */
/** @typedef {typeof session.enter} Enter */

/**
 * @param {ViewContext} context
 * @param {string} [note]  what has just happened
 * @param {string} [replace]  the session that ends when this one begins
 */
export function showSignIn(context, note = '', replace = undefined) {
  const { root, signal } = context;
  document.title = 'Sign in · Kinetoscope';
  const name = credentials.username();
  const password = credentials.password();
  const form = new Form({
    id: 'signin',
    fields: [name, password],
    submit: 'Sign in',
    busy: 'Signing in…',
    signal,
    says: refusal,
    async work() {
      try {
        await enter('login', { username: name.value, password: password.value });
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'second_factor')) throw error;
        const step = /** @type {import('./types.js').SecondStep} */ (error.more);
        if (!signal.aborted) showSecondStep(context, step, enter, (why) => showSignIn(context, why, replace));
      }
    },
  });

  /** Comes in; where the account is signed in in as many places as it may, one of them has to end. @type {Enter} */
  const enter = async (way, proof) => {
    try {
      await session.enter(way, { ...proof, replace });
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'sessions')) throw error;
      const chosen = await choose(error.more.sessions ?? []);
      if (!chosen || signal.aborted) throw error;
      // A password serves again; a code or a passkey was for this once.
      if (way === 'login') await session.enter(way, { ...proof, replace: chosen });
      else showSignIn(context, 'Now sign in once more: the other session ends in the same step.', chosen);
    }
  };
  const others = h('div', { class: 'other-ways' });
  fill(
    root,
    cabinet(
      'Kinetoscope',
      'A box in which one person watches a film.',
      note && h('p', { class: 'notice-line' }, note),
      form.element,
      others,
    ),
  );
  if (note) alarm(note);
  name.input.focus();
  void offer(others, form, enter, signal);
}

/**
 * The other ways in. When nobody tells which there are, name and password are still one.
 * @param {HTMLElement} place
 * @param {Form} form
 * @param {Enter} enter
 * @param {AbortSignal} signal
 */
async function offer(place, form, enter, signal) {
  /** @type {?Ways} */
  const ways = await send('GET', '/auth/ways', { signal }).catch(() => null);
  if (!ways || signal.aborted) return;
  /** @param {string} name @param {() => Promise<void>} work */
  const way = (name, work) =>
    h('button', { type: 'button', class: 'secondary', onclick: () => form.attempt(work, passkeys.refusal) }, name);
  fill(
    place,
    passkeys.usable(ways.passkeys_at) && way('Use a passkey', () => byPasskey(enter, signal)),
    ways.guests && way('Watch as guest', () => session.enter('guest')),
    ways.registration === 'open' && h('p', {}, 'New here? ', h('a', { href: '#/register' }, 'Make an account')),
  );
}

/**
 * @param {Enter} enter
 * @param {AbortSignal} signal
 */
async function byPasskey(enter, signal) {
  const { challenge, options } = await send('POST', '/auth/passkey/options', { signal });
  await enter('passkey', { challenge, passkey: await passkeys.show(options, signal) });
}

/**
 * @param {import('./types.js').Listed[]} places
 * @returns {Promise<?string>} the session to end
 */
function choose(places) {
  return chooseOne(
    'You are signed in in as many places as you may',
    'End one of them to sign in here, or keep them.',
    places.map((place) => ({
      id: place.session_id,
      title: place.device,
      detail: `last used ${moment(place.last_seen_at)}`,
      label: `End this one: ${place.device}, last used ${moment(place.last_seen_at)}`,
    })),
  );
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

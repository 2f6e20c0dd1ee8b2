/** One's own account: where it is signed in, its second factors, its password. */

import * as credentials from './credentials.js';
import { devices } from './devices.js';
import { h } from './dom.js';
import { secondFactors } from './factors.js';
import { Form } from './forms.js';
import * as me from './me.js';
import { trust } from './trust.js';

/** @param {import('./types.js').ViewContext} context */
export function showAccount({ root, signal }) {
  document.title = 'Account · Kinetoscope';
  const heading = h('h1', { tabindex: '-1' }, 'Account');
  const places = devices(signal);
  root.append(
    h(
      'div',
      { class: 'account' },
      heading,
      places.elements,
      trust(signal),
      secondFactors(signal),
      password(signal, places.load),
    ),
  );
  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: 'instant' });
}

/**
 * @param {AbortSignal} signal
 * @param {() => Promise<void>} changed
 */
function password(signal, changed) {
  const current = credentials.password('current-password', 'Current password', 'current');
  const wanted = credentials.newPassword('New password', signal, 'new');
  const form = new Form({
    id: 'password-form',
    fields: [current, wanted],
    submit: 'Change the password',
    busy: 'Changing it…',
    signal,
    async work() {
      await me.changePassword(current.value, wanted.value);
      form.element.reset();
      form.tell('Your password is changed. Everywhere else you are signed out.');
      await changed();
    },
  });
  return h(
    'section',
    { class: 'ledger', 'aria-labelledby': 'password-heading' },
    h('h2', { id: 'password-heading' }, 'Password'),
    form.element,
  );
}

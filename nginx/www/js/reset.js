/** Choosing a new password with the link that an admin has given. */

import { newPassword } from './credentials.js';
import { fill } from './dom.js';
import { cabinet } from './door.js';
import { Form } from './forms.js';
import { send } from './http.js';
import { askForLink } from './register.js';
import { showSignIn } from './signin.js';

/** @param {import('./types.js').ViewContext} context */
export function showReset(context) {
  const { root, route, signal } = context;
  if (!route.token) return void askForLink(context, 'New password');
  document.title = 'New password · Kinetoscope';
  const password = newPassword('New password', signal);
  const form = new Form({
    id: 'reset',
    fields: [password],
    submit: 'Change the password',
    busy: 'Changing it…',
    signal,
    async work() {
      await send('POST', '/auth/reset', { body: { token: route.token, password: password.value } });
      if (!signal.aborted)
        showSignIn(context, 'Your password is changed, and you are signed out everywhere. Please sign in.');
    },
  });
  fill(root, cabinet('New password', 'Whoever is signed in with the old one is signed out.', form.element));
  password.input.focus();
}

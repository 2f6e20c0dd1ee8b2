/** Proving who one is once more, before what changes who may sign in. */

import * as credentials from './credentials.js';
import { h, uniqueId } from './dom.js';
import { Form } from './forms.js';
import * as me from './me.js';
import { Problem } from './problems.js';

/**
 * Does the work; when a proof of just now is asked for, asks for the password and does it again.
 * @template T
 * @param {() => Promise<T>} work
 * @param {AbortSignal} signal
 * @returns {Promise<?T>} null when the person would rather not
 */
export async function proven(work, signal) {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Problem && error.status === 403 && error.code === 'proof')) throw error;
    return (await ask(signal)) ? work() : null;
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether it was shown
 */
function ask(signal) {
  const heading = uniqueId('proof');
  const dialog = h('dialog', { class: 'proof', 'aria-labelledby': heading });
  const password = credentials.password('proof-password');
  let shown = false;
  const form = new Form({
    id: 'proof',
    fields: [password],
    submit: 'Go on',
    busy: 'Looking…',
    signal,
    async work() {
      try {
        await me.prove(password.value);
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'wrong_factor')) throw error;
        return void form.refuse('This is not your password.', password);
      }
      shown = true;
      dialog.close();
    },
  });
  dialog.append(
    h('h2', { id: heading }, 'Is it you?'),
    h('p', {}, 'This changes who may sign in. Your password, please; it is good for some minutes.'),
    form.element,
    h('button', { type: 'button', class: 'quiet', onclick: () => dialog.close() }, 'Cancel'),
  );
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(shown);
    });
    // Leaving the view answers the question too.
    signal.addEventListener('abort', () => dialog.close(), { once: true });
    dialog.showModal();
    password.input.focus();
  });
}

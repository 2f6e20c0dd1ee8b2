/** Adding an authenticator app: its key once, then its first code. */

import { say } from './announce.js';
import { fill, h } from './dom.js';
import { Field, Form } from './forms.js';
import * as handover from './handover.js';
import * as me from './me.js';

/**
 * @param {HTMLElement} place  to fill
 * @param {{secret: string, uri: string, qr: string}} begun
 * @param {AbortSignal} signal
 * @param {(codes: string[]) => Promise<void>} added
 * @param {() => void} cancel
 */
export function addApp(place, { secret, uri, qr }, signal, added, cancel) {
  const heading = h('h3', { tabindex: '-1' }, 'Add an authenticator app');
  const code = new Field(
    'app-code',
    'Code',
    { name: 'code', inputmode: 'numeric', autocomplete: 'one-time-code' },
    'The six digits that the app shows then.',
  );
  const form = new Form({
    id: 'app-form',
    fields: [code],
    submit: 'Confirm',
    busy: 'Looking…',
    signal,
    async work() {
      const digits = code.value.replace(/\s/g, '');
      if (!/^\d{6}$/.test(digits)) return void form.refuse('The code has six digits.', code);
      const { recovery_codes: codes } = await me.confirmApp(digits);
      await added(codes);
    },
  });
  fill(
    place,
    heading,
    h(
      'p',
      {},
      'Scan the code with the app, or type the key into it (time-based, six digits), or open it with an app on this device. It is not shown again.',
    ),
    handover.qrCode(qr, 'The key as a QR code'),
    handover.line('Key', groups(secret)).element,
    // The API's own link, and of this scheme only.
    uri.startsWith('otpauth://totp/') && h('p', {}, h('a', { href: uri }, 'Open in an authenticator app')),
    form.element,
    h('button', { type: 'button', class: 'quiet', onclick: cancel }, 'Cancel'),
  );
  heading.focus();
  say('The key of the new app is shown.');
}

/** In fours, as people type. @param {string} secret */
function groups(secret) {
  return secret.match(/.{1,4}/g)?.join(' ') ?? secret;
}

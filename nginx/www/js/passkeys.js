/** Passkeys (WebAuthn level 3): the browser's own JSON forms of its options and answers, so nothing is encoded here. */

import { sentence } from './problems.js';

/**
 * Can this browser, on a page of this host, use passkeys that were made for `name`?
 * @param {?string} [name]
 */
export function usable(name) {
  return (
    name === location.hostname &&
    typeof PublicKeyCredential === 'function' &&
    'parseRequestOptionsFromJSON' in PublicKeyCredential
  );
}

/**
 * @param {PublicKeyCredentialRequestOptionsJSON} options
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>} for the API
 * @throws {DOMException} NotAllowedError when the person or the browser gave up
 */
export async function show(options, signal) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return json(await navigator.credentials.get({ publicKey, signal }));
}

/**
 * @param {PublicKeyCredentialCreationOptionsJSON} options
 * @param {AbortSignal} signal
 * @returns {Promise<unknown>} for the API
 * @throws {DOMException} NotAllowedError as above; InvalidStateError when this authenticator has one for the account
 */
export async function make(options, signal) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return json(await navigator.credentials.create({ publicKey, signal }));
}

/**
 * Why it did not come to a passkey, as a sentence, whether the browser or the server says so.
 * @param {unknown} error
 * @returns {string}
 */
export function refusal(error) {
  if (!(error instanceof DOMException)) return sentence(error);
  return error.name === 'InvalidStateError'
    ? 'There is a passkey for this account already, where you wanted to keep this one.'
    : 'No passkey was used: it took too long, or it was cancelled. Try again, or take another way.';
}

/** @param {?Credential} credential */
function json(credential) {
  return /** @type {PublicKeyCredential} */ (credential).toJSON();
}

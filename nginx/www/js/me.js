/** The calls about oneself: sessions, televisions and players, second factors, the password. */

import { call } from './api.js';

/** @typedef {import('./types.js').Listed} Listed */
/** @typedef {import('./types.js').Factors} Factors */

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Listed[]>}
 */
export async function sessions(signal) {
  return (await call('GET', '/users/me/sessions', { signal })).items;
}

/** @param {string} id */
export function endSession(id) {
  return call('DELETE', `/users/me/sessions/${id}`);
}

export function endOthers() {
  return call('DELETE', '/users/me/sessions');
}

/**
 * @param {string} name
 * @returns {Promise<import('./types.js').Player>}
 */
export function addPlayer(name) {
  return call('POST', '/users/me/devices', { body: { name } });
}

/**
 * @param {string} current
 * @param {string} wanted
 */
export function changePassword(current, wanted) {
  return call('PUT', '/users/me/password', { body: { current, new: wanted } });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<Factors>}
 */
export function factors(signal) {
  return call('GET', '/users/me/factors', { signal });
}

/**
 * Good for some minutes: what changes who may sign in asks for it.
 * @param {string} password
 */
export function prove(password) {
  return call('POST', '/users/me/proof', { body: { password } });
}

/** @returns {Promise<{secret: string, uri: string, qr: string}>} */
export function beginApp() {
  return call('POST', '/users/me/factors/totp');
}

/**
 * @param {string} code
 * @returns {Promise<{recovery_codes: string[]}>}
 */
export function confirmApp(code) {
  return call('POST', '/users/me/factors/totp/confirm', { body: { code } });
}

export function removeApp() {
  return call('DELETE', '/users/me/factors/totp');
}

/** @returns {Promise<{challenge: string, options: PublicKeyCredentialCreationOptionsJSON}>} */
export function beginPasskey() {
  return call('POST', '/users/me/factors/passkeys/options');
}

/**
 * @param {string} challenge
 * @param {unknown} passkey  what the browser answered
 * @param {string} name
 * @returns {Promise<{recovery_codes: string[]}>}
 */
export function addPasskey(challenge, passkey, name) {
  return call('POST', '/users/me/factors/passkeys', { body: { challenge, passkey, name } });
}

/** @param {string} id */
export function removePasskey(id) {
  return call('DELETE', `/users/me/factors/passkeys/${id}`);
}

/** @returns {Promise<{recovery_codes: string[]}>} */
export function newRecoveryCodes() {
  return call('POST', '/users/me/factors/recovery-codes');
}

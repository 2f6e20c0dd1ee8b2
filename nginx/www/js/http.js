/** One request to the JSON API: what is sent, how long it may take, and what an error looks like. */

import * as connection from './connection.js';
import { Problem } from './problems.js';

const ROOT = '/api/v1';
const PATIENCE_MS = 20_000;

/**
 * @typedef {object} Sending
 * @property {unknown} [body]  sent as JSON
 * @property {AbortSignal} [signal]
 * @property {boolean} [keepalive]  the request outlives the page (at most 64 KiB, so heartbeats only)
 */

/**
 * Sends and reads the JSON answer (null when there is none).
 * @param {string} method
 * @param {string} path  below /api/v1
 * @param {Sending} [options]
 * @returns {Promise<any>}
 * @throws {Problem} for every refusal, and with status 0 when nobody answered
 * @throws {DOMException} AbortError when the caller gave up
 */
export async function send(method, path, { body, signal, keepalive = false } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const ask = () =>
    fetch(ROOT + path, {
      method,
      headers: { Accept: 'application/json', ...(body === undefined ? {} : { 'Content-Type': 'application/json' }) },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      keepalive,
      signal: signal ? AbortSignal.any([signal, patience]) : patience,
    });
  let response;
  try {
    // A line that breaks under a request (another network, a restarted server) costs a question that changes nothing
    // one more try; anything else might be done twice.
    response = await (method === 'GET'
      ? ask().catch((error) => (error instanceof TypeError ? ask() : Promise.reject(error)))
      : ask());
  } catch (error) {
    if (signal?.aborted) throw error;
    if (patience.aborted) throw new Problem({ status: 408, code: 'timeout' });
    connection.lost();
    throw new Problem({ status: 0, code: 'offline' });
  }
  connection.found();
  const answer = await json(response);
  if (!response.ok) throw problem(response, answer);
  return answer;
}

/**
 * The text at an address that is its own credential: neither a cookie nor a cache comes near it. It may be long, so
 * that the server alone bounds its time.
 * @param {string} address  of ours
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 * @throws {Problem} as send() does, also when it breaks off
 */
export async function text(address, signal) {
  let response;
  try {
    response = await fetch(address, { credentials: 'omit', cache: 'no-store', redirect: 'error', signal });
    if (response.ok) return await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new Problem({ status: 0, code: 'offline' });
  }
  throw problem(response, await json(response));
}

/**
 * The problem in a refusal, whoever wrote it: the API, a door of Nginx, or something between.
 * @param {Response} response
 * @param {any} body
 * @returns {Problem}
 */
export function problem(response, body) {
  const said = body !== null && typeof body === 'object' ? body : {};
  return new Problem({
    status: response.status,
    code: string(said.code),
    title: string(said.title),
    detail: string(said.detail),
    retryAfter: Number.parseInt(response.headers.get('Retry-After') ?? '', 10) || 0,
    running: Array.isArray(said.running) ? said.running : [],
    requestId: string(said.request_id) || string(response.headers.get('X-Request-Id')),
    more: said,
  });
}

/**
 * @param {Response} response
 * @returns {Promise<any>}
 */
export async function json(response) {
  const type = response.headers.get('Content-Type') ?? '';
  if (response.status === 204 || !/^application\/(problem\+)?json\b/.test(type)) return null;
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/** @param {unknown} value */
function string(value) {
  return typeof value === 'string' ? value : '';
}

/** The calls about uploads, and what a link that takes a part is sent. */

import { call } from './api.js';
import { problem as refusal } from './http.js';
import { Problem } from './problems.js';

/** @typedef {import('./types.js').Upload} Upload */

// A phone that changes its network is silent for so long.
const SILENCE_MS = 120_000;

/**
 * @param {AbortSignal} [signal]
 * @returns {Promise<{items: Upload[], places: string[], largest_bytes: number}>}
 */
export function list(signal) {
  return call('GET', '/uploads', { signal });
}

/**
 * @param {string} id
 * @returns {Promise<Upload>}
 */
export function one(id) {
  return call('GET', `/uploads/${id}`);
}

/**
 * @param {File} file
 * @returns {Promise<Upload>}
 */
export function begin(file) {
  return call('POST', '/uploads', { body: { ...identity(file), size_bytes: file.size } });
}

/**
 * @param {string} id
 * @param {Record<string, string|null>} changes
 * @returns {Promise<Upload>}
 */
export function change(id, changes) {
  return call('PATCH', `/uploads/${id}`, { body: changes });
}

/** @param {string} id */
export function complete(id) {
  return call('POST', `/uploads/${id}/complete`);
}

/** @param {string} id */
export function cancel(id) {
  return call('DELETE', `/uploads/${id}`);
}

/**
 * @param {string} id
 * @param {number} number
 * @returns {Promise<{href: string, offset: number, length: number}>}
 */
export async function link(id, number) {
  return (await call('POST', `/uploads/${id}/parts`, { body: { numbers: [number] } })).items[0];
}

/**
 * What a file is known by when somebody goes on with it, to the second.
 * @param {File} file
 */
function identity(file) {
  const second = new Date(Math.floor(file.lastModified / 1000) * 1000);
  return { name: file.name, modified_at: second.toISOString() };
}

/**
 * Is this the file that the upload is of?
 * @param {File} file
 * @param {Upload} upload
 */
export function isOf(file, upload) {
  const { name, modified_at } = identity(file);
  const sameTime = !upload.modified_at || Date.parse(upload.modified_at) === Date.parse(modified_at);
  return upload.name === name && upload.size_bytes === file.size && sameTime;
}

/**
 * Sends a part. The link is its own permission; fetch() tells no progress of what it sends.
 * @param {string} href
 * @param {Blob} part
 * @param {(sent: number) => void} progress  bytes so far
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 * @throws {Problem} as send() does
 */
export function put(href, part, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    const offline = () => reject(new Problem({ status: 0, code: 'offline' }));
    request.open('PUT', href);
    request.upload.onprogress = ({ loaded }) => {
      progress(loaded);
      watch();
    };
    request.onload = () => {
      // 409 part_here: it had arrived, and only its answer was lost.
      if (request.status < 300 || body(request).code === 'part_here') resolve();
      else reject(refusal(new Response(null, { status: request.status }), body(request)));
    };
    request.onerror = offline;
    request.onabort = () => reject(signal.aborted ? signal.reason : new Problem({ status: 408, code: 'timeout' }));
    request.onloadend = () => {
      clearTimeout(silence);
      signal.removeEventListener('abort', stop);
    };
    let silence = setTimeout(stop, SILENCE_MS);
    const watch = () => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
    };
    signal.addEventListener('abort', stop);
    request.send(part);
  });
}

/** @param {XMLHttpRequest} request */
function body(request) {
  try {
    return JSON.parse(request.responseText) ?? {};
  } catch {
    return {};
  }
}

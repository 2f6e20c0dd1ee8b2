/** One file on its way: parts in several lanes, each tried again until it is there. Goes on while other pages show. */

import * as events from './events.js';
import { Problem, sentence } from './problems.js';
import * as uploads from './uploads.js';

/** @typedef {import('./types.js').Upload} Upload */

const LANES = 3;
const LOOK_MS = 1000;
// While the server tells what becomes of it.
const LOOK_MS_WHILE_TOLD = 5000;
// A part that failed waits 1, 2, 4, ... seconds, and no longer than this.
const LONGEST_PAUSE_MS = 60_000;
// The speed is that of so much time.
const SPEED_MS = 10_000;
const STILL_COMING = new Set(['open', 'checking']);

/** Those that this page sends, by the id of their upload. @type {Map<string, Transfer>} */
export const running = new Map();

/** Fires `change` whenever there is something else to show. */
export class Transfer extends EventTarget {
  /**
   * @param {File} file
   * @param {Upload} upload
   */
  constructor(file, upload) {
    super();
    this.file = file;
    this.upload = upload;
    this.paused = true;
    /** What is in the way. */
    this.trouble = '';
    const here = new Set(upload.arrived);
    /** @type {number[]} */
    this.missing = [];
    for (let number = 1; number <= upload.parts; number += 1) if (!here.has(number)) this.missing.push(number);
    this.arrivedBytes = upload.arrived.reduce((sum, number) => sum + this.length(number), 0);
    /** Bytes of the parts under way. @type {Map<number, number>} */
    this.sending = new Map();
    /** When so many bytes had been sent. @type {[number, number][]} */
    this.marks = [];
    this.stopping = new AbortController();
  }

  /** @param {number} number */
  length(number) {
    const { part_size_bytes: size, size_bytes: all } = this.upload;
    return Math.min(size, all - (number - 1) * size);
  }

  get sentBytes() {
    return this.arrivedBytes + [...this.sending.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** Bytes a second, lately; 0 when nothing moves. */
  get speed() {
    const first = this.marks[0];
    const last = this.marks.at(-1);
    return first && last && last[0] > first[0] ? ((last[1] - first[1]) / (last[0] - first[0])) * 1000 : 0;
  }

  get isUnderWay() {
    return !this.paused && STILL_COMING.has(this.upload.state);
  }

  go() {
    if (!this.paused || this.upload.state !== 'open') return;
    this.paused = false;
    this.stopping = new AbortController();
    running.set(this.upload.id, this);
    void this.run(this.stopping.signal);
  }

  pause() {
    this.paused = true;
    this.marks = [];
    this.stopping.abort();
    this.tell();
  }

  /** No byte more, and nothing to go on with. */
  async cancel() {
    this.pause();
    running.delete(this.upload.id);
    await uploads.cancel(this.upload.id);
  }

  /** @param {AbortSignal} signal */
  async run(signal) {
    this.tell();
    try {
      await Promise.all(Array.from({ length: LANES }, () => this.lane(signal)));
      await this.persist(() => uploads.complete(this.upload.id), signal);
      this.marks = [];
      do {
        this.upload = await this.persist(() => uploads.one(this.upload.id), signal);
        this.tell();
        if (this.upload.state === 'checking') await this.change(signal);
      } while (this.upload.state === 'checking');
      running.delete(this.upload.id);
    } catch (error) {
      if (signal.aborted) return;
      this.pause();
      this.trouble = sentence(error);
    }
    this.tell();
  }

  /** Until it may be another. @param {AbortSignal} signal */
  change(signal) {
    const isOurs = (/** @type {{id: string}} */ told) => told.id === this.upload.id;
    return events.next('upload', isOurs, events.isLive() ? LOOK_MS_WHILE_TOLD : LOOK_MS, signal);
  }

  /** @param {AbortSignal} signal */
  async lane(signal) {
    for (let number = this.missing.shift(); number !== undefined; number = this.missing.shift()) {
      const part = number;
      try {
        await this.persist(() => this.send(part, signal), signal);
      } catch (error) {
        this.missing.unshift(part);
        throw error;
      }
    }
  }

  /**
   * A new link for each try: the one before may have expired.
   * @param {number} number
   * @param {AbortSignal} signal
   */
  async send(number, signal) {
    const { href, offset, length } = await uploads.link(this.upload.id, number);
    const progress = (/** @type {number} */ sent) => {
      this.sending.set(number, Math.min(sent, length));
      this.mark();
    };
    try {
      await uploads.put(href, this.file.slice(offset, offset + length), progress, signal);
      this.arrivedBytes += length;
    } finally {
      this.sending.delete(number);
      this.mark();
    }
  }

  /**
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} signal
   * @returns {Promise<T>}
   */
  async persist(work, signal) {
    for (let wait = 1000; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
      signal.throwIfAborted();
      try {
        const answer = await work();
        this.trouble = '';
        return answer;
      } catch (error) {
        if (signal.aborted || !passes(error)) throw error;
        this.trouble = `${sentence(error)} It is tried again.`;
        this.tell();
        await pause(wait, signal);
      }
    }
  }

  mark() {
    const now = performance.now();
    this.marks.push([now, this.sentBytes]);
    while (this.marks.length > 2 && now - (this.marks[0]?.[0] ?? now) > SPEED_MS) this.marks.shift();
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event('change'));
  }
}

/**
 * Does it pass by itself?
 * @param {unknown} error
 */
function passes(error) {
  if (!(error instanceof Problem)) return false;
  return [0, 408, 429].includes(error.status) || error.status >= 500 || ['expired', 'part_length'].includes(error.code);
}

/**
 * Ends early when the connection comes back.
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

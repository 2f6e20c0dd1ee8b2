/** What can go wrong, as sentences. The server answers problems (RFC 9457); a broken line becomes one here. */

/** @typedef {import('./types.js').RunningStream} RunningStream */

export class Problem extends Error {
  /**
   * @param {object} what
   * @param {number} what.status  0: nobody answered
   * @param {string} [what.code]
   * @param {string} [what.title]
   * @param {string} [what.detail]
   * @param {number} [what.retryAfter]  seconds
   * @param {RunningStream[]} [what.running]
   * @param {string} [what.requestId]
   * @param {Record<string, any>} [what.more]  all that the answer held, for the codes that bring more
   */
  constructor({ status, code = '', title = '', detail = '', retryAfter = 0, running = [], requestId = '', more = {} }) {
    super(detail || title || `status ${status}`);
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.retryAfter = retryAfter;
    this.running = running;
    this.requestId = requestId;
    this.more = more;
  }

  /**
   * What is wrong with one field of what was sent, as a sentence.
   * @param {string} field
   * @returns {?string}
   */
  complaint(field) {
    const errors = this.more.errors ?? {};
    const said = Object.hasOwn(errors, field) ? errors[field] : undefined;
    const text = Array.isArray(said) && typeof said[0] === 'string' ? said[0].trim() : '';
    return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}` : null;
  }
}

/**
 * What is wrong with the fields of what was sent, for a form that has none of them: each reason with what it is about.
 * @param {unknown} error
 * @param {Record<string, string>} names  of the fields, for people
 * @returns {string}  nothing: say it by sentence()
 */
export function complaints(error, names) {
  if (!(error instanceof Problem)) return '';
  const fields = Object.keys(error.more.errors ?? {}).filter((field) => error.complaint(field));
  return fields.map((field) => `${names[field] ?? field}: ${error.complaint(field)}`).join(' ');
}

/** Sentences for the codes that mean one thing wherever they appear. */
const BY_CODE = new Map(
  Object.entries({
    streams: 'You are already watching as many streams as your account may.',
    shared: 'This link is being used from too many places at once, so it was stopped.',
    session: 'Your session has ended. Please sign in again.',
    sessions: 'You are signed in in as many places as you may. Sign in again, and end one of them.',
    reset: 'This link was used, or its time is over. Ask an admin for another.',
    invitation: 'This invitation was used, or its time is over. Ask an admin for another.',
    busy: 'The server is too busy to start a stream right now. Please try again in a moment.',
  }),
);

const BY_STATUS = new Map([
  [0, 'The server can’t be reached. Check your connection; we will try again when it is back.'],
  [400, 'The server did not understand the request.'],
  [401, 'Your session has ended. Please sign in again.'],
  [403, 'You may not do this.'],
  [404, 'This title is not in the library, or it is not yours to see.'],
  [408, 'The server took too long to answer. Please try again.'],
  [410, 'This playback has ended.'],
  [413, 'That is more than the server accepts.'],
  [422, 'The server did not accept one of the values.'],
  [429, 'Too many requests.'],
  [502, 'The service behind the server is starting or stopped. Please try again in a moment.'],
  [503, 'The service is not available right now. Please try again in a moment.'],
  [504, 'The service took too long to answer. Please try again.'],
]);

/**
 * One or two sentences for a person.
 * @param {unknown} error
 * @returns {string}
 */
export function sentence(error) {
  if (!(error instanceof Problem)) return 'Something went wrong on this page. Reloading it may help.';
  const known = BY_CODE.get(error.code) ?? BY_STATUS.get(error.status);
  // The server's own sentence is the better one, unless all it has is a status phrase ("Not Found").
  const text =
    /\s.*[.!?]$/.test(error.detail) && !BY_CODE.has(error.code)
      ? error.detail
      : (known ?? `The server answered with an error (${error.status}).`);
  const wait =
    error.retryAfter > 0 && error.status === 429 && error.code !== 'streams'
      ? ` Please wait ${error.retryAfter} second${error.retryAfter === 1 ? '' : 's'}.`
      : '';
  const reference = error.status >= 500 && error.requestId ? ` (Reference ${error.requestId})` : '';
  return text + wait + reference;
}

/**
 * @param {unknown} error
 * @returns {boolean}
 */
export function wasAborted(error) {
  return error instanceof DOMException && error.name === 'AbortError';
}

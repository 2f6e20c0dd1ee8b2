/** What is being made, was made and failed: a table, on a phone a card each. Admins see everybody's. */

import { alarm, say } from './announce.js';
import { cancelJob, listJobs, moveJob, retryJob } from './api.js';
import { fill, h } from './dom.js';
import * as events from './events.js';
import { alive, STATES } from './job.js';
import { JobRow } from './jobrow.js';
import { polling, soon } from './polling.js';
import { sentence, wasAborted } from './problems.js';
import * as session from './session.js';

/** @typedef {import('./types.js').Job} Job */

const PAGE = 25;
/** What one question may ask for. */
const MOST = 100;

/** What is asked of the server, and what is said when it is done. */
const ACTS = /** @type {const} */ ({
  cancel: [cancelJob, 'The job is cancelled.'],
  retry: [retryJob, 'The job is tried again.'],
  first: [(/** @type {string} */ id) => moveJob(id, 'first'), 'The job is the next of its kind.'],
  last: [(/** @type {string} */ id) => moveJob(id, 'last'), 'The job is the last of its kind.'],
});

/** @param {import('./types.js').ViewContext} context */
export function showJobs({ root, route, signal }) {
  document.title = 'Jobs · Kinetoscope';
  const admin = session.user()?.role === 'admin';
  const asked = route.query.get('state') ?? '';
  let wanted = asked in STATES ? asked : '';
  /** In the order shown. @type {Map<string, JobRow>} */
  let rows = new Map();
  /** @type {?string} */
  let cursor = null;
  let turn = 0;

  const heading = h('h1', { tabindex: '-1' }, 'Jobs');
  const filter = h(
    'select',
    { id: 'job-state' },
    h('option', { value: '' }, 'All'),
    ...Object.entries(STATES).map(([value, name]) => h('option', { value, selected: value === wanted }, name)),
  );
  const trouble = h('p', { class: 'trouble', hidden: true });
  const none = h('p', { hidden: true });
  const body = h('tbody', { role: 'rowgroup' });
  const columns = JobRow.columns(admin);
  // The roles are said, since a table whose rows are drawn as cards is none to a screen reader.
  const table = h(
    'table',
    { class: 'jobs', role: 'table', 'aria-labelledby': 'jobs-heading', 'aria-busy': 'true' },
    h(
      'thead',
      { role: 'rowgroup' },
      h('tr', { role: 'row' }, ...columns.map((name) => h('th', { role: 'columnheader', scope: 'col' }, name))),
    ),
    body,
  );
  const more = h('button', { type: 'button', class: 'secondary more', hidden: true }, 'Show more');
  heading.id = 'jobs-heading';
  root.append(
    h(
      'div',
      { class: 'jobs-page' },
      h(
        'div',
        { class: 'jobs-head' },
        heading,
        admin && h('a', { href: '#/health' }, 'Streaming health'),
        h('span', { class: 'field' }, h('label', { for: 'job-state' }, 'State'), filter),
      ),
      trouble,
      none,
      table,
      more,
    ),
  );

  /** @param {unknown} error */
  const fail = (error) => {
    if (signal.aborted || wasAborted(error)) return;
    fill(trouble, sentence(error));
    trouble.hidden = false;
    alarm(sentence(error));
  };

  /** @param {Job} job */
  const rowOf = (job) => {
    const row = rows.get(job.id) ?? new JobRow(job, admin, act);
    row.show(job);
    return row;
  };

  const draw = () => {
    // What is in its place stays there, and keeps the focus.
    for (const [at, { element }] of [...rows.values()].entries()) {
      if (body.children[at] !== element) body.insertBefore(element, body.children[at] ?? null);
    }
    while (body.children.length > rows.size) body.lastElementChild?.remove();
    table.hidden = rows.size === 0;
    table.setAttribute('aria-busy', 'false');
    none.hidden = rows.size > 0;
    fill(none, wanted ? 'No job is in this state.' : 'Nothing is being made, and nothing was.');
    more.hidden = cursor === null;
  };

  /** What is shown, as it is now. @returns {Promise<boolean>} whether some of it goes on by itself */
  const refresh = async () => {
    const mine = ++turn;
    const limit = Math.min(MOST, Math.max(PAGE, Math.ceil(rows.size / PAGE) * PAGE));
    const page = await listJobs({ state: wanted, limit }, signal);
    if (mine !== turn || signal.aborted) return false;
    // What lies beyond one question's reach stays as it was.
    const beyond = rows.size > MOST ? [...rows].slice(MOST) : [];
    rows = new Map([...page.items.map((job) => /** @type {const} */ ([job.id, rowOf(job)])), ...beyond]);
    if (beyond.length === 0) cursor = page.next_cursor ?? null;
    trouble.hidden = true;
    draw();
    return page.items.some(alive);
  };
  const follow = polling(refresh, signal);
  const refreshSoon = soon(() => void refresh().catch(() => undefined), signal);
  events.hear(
    'job',
    (/** @type {Job} */ job) => {
      const row = rows.get(job.id);
      if (row && (!wanted || job.state === wanted)) row.show(job);
      else if (row || !wanted || job.state === wanted) refreshSoon();
    },
    signal,
  );

  const load = () =>
    refresh().then((some) => {
      if (some) follow();
    }, fail);

  /**
   * @param {Job} job
   * @param {keyof typeof ACTS} what
   * @param {HTMLButtonElement} button
   */
  const act = async (job, what, button) => {
    button.disabled = true;
    try {
      const [does, said] = ACTS[what];
      await does(job.id);
      say(said);
      await load();
      if (document.activeElement === document.body) heading.focus();
    } catch (error) {
      fail(error);
    } finally {
      button.disabled = false;
    }
  };

  filter.addEventListener('change', () => {
    wanted = filter.value;
    rows = new Map();
    history.replaceState(null, '', wanted ? `#/jobs?state=${wanted}` : '#/jobs');
    void load();
  });
  more.addEventListener('click', async () => {
    more.disabled = true;
    try {
      const page = await listJobs({ state: wanted, cursor, limit: PAGE }, signal);
      turn += 1;
      for (const job of page.items) rows.set(job.id, rowOf(job));
      cursor = page.next_cursor ?? null;
      draw();
      rows.get(page.items[0]?.id ?? '')?.element.focus();
      if (page.items.some(alive)) follow();
    } catch (error) {
      fail(error);
    } finally {
      more.disabled = false;
    }
  });

  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: 'instant' });
  void load();
}

/** `#/upload`: files are dropped or chosen, sent in parts, and become titles. What was begun elsewhere can be gone on with. */

import { alarm } from './announce.js';
import { fill, h } from './dom.js';
import * as events from './events.js';
import { bytes } from './format.js';
import { complaints, sentence, wasAborted } from './problems.js';
import * as session from './session.js';
import { running, Transfer } from './transfer.js';
import { UploadCard } from './uploadcard.js';
import * as uploads from './uploads.js';

/** @typedef {import('./types.js').Upload} Upload */

const TYPES = 'video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi';
/** What the API calls what the browser tells of a file. */
const TOLD = { name: 'Its name', size_bytes: 'Its size', modified_at: 'The time of its last change' };
const NOWHERE = 'Nothing can be uploaded here: no folder of the library takes uploads from you.';

/** @param {import('./types.js').ViewContext} context */
export function showUpload({ root, signal }) {
  document.title = 'Upload · Kinetoscope';
  const heading = h('h1', { tabindex: '-1' }, 'Upload');
  const picker = h('input', { type: 'file', class: 'visually-hidden', multiple: true, accept: TYPES, tabindex: '-1' });
  const button = h('button', { type: 'button', class: 'primary', onclick: () => picker.click() }, 'Choose files');
  // Nothing is dropped on a touch screen.
  const dropped = h('span', { class: 'by-dropping' }, 'or drop them here. ');
  const note = h('p', { class: 'fine' }, dropped, 'They are sent in parts, and go on after a break.');
  const trouble = h('p', { class: 'trouble', role: 'alert', hidden: true });
  const drop = h('section', { class: 'drop', 'aria-label': 'Files to upload' }, button, note, picker);
  const list = h('ul', { class: 'uploads' });
  root.append(h('div', { class: 'uploading' }, heading, drop, trouble, list));

  /** @type {Map<string, UploadCard>} */
  const cards = new Map();

  const refuse = (/** @type {string[]} */ ...texts) => {
    fill(trouble, ...texts.map((text) => h('span', { class: 'one', dir: 'auto' }, text)));
    trouble.hidden = texts.length === 0;
    alarm(texts.join(' '));
  };
  /** The newest is the first. */
  const card = (/** @type {Upload} */ upload, isNew = false) => {
    const shown = cards.get(upload.id) ?? new UploadCard({ upload, signal, choose: () => picker.click() });
    cards.set(upload.id, shown);
    if (!shown.element.isConnected) list[isNew ? 'prepend' : 'append'](shown.element);
    return shown;
  };
  const take = async (/** @type {File[]} */ files) => {
    /** @type {string[]} */
    const refused = [];
    trouble.hidden = true;
    for (const file of files) {
      try {
        const transfer = await started(file);
        card(transfer.upload, true).follow(transfer);
        transfer.go();
      } catch (error) {
        if (wasAborted(error)) continue;
        refused.push(`${file.name}: ${why(error, file)}`);
        refuse(...refused);
      }
    }
  };

  picker.addEventListener(
    'change',
    () => {
      void take([...(picker.files ?? [])]);
      picker.value = '';
    },
    { signal },
  );
  events.hear('upload', (told) => cards.get(told.id)?.hear(told), signal);
  dropping(drop, (files) => void take(files), signal);
  void uploads
    .list(signal)
    .then(({ items, places, largest_bytes: largest }) => {
      if (places.length === 0) {
        drop.hidden = true;
        refuse(NOWHERE);
      } else {
        note.append(` At most ${bytes(largest)} each.`);
      }
      for (const upload of items) card(upload);
    })
    .catch((error) => {
      if (!wasAborted(error)) refuse(sentence(error));
    });
  heading.focus({ preventScroll: true });
  scrollTo({ top: 0, behavior: 'instant' });
}

/**
 * The transfer of a file: of the upload that it was begun as, here or elsewhere, or of a new one.
 * @param {File} file
 */
async function started(file) {
  const here = [...running.values()].find((transfer) => uploads.isOf(file, transfer.upload));
  if (here) return here;
  const { items } = await uploads.list();
  const known = items.find((upload) => upload.state === 'open' && uploads.isOf(file, upload));
  return new Transfer(file, known ? await uploads.one(known.id) : await uploads.begin(file));
}

/**
 * @param {unknown} error  of started()
 * @param {File} file
 */
function why(error, file) {
  const said = complaints(error, TOLD);
  return said && file.size === 0 ? 'The file is empty.' : said || sentence(error);
}

/**
 * @param {HTMLElement} target
 * @param {(files: File[]) => void} take
 * @param {AbortSignal} signal
 */
function dropping(target, take, signal) {
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    target.classList.add('over');
  };
  target.addEventListener('dragover', over, { signal });
  target.addEventListener('dragleave', () => target.classList.remove('over'), { signal });
  target.addEventListener(
    'drop',
    (event) => {
      event.preventDefault();
      target.classList.remove('over');
      take([...(event.dataTransfer?.files ?? [])]);
    },
    { signal },
  );
}

// Whoever signs out takes the files along; whoever closes the page is asked.
session.events.addEventListener('change', () => {
  if (session.user()) return;
  for (const transfer of running.values()) transfer.pause();
  running.clear();
});
addEventListener('beforeunload', (event) => {
  if ([...running.values()].some((transfer) => transfer.isUnderWay)) event.preventDefault();
});

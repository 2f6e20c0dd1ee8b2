/** The player's settings: a button, and above the bar a panel with a native select for each thing to choose. */

import { fill, h, uniqueId } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {object} Menu
 * @property {string} name
 * @property {[value: string, label: string][]} options
 * @property {string} value
 * @property {(value: string) => void} pick
 */

export class Settings {
  /**
   * @param {() => Menu[]} menus  as they are now
   * @param {AbortSignal} signal
   */
  constructor(menus, signal) {
    this.menus = menus;
    this.panel = h('div', { class: 'settings', role: 'group', 'aria-label': 'Settings', id: uniqueId('settings') });
    this.panel.hidden = true;
    this.button = h(
      'button',
      {
        type: 'button',
        class: 'control',
        'aria-label': 'Settings',
        title: 'Settings',
        'aria-expanded': 'false',
        'aria-controls': this.panel.id,
        onclick: () => (this.open ? this.close() : this.show()),
      },
      icon('settings'),
    );
    document.addEventListener(
      'pointerdown',
      (event) => {
        const within =
          event.target instanceof Node && (this.panel.contains(event.target) || this.button.contains(event.target));
        if (this.open && !within) this.close(false);
      },
      { signal },
    );
    this.panel.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault();
      this.close();
    });
    this.refresh();
  }

  get open() {
    return !this.panel.hidden;
  }

  show() {
    this.panel.hidden = false;
    this.button.setAttribute('aria-expanded', 'true');
    this.refresh();
    this.panel.querySelector('select')?.focus();
  }

  /** @param {boolean} [back]  the focus goes to the button */
  close(back = true) {
    if (back || this.panel.contains(document.activeElement)) this.button.focus();
    this.panel.hidden = true;
    this.button.setAttribute('aria-expanded', 'false');
  }

  /** What there is to choose has changed, or what is chosen. A select that is open or has the focus stays itself. */
  refresh() {
    const menus = this.menus();
    this.button.hidden = menus.length === 0;
    const rows = menus.map((menu) => this.row(menu));
    const there = [...this.panel.children];
    if (there.length !== rows.length || rows.some((row, index) => row !== there[index])) fill(this.panel, rows);
  }

  /** @param {Menu} menu */
  row(menu) {
    const found = [...this.panel.querySelectorAll('select')].find((select) => select.name === menu.name);
    const select = found ?? h('select', { name: menu.name });
    const shown = [...select.options].map(({ value, label }) => [value, label]);
    if (JSON.stringify(shown) !== JSON.stringify(menu.options)) {
      // A label that changed alone is written in place: filling would shut a list that is open.
      const alike =
        shown.length === menu.options.length && shown.every(([value], at) => value === menu.options[at]?.[0]);
      if (!alike) fill(select, ...menu.options.map(([value, label]) => h('option', { value }, label)));
      else for (const [at, [, label]] of menu.options.entries()) select.options[at]?.replaceChildren(label);
    }
    select.value = menu.value;
    select.onchange = () => {
      menu.pick(select.value);
      this.refresh();
    };
    return found?.parentElement ?? h('label', {}, h('span', {}, menu.name), select);
  }
}

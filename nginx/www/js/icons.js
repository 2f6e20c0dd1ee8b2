/** The signs on the controls, drawn here so that nothing is fetched. All are decoration: the control has the name. */

import { svg } from './dom.js';

/** Paths in a 24 by 24 field. `stroke` ones are lines, the rest are filled. */
const SHAPES = /** @type {const} */ ({
  play: { fill: 'M7 4.5v15l13-7.5z' },
  pause: { fill: 'M6 4.5h4v15H6zM14 4.5h4v15h-4z' },
  replay: { line: 'M5 12a7 7 0 1 0 2.2-5.100M5 4v4.200h4.2' },
  volume: { fill: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', line: 'M15 9.200a4 4 0 0 1 0 5.600M17.5 6.5a8 8 0 0 1 0 11' },
  muted: { fill: 'M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z', line: 'M15.5 9.5l5 5M20.5 9.5l-5 5' },
  enter: { line: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5' },
  leave: { line: 'M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5' },
  pip: { line: 'M3.5 5h17v14h-17z', fill: 'M12 12h7v5.5h-7z' },
  search: { line: 'M10.5 4.5a6 6 0 1 0 0 12a6 6 0 0 0 0-12zM15 15l5 5' },
  back: { line: 'M14.5 5l-7 7l7 7' },
  copy: { line: 'M8.5 8.5h11v11h-11zM15.5 8.5v-4h-11v11h4' },
  download: { line: 'M12 4v11M7 10.5l5 5l5-5M4.5 20h15' },
  warning: { line: 'M12 4L2.800 20h18.400zM12 10v5M12 17.200v.6' },
  waiting: { line: 'M7 3.5h10M7 20.5h10M8 3.5v3.5l8 10v3.5M16 3.5v3.5l-8 10v3.5' },
  settings: {
    line: 'M4 7.5h9M17 7.5h3M4 16.5h3M11 16.5h9M15 5.2a2.300 2.300 0 1 0 0 4.600a2.300 2.300 0 0 0 0-4.600zM9 14.2a2.300 2.300 0 1 0 0 4.600a2.300 2.300 0 0 0 0-4.600z',
  },
  first: { line: 'M5 4.5h14M12 20V9M7 13.5l5-5l5 5' },
  last: { line: 'M5 19.5h14M12 4v11M7 10.5l5 5l5-5' },
  close: { line: 'M6 6l12 12M18 6L6 18' },
});

/** @typedef {keyof typeof SHAPES} IconName */

/**
 * @param {IconName} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const { fill, line } = /** @type {{fill?: string, line?: string}} */ (SHAPES[name]);
  const drawing = svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true', focusable: 'false' });
  if (fill) drawing.append(svg('path', { d: fill, fill: 'currentColor' }));
  if (line) {
    drawing.append(
      svg('path', {
        d: line,
        fill: 'none',
        stroke: 'currentColor',
        'stroke-width': 1.8,
        'stroke-linecap': 'round',
        'stroke-linejoin': 'round',
      }),
    );
  }
  return drawing;
}

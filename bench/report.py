"""Tables as Markdown, and bars with their intervals as SVG; where they are kept."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from bench.measure import interval

RESULTS = Path(os.environ.get("BENCH_RESULTS") or Path(__file__).parent / "results")

WIDTH, NAMES, ROW, TOP = 900, 300, 26, 40


def cell(values: list[float], form: str) -> str:
    """Median [low, high]."""
    middle, low, high = interval(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def keep(name: str, text: str) -> None:
    """Write a file of the results."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / name).write_text(text)


def publish(name: str, text: str) -> None:
    """Write a file of the results, and print it."""
    keep(name, text)
    sys.stdout.write(text)


@dataclass
class Bars:
    """A bar for each name, with the interval of its median; on a logarithmic scale when they differ much."""

    title: str
    _bars: list[tuple[str, float, float, float]] = field(default_factory=list)

    def add(self, name: str, middle: float, low: float, high: float) -> None:
        self._bars.append((name, middle, low, high))

    def svg(self) -> str:
        most = max((high for _, _, _, high in self._bars), default=1) or 1
        # The longest would leave nothing to see of the others: it is cut, and its number says how long it is.
        shown = min(most, 8 * sorted(middle for _, middle, _, _ in self._bars)[len(self._bars) // 2] or most)
        scale = (WIDTH - NAMES - 130) / shown
        height = TOP + ROW * len(self._bars) + 10
        box = f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13"'
        title = f'<text x="10" y="22" font-weight="bold">{escape(self.title)}</text>'
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', title]
        for number, (name, middle, low, high) in enumerate(self._bars):
            y = TOP + ROW * number
            length = min(middle, shown) * scale
            fill = "#2b6cb0" if " door" in name else "#a0aec0"
            parts.append(
                f'<text x="{NAMES - 8}" y="{y + 15}" text-anchor="end">{escape(name)}</text>'
                f'<rect x="{NAMES}" y="{y + 3}" width="{length:.1f}" height="16" fill="{fill}"/>'
            )
            if high <= shown:
                x1, x2 = NAMES + low * scale, NAMES + high * scale
                parts.append(f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y + 11}" y2="{y + 11}" stroke="#1a202c"/>')
            end = NAMES + max(length, min(high, shown) * scale) + 6
            parts.append(f'<text x="{end:.1f}" y="{y + 15}">{middle:.3g}{" (cut)" if middle > shown else ""}</text>')
        return "\n".join([*parts, "</svg>\n"])

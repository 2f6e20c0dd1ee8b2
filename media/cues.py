"""Subtitles as cues: read from SRT, WebVTT and ASS, written as WebVTT that holds nothing but cue text.

A subtitle is somebody else's text. Of its markup italics, bold and underlined are kept, closed where they were left
open; any other tag goes, and what merely looks like one is written so that no player takes it for one. Nothing is kept
of headers, styles, regions, notes, settings and names of cues.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple

from catalog.text import clean, has_something_to_see

# A cue longer than this is no subtitle (characters).
_LONGEST_CUE = 2000
_TIME = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,3}))?"
_TIMING = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s|$)", re.ASCII)
_ASS_TIME = re.compile(r"\s*(\d{1,4}):(\d{1,2}):(\d{1,2})[.:](\d{1,3})\s*", re.ASCII)
# A tag, or one of the time stamps within a cue that WebVTT knows.
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,20})(?:[\s./][^<>]{0,300})?>|<[0-9:.]{5,20}>", re.ASCII)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});", re.ASCII)
# Overrides of ASS, such as {\an8} and {\i1}; what stands there without a backslash is a comment. SRT has borrowed them,
# but there a comment is text.
_OVERRIDE = re.compile(r"\{([^{}]{0,5000})\}")
_BORROWED = re.compile(r"\{(\\[^{}]{0,5000})\}")
_STYLE = re.compile(r"\\([ibu])([01])(?![0-9])", re.ASCII)
_DRAWING = re.compile(r"\\p([0-9])", re.ASCII)
_KEPT: Final = frozenset("ibu")
_ASS_COLUMNS = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"


class Cue(NamedTuple):
    """Times in seconds. `text` is as the file has it when it is read, and cue text of WebVTT in the end."""

    start: float
    end: float
    text: str


def read(text: str, suffix: str, most: int) -> list[Cue]:
    """The first `most` cues of a file of this kind (srt, vtt, ass, ssa), by time; each once, and none without text."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    cues = (cue._replace(text=_cue_text(cue.text)) for cue in _READERS[suffix](lines) if cue.start < cue.end)
    return sorted(dict.fromkeys(islice((cue for cue in cues if cue.text), most)), key=lambda cue: cue[:2])


def as_vtt(cues: Sequence[Cue]) -> str:
    """A WebVTT file (W3C WebVTT, section 4.1) of the cues."""
    return "\n".join(["WEBVTT\n", *(f"{clock(cue.start)} --> {clock(cue.end)}\n{cue.text}\n" for cue in cues)])


def clock(seconds: float) -> str:
    """A time as WebVTT writes it: 01:02:03.004."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    hours, minute = divmod(minutes, 60)
    return f"{hours:02}:{minute:02}:{rest // 1000:02}.{rest % 1000:03}"


def _srt(lines: list[str]) -> Iterator[Cue]:
    """What stands between two timings is text, also over an empty line; the number before the second one is not."""
    timings = [(at, found) for at, line in enumerate(lines) if (found := _TIMING.match(line))]
    ends = [*(at for at, _ in timings[1:]), len(lines) + 1]
    for (at, found), end in zip(timings, ends, strict=False):
        said = lines[at + 1 : end]
        if end < len(lines) and said and said[-1].strip().isdigit():
            said.pop()
        yield Cue(*_times(found), _overridden("\n".join(said), _BORROWED))


def _vtt(lines: list[str]) -> Iterator[Cue]:
    """A cue ends at an empty line. Its name, a line above the timing, and blocks without a timing are passed by."""
    cue: tuple[float, float] | None = None
    said: list[str] = []
    for line in [*lines, ""]:
        if cue is None and (found := _TIMING.match(line)):
            cue, said = _times(found), []
        elif cue is not None and line.strip():
            said.append(line)
        elif cue is not None:
            yield Cue(*cue, "\n".join(said))
            cue = None


def _ass(lines: list[str]) -> Iterator[Cue]:
    """The dialogue lines, by the columns that the script says it has. Also of SSA, ASS's forerunner."""
    columns = _columns(_ASS_COLUMNS)
    for line in lines:
        kind, _, rest = line.partition(":")
        if kind.strip() == "Format" and "Text" in (told := _columns(rest)):
            columns = told
        elif kind.strip() == "Dialogue":
            fields = dict(zip(columns, rest.split(",", len(columns) - 1), strict=False))
            start, end = (_ASS_TIME.fullmatch(fields.get(name, "")) for name in ("Start", "End"))
            if start and end:
                text = _overridden(fields.get("Text", ""), _OVERRIDE)
                text = text.replace(r"\N", "\n").replace(r"\n", "\n").replace(r"\h", "\N{NO-BREAK SPACE}")
                yield Cue(_seconds(*start.groups()), _seconds(*end.groups()), text)


_READERS: Final[Mapping[str, Callable[[list[str]], Iterator[Cue]]]] = {
    "srt": _srt, "vtt": _vtt, "ass": _ass, "ssa": _ass,
}  # fmt: skip
SUFFIXES: Final = tuple(_READERS)


def _columns(line: str) -> list[str]:
    return [name.strip() for name in line.split(",")]


def _times(found: re.Match[str]) -> tuple[float, float]:
    parts = found.groups()
    return _seconds(*parts[:4]), _seconds(*parts[4:])


def _seconds(hours: str | None, minutes: str, seconds: str, fraction: str | None) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction or 0}")


def _overridden(text: str, override: re.Pattern[str]) -> str:
    """ASS's overrides as tags, where there is one for them, and without the vectors that some of them begin."""
    made: list[str] = []
    is_drawing = False
    for number, part in enumerate(override.split(text)):
        if number % 2 == 0:
            made += [] if is_drawing else [part]
            continue
        made += [f"<{'/' if state == '0' else ''}{style}>" for style, state in _STYLE.findall(part)]
        drawing = _DRAWING.findall(part)
        is_drawing = drawing[-1] != "0" if drawing else is_drawing
    return "".join(made)


def _cue_text(text: str) -> str:
    """Cue text (W3C WebVTT, section 4.2.2): no empty line, no sign that means something, no tag but the kept ones."""
    made: list[str] = []
    is_open: list[str] = []
    at = 0
    text = text.strip()[:_LONGEST_CUE]
    for tag in _TAG.finditer(text):
        made.append(_escaped(text[at : tag.start()]))
        at = tag.end()
        name = (tag[2] or "").lower()
        if name not in _KEPT:
            continue
        if not tag[1]:
            is_open.append(name)
            made.append(f"<{name}>")
        elif name in is_open:
            closed = ""
            while closed != name:
                closed = is_open.pop()
                made.append(f"</{closed}>")
    made += [_escaped(text[at:]), *(f"</{name}>" for name in reversed(is_open))]
    cue = "\n".join(line.strip() for line in "".join(made).split("\n") if line.strip())
    return cue if has_something_to_see(_TAG.sub("", cue)) else ""


def _escaped(text: str) -> str:
    read = _ENTITY.sub(lambda found: html.unescape(found[0]), text)
    shown = "\n".join(clean(line, " ") for line in read.split("\n"))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

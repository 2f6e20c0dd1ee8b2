"""What a note beside a film tells of it: the XML that Kodi made up and Jellyfin, Emby and others write (`.nfo`).

Whoever wrote it may have wanted harm. A document type is refused before anything in it is read, so there are no
entities to grow and nothing outside is asked for; depth, number and length of everything are bounded; what is told is
made storable as anything else that a file says. What follows the first element (more episodes, an address) is not read.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

from catalog.text import has_something_to_see
from media.charsets import decoded
from media.faults import Fault
from media.report import storable

_KINDS: Final = frozenset({"movie", "episodedetails", "musicvideo"})
_DEEPEST: Final = 32
_MOST_ELEMENTS: Final = 20_000
_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
LONGEST_TITLE: Final = 300
_LONGEST_DESCRIPTION: Final = 5000
_LONGEST_NAME: Final = 100
# As much as an admin may write.
_LONGEST_TAG, _MOST_TAGS = 50, 50
_MOST_PEOPLE: Final = 50
_MOST_EPISODES: Final = 32_767
_YEAR: Final = re.compile(r"(18|19|20)\d\d(?!\d)", re.ASCII)
_SEVERAL: Final = re.compile(r" [/|] |[;\n]")
# Where each is looked for, best first; an element within another is joined by a slash.
_TITLES: Final = ("title", "localtitle", "name")
_DESCRIPTIONS: Final = ("plot", "review", "outline")
_YEARS: Final = ("year", "premiered", "releasedate", "aired")
_TAGS: Final = ("genre", "tag", "style")
_PEOPLE: Final = ("director", "credits", "artist", "actor/name")


@dataclass(frozen=True, slots=True)
class Note:
    """What is told of a film; None and empty where nothing is."""

    title: str | None = None
    original_title: str | None = None
    description: str | None = None
    tags: list[str] = field(default_factory=list)
    year: int | None = None
    show: str | None = None
    season: int | None = None
    episode: int | None = None
    people: list[str] = field(default_factory=list)


class _Refused(Exception):
    """With the sentence."""


class _Done(Exception):
    """The first element is at its end."""


class _Reader:
    """Collects the texts of the elements that count, as expat comes to them."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self._way: list[str] = []
        self._text: list[str] = []
        self._elements = 0

    def begin(self, name: str, _attributes: object) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS or len(self._way) >= _DEEPEST:
            raise _Refused("has more in it than a note may have")
        if not self._way and name.lower() not in _KINDS:
            raise _Refused(f"tells of a {storable(name, 40)!r}: <movie> and <episodedetails> are read")
        self._way.append(name.lower())
        self._text = []

    def end(self, _name: str) -> None:
        if len(self._way) in (2, 3):
            self.texts.setdefault("/".join(self._way[1:]), []).append("".join(self._text))
        self._way.pop()
        self._text = []
        if not self._way:
            raise _Done

    def text(self, text: str) -> None:
        self._text.append(text)

    def doctype(self, *_: object) -> None:
        raise _Refused("has a document type (<!DOCTYPE>), which a note needs none of")


def read_note(raw: bytes) -> Note | Fault | None:
    """What the note tells; None where it is no XML (an address for a program, or a text for people); or why it is
    none, as the end of a sentence that begins with its name."""
    begun = raw
    for mark in _MARKS:
        begun = begun.removeprefix(mark)
    if not begun.replace(b"\0", b"").lstrip().startswith(b"<"):
        return None
    reader = _Reader()
    try:
        _parse(raw, reader)
    except _Done:
        return _note(reader.texts)
    except _Refused as error:
        return Fault(str(error))
    except (expat.ExpatError, ValueError, LookupError) as error:
        return Fault(f"is not well-formed XML ({storable(error, 100)})")
    return Fault("ends before its first element does")


def _parse(raw: bytes, reader: _Reader) -> None:
    has_encoding = raw.startswith(_MARKS) or re.match(rb"\s*<\?xml[^>]{0,200}encoding", raw) is not None
    # Old programs wrote what their machine spoke and did not say so.
    told = raw if has_encoding else decoded(raw, "und").encode()
    parser = expat.ParserCreate(None if has_encoding else "utf-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = reader.doctype
    parser.EntityDeclHandler = reader.doctype
    parser.StartElementHandler = reader.begin
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.Parse(told, True)


def _note(texts: dict[str, list[str]]) -> Note:
    said = _Said(texts)
    return Note(
        title=said.line(_TITLES),
        original_title=said.line(("originaltitle",)),
        description=said.page(_DESCRIPTIONS),
        tags=said.several(_TAGS, _LONGEST_TAG, _MOST_TAGS),
        year=said.year(),
        show=said.line(("showtitle",)),
        season=said.number("season"),
        episode=said.number("episode"),
        people=said.several(_PEOPLE, _LONGEST_NAME, _MOST_PEOPLE),
    )


@dataclass(frozen=True, slots=True)
class _Said:
    texts: dict[str, list[str]]

    def _all(self, names: Iterable[str]) -> list[str]:
        return [text for name in names for text in self.texts.get(name, ())]

    def line(self, names: Iterable[str]) -> str | None:
        lines = (storable(text, LONGEST_TITLE) for text in self._all(names))
        return next((line for line in lines if has_something_to_see(line)), None)

    def page(self, names: Iterable[str]) -> str | None:
        """Paragraphs are kept; each is a line that can be shown."""
        for text in self._all(names):
            begun = text.strip()[: 4 * _LONGEST_DESCRIPTION].split("\n")
            lines = [storable(line, _LONGEST_DESCRIPTION) for line in begun]
            page = re.sub("\n{3,}", "\n\n", "\n".join(lines))[:_LONGEST_DESCRIPTION].strip()
            if has_something_to_see(page):
                return page
        return None

    def several(self, names: Iterable[str], longest: int, most: int) -> list[str]:
        parts = (part for text in self._all(names) for part in _SEVERAL.split(text[:4096]))
        told = (storable(part, longest) for part in parts)
        return list(dict.fromkeys(one for one in told if has_something_to_see(one)))[:most]

    def year(self) -> int | None:
        found = (_YEAR.match(text.strip()) for text in self._all(_YEARS))
        return next((int(match[0]) for match in found if match), None)

    def number(self, name: str) -> int | None:
        for text in self.texts.get(name, ()):
            digits = text.strip()
            if digits.isascii() and digits.isdigit() and len(digits) <= 5 and int(digits) <= _MOST_EPISODES:
                return int(digits)
        return None

"""Pictures in one more codec join what manifests offer already: written into those that the packager wrote before.

What is joined was packed by itself, without a sound, and its manifests are read here. Nothing else of a manifest
changes, so whoever plays by an earlier one goes on. Which of the pictures a player takes is its own choice: each is
listed with its codec, and in DASH each codec is a set of its own.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from catalog.contract.forms import GENERATION

_VARIANT: Final = re.compile(r"^#EXT-X-STREAM-INF:(?P<told>.*)\n(?P<uri>[^#\n]+)\n", re.MULTILINE)
_KEYS: Final = re.compile(r'^#EXT-X-I-FRAME-STREAM-INF:(?P<told>.*URI="(?P<uri>[^"]+)".*)\n', re.MULTILINE)
_SOUND: Final = re.compile(r'^#EXT-X-MEDIA:TYPE=AUDIO,.*URI="(?P<uri>[^"]+)".*GROUP-ID="(?P<group>\w+)"', re.MULTILINE)
_GROUP: Final = re.compile(r',AUDIO="(\w+)"')
_CODECS: Final = re.compile(r'CODECS="([^"]+)"|codecs="([^"]+)"')
_RATES: Final = re.compile(r"^BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=(\d+)")
_LENGTH: Final = re.compile(r"^#EXTINF:([0-9.]+),\n#EXT-X-BYTERANGE:(\d+)", re.MULTILINE)
_SET: Final = re.compile(r"    <AdaptationSet [^>]*>.*?</AdaptationSet>\n", re.DOTALL)
_REPRESENTATION: Final = re.compile(
    r"      <Representation [^>]*>\s*<BaseURL>(?P<uri>[^<]+)</BaseURL>.*?</Representation>\n", re.DOTALL
)
_ID: Final = re.compile(r'(<(?:AdaptationSet|Representation) id=")(\d+)"')
_PERIOD_ENDS: Final = "  </Period>"
_LINES: Final = re.compile(r"(?:v|iframes-)([0-9]+)-")
_OF_GENERATION: Final = re.compile(f"-({GENERATION})[.]", re.ASCII)
# Subtitles are counted from there (media.manifests).
_LAST_ID: Final = 1000


class Rates(NamedTuple):
    """Bits a second of a sound, or of the largest of a group: in its largest segment, and in all."""

    peak: int
    average: int


class _Kind(NamedTuple):
    """Which picture an entry leads to, whenever it was made."""

    lines: str
    codec: str


def generations(manifest: str) -> set[str]:
    """Of the files that it leads to."""
    return set(_OF_GENERATION.findall(manifest))


def generation(name: str) -> str | None:
    """Of a file; None where its name has none."""
    found = _OF_GENERATION.search(name)
    return found[1] if found else None


def sounds(master: str) -> Iterator[tuple[str, str]]:
    """Each group of sounds with the playlist of one in it."""
    for found in _SOUND.finditer(master):
        yield found["group"], found["uri"]


def rates(playlist: str) -> Rates:
    """Of a rendition, by its playlist."""
    pieces = [(float(seconds), int(size)) for seconds, size in _LENGTH.findall(playlist)]
    whole = sum(seconds for seconds, _ in pieces)
    if not whole:
        return Rates(0, 0)
    peak = max(int(8 * size / seconds) for seconds, size in pieces if seconds)
    return Rates(peak, int(8 * sum(size for _, size in pieces) / whole))


def in_hls(master: str, further: str, groups: Mapping[str, Rates]) -> str:
    """`master` with the pictures of `further`, each with every group of sounds; those of the same size and codec that
    it had before go.
    """
    fresh = {_kind(found["uri"], found["told"]) for found in _VARIANT.finditer(further)}
    for entries in (_VARIANT, _KEYS):
        master = entries.sub(lambda one: "" if _kind(one["uri"], one["told"]) in fresh else one[0], master)
    beside = _voices(master)
    lines = "".join(
        f"#EXT-X-STREAM-INF:{_voiced(found['told'], group, codecs, groups)}\n{found['uri']}\n"
        for group, codecs in beside.items()
        for found in _VARIANT.finditer(further)
    )
    at = max((found.end() for found in _VARIANT.finditer(master)), default=len(master))
    return master[:at] + lines + master[at:] + "".join(found[0] for found in _KEYS.finditer(further))


def in_dash(manifest: str, further: str) -> str:
    """The same for DASH."""
    fresh = {_kind(found["uri"], found[0]) for found in _REPRESENTATION.finditer(further)}
    manifest = _SET.sub(lambda one: _kept(one[0], fresh), manifest)
    first = 1 + max((int(number) for _, number in _ID.findall(manifest) if int(number) < _LAST_ID), default=-1)
    sets = "".join(_ID.sub(lambda one: f'{one[1]}{first + int(one[2])}"', found[0]) for found in _SET.finditer(further))
    head, ends, tail = manifest.rpartition(_PERIOD_ENDS)
    return head + sets + ends + tail


def _kept(adaptation: str, fresh: set[_Kind]) -> str:
    """The set without those; nothing where none is left."""
    if not _REPRESENTATION.search(adaptation):
        return adaptation
    left = _REPRESENTATION.sub(lambda one: "" if _kind(one["uri"], one[0]) in fresh else one[0], adaptation)
    return left if _REPRESENTATION.search(left) else ""


def _kind(uri: str, told: str) -> _Kind:
    lines, codecs = _LINES.match(uri), _CODECS.search(told)
    return _Kind(lines[1] if lines else uri, (codecs[1] or codecs[2])[:4] if codecs else "")


def _voices(master: str) -> dict[str, str]:
    """The groups of sounds that pictures are offered with, and the codec of each; "" is no sound."""
    beside: dict[str, str] = {}
    for found in _VARIANT.finditer(master):
        group, codecs = _GROUP.search(found["told"]), _CODECS.search(found["told"])
        voice = codecs[1].partition(",")[2] if codecs else ""
        beside.setdefault(group[1] if group else "", voice if group else "")
    return beside or {"": ""}


def _voiced(told: str, group: str, codecs: str, groups: Mapping[str, Rates]) -> str:
    """What is told of a picture, with a sound of this group."""
    if not group:
        return told
    sound = groups.get(group, Rates(0, 0))
    told = _RATES.sub(
        lambda one: f"BANDWIDTH={int(one[1]) + sound.peak},AVERAGE-BANDWIDTH={int(one[2]) + sound.average}", told
    )
    told = _CODECS.sub(lambda one: f'CODECS="{one[1]},{codecs}"', told)
    head, closed, tail = told.partition(",CLOSED-CAPTIONS")
    return f'{head},AUDIO="{group}"{closed}{tail}'

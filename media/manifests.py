"""What manifests say of a title's subtitles: written into those that the packager wrote, again and again.

HLS reads the published WebVTT itself, as the one segment of a playlist (RFC 8216, 3.5). DASH reads an MP4 made of it: a
bare text file there makes ffmpeg refuse the whole title.
"""

import html
import math
import re
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from catalog.text import clean
from media.languages import UNKNOWN
from media.packager import STEREO, SURROUND

_GROUP: Final = "text"
_OF_HLS: Final = re.compile(r'^#EXT-X-MEDIA:TYPE=SUBTITLES,.*\n+|SUBTITLES="text",', re.MULTILINE)
_SOUND: Final = re.compile(
    r'^#EXT-X-MEDIA:TYPE=AUDIO,.*GROUP-ID="(?P<group>\w+)".*NAME="(?P<name>[^"]*)".*\n', re.MULTILINE
)
_STREAM: Final = re.compile(r"^#EXT-X-STREAM-INF:", re.MULTILINE)
_OF_DASH: Final = re.compile(r'    <AdaptationSet [^>]*contentType="text".*?</AdaptationSet>\n', re.DOTALL)
_PERIOD_ENDS: Final = "  </Period>"
# What says that a track is for those who can't hear (Apple's HLS Authoring Specification, 4.7).
_HEARING: Final = "public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound"
_ROLE: Final = "urn:mpeg:dash:role:2011"
# Those of the packager are counted from 0.
_FIRST_ID: Final = 1000
_BOX: Final = struct.Struct(">I4s")


@dataclass(frozen=True, slots=True)
class Ranges:
    """Of an MP4 with an index (`sidx`): bytes of what a decoder begins with, up to where the index ends, and in all."""

    init: int
    index: int
    all: int


@dataclass(frozen=True, slots=True)
class Text:
    """A subtitle as it is offered. `packed` is the name of the MP4 made of it; None: there is none."""

    stem: str
    language: str
    title: str | None
    is_default: bool
    is_forced: bool
    is_hearing_impaired: bool
    packed: str | None = None
    ranges: Ranges | None = None

    @property
    def playlist(self) -> str:
        return f"{self.stem}.m3u8"


def ranges(path: Path) -> Ranges | None:
    """Of the file at `path`; None when it has no index at its beginning."""
    at = 0
    with path.open("rb") as file:
        while len(head := file.read(_BOX.size)) == _BOX.size:
            size, kind = _BOX.unpack(head)
            if kind == b"sidx":
                return Ranges(at, at + size, path.stat().st_size)
            if size < _BOX.size:
                return None
            at += size
            file.seek(at)
    return None


def playlist(text: Text, seconds: float) -> str:
    """HLS's, for a title that lasts `seconds`."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", f"#EXT-X-TARGETDURATION:{max(1, math.ceil(seconds))}"]
    lines += ["#EXT-X-PLAYLIST-TYPE:VOD", f"#EXTINF:{seconds:.3f},", f"{text.stem}.vtt", "#EXT-X-ENDLIST"]
    return "\n".join([*lines, ""])


def with_every_sound(master: str) -> str:
    """A sound that has no 5.1 is in that group as it is: who listens to the group can choose every language there."""
    sounds = [(found["group"], found["name"], found[0]) for found in _SOUND.finditer(master)]
    there = {name for group, name, _ in sounds if group == SURROUND}
    if not there:
        return master
    lacking = [line for group, name, line in sounds if group == STEREO and name not in there]
    more = "".join(line.replace(f'GROUP-ID="{STEREO}"', f'GROUP-ID="{SURROUND}"', 1) for line in lacking)
    last = sounds[-1][2]
    return master.replace(last, last + more, 1)


def in_hls(master: str, texts: Sequence[Text]) -> str:
    """The main playlist with `texts`, and no others, offered beside each picture."""
    master = _OF_HLS.sub("", master)
    if not texts:
        return master
    media = "".join(
        f'#EXT-X-MEDIA:TYPE=SUBTITLES,URI="{text.playlist}",GROUP-ID="{_GROUP}",{_tongue(text)}NAME="{name}",'
        f"DEFAULT={_yes(text is default)},AUTOSELECT=YES,FORCED={_yes(text.is_forced)}"
        + (f',CHARACTERISTICS="{_HEARING}"' if text.is_hearing_impaired else "")
        + "\n"
        for text, name, default in _named(texts)
    )
    master = _STREAM.sub(f'\\g<0>SUBTITLES="{_GROUP}",', master)
    first = _STREAM.search(master)
    at = first.start() if first else len(master)
    return f"{master[:at]}{media}\n{master[at:]}"


def in_dash(manifest: str, texts: Sequence[Text], seconds: float) -> str:
    """The manifest with those of `texts`, and no others, that have been made an MP4 of."""
    manifest = _OF_DASH.sub("", manifest)
    sets = []
    for number, (text, name, default) in enumerate(_named(texts), _FIRST_ID):
        if text.packed is None or text.ranges is None:
            continue
        language = f' lang="{text.language}"' if text.language != UNKNOWN else ""
        roles = ["forced-subtitle" if text.is_forced else "caption" if text.is_hearing_impaired else "subtitle"]
        roles += ["main"] if text is default else []
        rate = max(1, round(8 * text.ranges.all / max(seconds, 1)))
        init, index = text.ranges.init, text.ranges.index
        sets += [
            f'    <AdaptationSet id="{number}" contentType="text"{language} subsegmentAlignment="true">',
            *(f'      <Role schemeIdUri="{_ROLE}" value="{role}"/>' for role in roles),
            f"      <Label>{html.escape(name)}</Label>",
            f'      <Representation id="{number}" bandwidth="{rate}" codecs="wvtt" mimeType="application/mp4">',
            f"        <BaseURL>{text.packed}</BaseURL>",
            f'        <SegmentBase indexRange="{init}-{index - 1}" timescale="1000">',
            f'          <Initialization range="0-{init - 1}"/>',
            "        </SegmentBase>",
            "      </Representation>",
            "    </AdaptationSet>",
        ]
    head, ends, tail = manifest.rpartition(_PERIOD_ENDS)
    return head + "".join(f"{line}\n" for line in sets) + ends + tail


def _named(texts: Sequence[Text]) -> Iterator[tuple[Text, str, Text | None]]:
    """Each with a name that none of the others has, and the one that is shown unless a viewer chooses."""
    default = next((text for text in texts if text.is_default), None)
    seen: Counter[str] = Counter()
    for text in texts:
        use = " (forced)" if text.is_forced else " (SDH)" if text.is_hearing_impaired else ""
        told = clean(text.title or "", " ").replace('"', "'").strip()
        name = told or f"{text.language}{use}"
        seen[name] += 1
        yield text, name if seen[name] == 1 else f"{name} {text.stem}", default


def _tongue(text: Text) -> str:
    return f'LANGUAGE="{text.language}",' if text.language != UNKNOWN else ""


def _yes(fact: bool) -> str:
    return "YES" if fact else "NO"

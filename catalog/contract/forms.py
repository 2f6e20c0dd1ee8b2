"""The forms of ids and of published names. Every pattern stands for a whole text, in the syntax that PCRE, Python and
ECMAScript share.
"""

import re
from typing import Final, NamedTuple

# Ids of titles, playbacks, sessions and users as they travel: 128 bits.
ID: Final = "[0-9a-f]{32}"
# The parts of a signed link. 22 base64url characters carry 132 bits; with 128 in use the last one is one of four.
KEY_ID: Final = "[a-z0-9]{1,8}"
EXPIRY: Final = "[0-9]{10}"
MAC: Final = "[A-Za-z0-9_-]{21}[AQgw]"
# Of a link that takes one part of an upload: the part's number, and its length in bytes.
PART: Final = "[1-9][0-9]{0,4}"
PART_LENGTH: Final = "[1-9][0-9]{0,7}"
LANGUAGE: Final = "[a-z]{2,3}"
# A rendition's name changes with its content, since manifests hold offsets into it.
GENERATION: Final = "[0-9a-f]{8}"
# Of a title that is made while it is watched: which stretch of it.
SEGMENT: Final = "[0-9]{5}"

# Two of one language and use are told apart by a number.
_SUBTITLE: Final = f"-{LANGUAGE}(?:-(?:forced|sdh))?(?:-[0-9]{{1,2}})?"

# What the library may hold and a browser or player is sent as it is.
CONTAINERS: Final = ("mp4", "mkv", "avi", "mov", "webm", "m4v")
HEIGHTS: Final = (2160, 1440, 1080, 720, 480, 360)
_ANY_HEIGHT: Final = "|".join(str(height) for height in HEIGHTS)

SOURCE: Final = "source"


class Published(NamedTuple):
    """A family of names below titles/<video id>/, or of MADE_NOW.

    `stem` and `suffixes` are what Nginx's doors capture of a name; `middle` is a pattern of what lies between them.
    """

    stem: str
    middle: str
    suffixes: tuple[str, ...]
    kind: str

    @property
    def pattern(self) -> str:
        suffix = self.suffixes[0] if len(self.suffixes) == 1 else f"(?:{'|'.join(self.suffixes)})"
        return f"{self.stem}{self.middle}[.]{suffix}"


# The published tree: whatever is not here is not served, and authz knows no kind for it.
PUBLISHED: Final = (
    Published(SOURCE, "", CONTAINERS, "media:source"),
    *(Published(f"v{height}", f"-{GENERATION}", ("mp4",), f"media:{height}") for height in HEIGHTS),
    Published("a", f"-{LANGUAGE}-{GENERATION}", ("mp4",), "media:audio"),
    # What HLS reads of each rendition: where its segments, and where its key frames are.
    *(Published(f"v{height}", f"-{GENERATION}", ("m3u8",), "manifest") for height in HEIGHTS),
    Published("a", f"-{LANGUAGE}-{GENERATION}", ("m3u8",), "manifest"),
    Published("iframes", f"-(?:{_ANY_HEIGHT})-{GENERATION}", ("m3u8",), "manifest"),
    Published("master", "", ("m3u8",), "manifest"),
    Published("manifest", "", ("mpd",), "manifest"),
    Published("poster", "", ("jpg",), "picture"),
    Published("thumb", "-[0-9]{2}", ("jpg",), "picture"),
    Published("storyboard", "-[0-9]{1,2}", ("jpg",), "picture"),
    Published("preview", "", ("mp4",), "picture"),
    Published("storyboard", "", ("vtt",), "text"),
    # A script is kept beside what WebVTT can say of it, and the fonts that it draws with. Subtitles that are pictures
    # are numbered by themselves.
    Published("sub", _SUBTITLE, ("vtt", "ass", "sup"), "text"),
    # What leads HLS to one, and what DASH reads of it.
    Published("sub", _SUBTITLE, ("m3u8",), "manifest"),
    Published("sub", f"{_SUBTITLE}-{GENERATION}", ("mp4",), "text"),
    Published("font", "-[0-9]{1,2}", ("ttf", "otf", "ttc"), "text"),
)

# What is made while somebody watches lies in a folder of its own, below the title's, under these names and no others:
# the playlists, and of each track what a decoder begins with and the segments.
NOW: Final = "now"
# Heights of the pictures that are made so.
NOW_HEIGHTS: Final = (720, 480, 360)
MADE_NOW: Final = (
    Published(NOW, "", ("m3u8",), "manifest"),
    *(Published(f"n{height}", f"-{GENERATION}", ("m3u8",), "manifest") for height in NOW_HEIGHTS),
    *(Published(f"n{height}", f"-{GENERATION}", ("mp4",), f"media:{height}") for height in NOW_HEIGHTS),
    *(Published(f"n{height}", f"-{GENERATION}-{SEGMENT}", ("m4s",), f"media:{height}") for height in NOW_HEIGHTS),
    Published("sound", f"-[0-9]{{1,2}}-{GENERATION}", ("m3u8",), "manifest"),
    Published("sound", f"-[0-9]{{1,2}}-{GENERATION}", ("mp4",), "media:audio"),
    Published("sound", f"-[0-9]{{1,2}}-{GENERATION}-{SEGMENT}", ("m4s",), "media:audio"),
)

# A segment of pictures is so long (seconds), one of sound has so many samples: the nearest number of whole AAC frames,
# so that segments are the same wherever an encoder began.
NOW_SEGMENT_SECONDS: Final = 2
NOW_SOUND_HERTZ: Final = 48_000
NOW_SOUND_SAMPLES: Final = 94 * 1024


def beside_sound(number: int) -> int:
    """The segment of pictures that is shown when this segment of sound begins."""
    return number * NOW_SOUND_SAMPLES // (NOW_SEGMENT_SECONDS * NOW_SOUND_HERTZ)


# One expression for all names. Those of pictures are one alternative: Nginx tries them one after the other.
NAME: Final = "|".join(
    [
        *(one.pattern for one in PUBLISHED if one.stem not in {f"v{height}" for height in HEIGHTS}),
        f"v(?:{_ANY_HEIGHT})-{GENERATION}[.](?:mp4|m3u8)",
    ]
)
NAME_MADE_NOW: Final = "|".join(one.pattern for one in MADE_NOW)
# Those whose name is never used for another content.
OF_A_GENERATION: Final = "|".join(one.pattern for one in PUBLISHED if one.middle.endswith(GENERATION))
# How the doors take a name apart once it is known to be one.
STEM_AND_SUFFIX: Final = "(?<door_stem>[a-z]+[0-9]*)[a-z0-9-]*[.](?<door_suffix>[a-z0-9]+)"

KINDS: Final = tuple(dict.fromkeys(one.kind for one in (*PUBLISHED, *MADE_NOW)))
# What is watched takes a lease; pictures and text need permission alone.
KINDS_WITH_LEASE: Final = tuple(kind for kind in KINDS if kind == "manifest" or kind.startswith("media:"))


def is_id(text: str) -> bool:
    """Is it an id?"""
    return re.fullmatch(ID, text, re.ASCII) is not None

"""Which codec strings (RFC 6381) a device decodes, by those that it names: who decodes a level decodes those below.

Compared are profile, level and depth as the specifications nest them: ISO/IEC 14496-10 annex A (avc1), 14496-15 annex E
(hvc1), the AV1 codec mapping to ISOBMFF section 5 (av01), the VP codec binding (vp09), ISO/IEC 14496-3 (mp4a.40).
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

# profile_idc -> rank. A decoder of one reads all before; Extended (58) stands aside.
_AVC: Final = {0x42: 0, 0x4D: 1, 0x64: 2, 0x6E: 3, 0x7A: 4, 0xF4: 5}
# Audio object types: HE-AAC holds LC, HE-AACv2 both. Others stand aside.
_AAC: Final = {"2": 0, "5": 1, "29": 2}
# Other spellings, and codecs that a decoder of another one reads as well: wanted -> named.
_SAME: Final[Mapping[str, frozenset[str]]] = {
    "mp4a.6b": frozenset({"mp4a.69", "mp3"}),
    "mp4a.69": frozenset({"mp4a.6b", "mp3"}),
    "vp8": frozenset({"vp08.00.41.08"}),
    "ac-3": frozenset({"mp4a.a5", "ec-3"}),
    "ec-3": frozenset({"mp4a.a6"}),
    "dtsc": frozenset({"dtsl", "dtsh"}),
    "dtsh": frozenset({"dtsl"}),
    "mp4v.20.9": frozenset({"mp4v.20.240"}),
}
Rank = tuple[int, ...]


def covers(named: str, wanted: str) -> bool:
    """Does what decodes `named` decode `wanted`? Unknown names are compared as they are, in any case of letters."""
    named, wanted = named.lower(), wanted.lower()
    if named == wanted or named in _SAME.get(wanted, ()):
        return True
    for read in _READERS:
        able, asked = read(named), read(wanted)
        if able and asked:
            return able[0] == asked[0] and all(one >= other for one, other in zip(able[1], asked[1], strict=True))
    return False


def _avc(name: str) -> tuple[str, Rank] | None:
    told = re.fullmatch(r"(avc[13])[.]([0-9a-f]{2})[0-9a-f]{2}([0-9a-f]{2})", name)
    rank = _AVC.get(int(told[2], 16)) if told else None
    return (told[1], (rank, int(told[3], 16))) if told and rank is not None else None


def _hevc(name: str) -> tuple[str, Rank] | None:
    """Main (1) and stills (3) are within Main 10 (2), and the main tier within the high one."""
    told = re.fullmatch(r"(hvc1|hev1)[.]([123])[.][0-9a-f]+[.]([lh])([0-9]{1,3})(?:[.][0-9a-f.]+)?", name)
    return (told[1], (int(told[2] == "2"), int(told[3] == "h"), int(told[4]))) if told else None


def _av1(name: str) -> tuple[str, Rank] | None:
    told = re.fullmatch(r"av01[.]([012])[.]([0-9]{2})[mh][.]([0-9]{2})(?:[.].*)?", name)
    return ("av01", (int(told[1]), int(told[2]), int(told[3]))) if told else None


def _vp9(name: str) -> tuple[str, Rank] | None:
    if name == "vp9":
        return "vp09", (0, 62, 8)
    told = re.fullmatch(r"vp09[.]([0-9]{2})[.]([0-9]{2})[.]([0-9]{2})(?:[.].*)?", name)
    return ("vp09", (int(told[1]), int(told[2]), int(told[3]))) if told else None


def _dolby_vision(name: str) -> tuple[str, Rank] | None:
    """Profiles don't hold one another."""
    told = re.fullmatch(r"(dvh1|dvhe|dav1)[.]([0-9]{2})[.]([0-9]{2})", name)
    return (f"{told[1]}.{told[2]}", (int(told[3]),)) if told else None


def _aac(name: str) -> tuple[str, Rank] | None:
    rank = _AAC.get(name.removeprefix("mp4a.40."))
    return ("mp4a.40", (rank,)) if rank is not None else None


_READERS: Final[tuple[Callable[[str], tuple[str, Rank] | None], ...]] = (_avc, _hevc, _av1, _vp9, _dolby_vision, _aac)

"""What a device plays: by what it says of itself, or by what the manual of its player says."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from authsvc.watching.codecs import covers
from catalog.contract.words import DeviceKind, Manifest, Player

# The containers of the library, as the media types that devices know them by; one is enough.
CONTAINERS: Final = {
    "mp4": ("video/mp4",),
    "m4v": ("video/mp4", "video/x-m4v"),
    # Chromium plays QuickTime files as what they nearly are, without owning up to the name.
    "mov": ("video/quicktime", "video/mp4"),
    "mkv": ("video/matroska", "video/x-matroska"),
    "webm": ("video/webm",),
    "avi": ("video/x-msvideo", "video/avi"),
}
# Devices answer for the container that a codec is at home in. Those two families hold some codecs of one another, which
# is another question there.
_FAMILIES: Final = {"mp4": "mp4", "m4v": "mp4", "mov": "mp4", "webm": "webm"}
_CODEC: Final = r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}"
TYPE: Final = (
    rf'((?:video|audio)/[a-z0-9][a-z0-9.+-]{{0,39}})(?:; ?codecs="({_CODEC}(?:, ?{_CODEC}){{0,3}})")?|({_CODEC})'
)
_TYPE: Final = re.compile(TYPE, re.ASCII)
LONGEST_TYPE: Final = 160

# What a page asks its browser about, once. Of each family the levels that decide: 1080p and 2160p, 8 and 10 bits.
QUESTIONS: Final = (
    *dict.fromkeys(name for names in CONTAINERS.values() for name in names),
    *(
        f'video/mp4; codecs="{codec}"'
        for codec in (
            "avc1.42E01E", "avc1.64001F", "avc1.640028", "avc1.64002A", "avc1.640033", "avc1.6E0033", "avc3.640028",
            "hvc1.1.6.L120.90", "hvc1.1.6.L153.90", "hvc1.2.4.L120.90", "hvc1.2.4.L153.90",
            "hev1.1.6.L120.90", "hev1.1.6.L153.90", "hev1.2.4.L120.90", "hev1.2.4.L153.90",
            "dvh1.05.06", "dvh1.08.06", "av01.0.08M.08", "av01.0.13M.08", "av01.0.13M.10", "vp09.00.41.08",
            "vp09.02.51.10", "mp4v.20.9", "mp4v.20.240", "mp4v.61",
        )
    ),
    *(f'video/webm; codecs="{codec}"' for codec in ("vp8", "vp09.00.41.08", "vp09.02.51.10", "av01.0.13M.10")),
    *(
        f'audio/mp4; codecs="{codec}"'
        for codec in (
            "mp4a.40.2", "mp4a.40.5", "mp4a.40.29", "mp4a.40.42", "mp4a.6B", "mp3", "opus", "flac", "alac", "ac-3",
            "ec-3", "dtsc", "dtsl", "mlpa",
        )
    ),
    *(f'audio/webm; codecs="{codec}"' for codec in ("opus", "vorbis")),
    'audio/wav; codecs="1"',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Abilities:
    """`containers` are media types; `codecs` and `fails` pairs of a family (empty: any) and a codec string.

    None stands for: whatever it is. A bound that is None is none.
    """

    name: str = "this device"
    kind: DeviceKind | None = None
    containers: frozenset[str] | None = frozenset()
    codecs: tuple[tuple[str, str], ...] | None = ()
    fails: tuple[tuple[str, str], ...] = ()
    max_height: int | None = None
    hdr: frozenset[str] | None = None
    manifests: tuple[Manifest, ...] = ("hls", "dash")
    # Whether it can seek in a manifest of single files.
    seeks_manifests: bool = True

    def reads(self, container: str | None) -> bool:
        return self.containers is None or not self.containers.isdisjoint(CONTAINERS.get(container or "", ()))

    def decodes(self, container: str | None, codec: str | None) -> bool:
        """A codec without a name can't be asked about."""
        if self.codecs is None:
            return True
        return codec is not None and any(covers(named, codec) for named in _of(self.codecs, container))

    def failed_at(self, container: str | None, codec: str | None) -> bool:
        return codec is not None and any(failed.lower() == codec.lower() for failed in _of(self.fails, container))


def said(decodes: Iterable[str], fails: Iterable[str] = (), **others: Any) -> Abilities:
    """The abilities by media types, with or without codecs, and bare codec strings; and `others` of the fields.

    Who names codecs alone means MP4. Raises ValueError for a text of another form.
    """
    return failing(Abilities(**others), fails, decodes)


def failing(abilities: Abilities, fails: Iterable[str], decodes: Iterable[str] = ()) -> Abilities:
    """The same without what fails, and by what is decoded if that is told. Raises ValueError as `said`."""
    named = [_parsed(text) for text in decodes]
    containers = {container for container, _ in named if container.startswith("video/")}
    codecs = tuple((_family(container), codec) for container, of_it in named for codec in of_it)
    failed = tuple((_family(container), codec) for container, of_it in map(_parsed, fails) for codec in of_it)
    if not named:
        return replace(abilities, fails=failed)
    return replace(abilities, containers=frozenset(containers or CONTAINERS["mp4"]), codecs=codecs, fails=failed)


def is_media_type(text: str) -> bool:
    """A media type with or without codecs, or a codec string by itself."""
    return len(text) <= LONGEST_TYPE and _TYPE.fullmatch(text) is not None


def _parsed(text: str) -> tuple[str, list[str]]:
    told = _TYPE.fullmatch(text)
    if told is None:
        raise ValueError(text)
    return told[1] or "", re.split(", ?", told[2] or told[3] or "") if told[2] or told[3] else []


def _family(container: str) -> str:
    return container.rpartition("/")[2] if container.endswith(("/mp4", "/webm")) else ""


def _of(pairs: Iterable[tuple[str, str]], container: str | None) -> Iterable[str]:
    family = _FAMILIES.get(container or "")
    return (codec for named, codec in pairs if not (family and named) or named == family)


_FFMPEG: Final = Abilities(containers=None, codecs=None, kind="player", manifests=("hls",), seeks_manifests=False)

# Fixed, for players that can't be asked.
PLAYERS: Final[dict[Player, Abilities]] = {
    # VideoLAN's "VLC features" (videolan.org/vlc/features.html): every codec here by libavcodec; HLS and DASH. It seeks
    # in single-file HLS (3.0.24, tried).
    "vlc": replace(_FFMPEG, name="VLC", seeks_manifests=True),
    # mpv's manual and FFmpeg's "Supported File Formats and Codecs". It can't seek in HLS of single files before FFmpeg
    # 8.1 (tried), so the file comes first, whatever its size.
    "mpv": replace(_FFMPEG, name="mpv"),
    # Kodi wiki, "Features and supported formats"; it plays by FFmpeg, too.
    "kodi": replace(_FFMPEG, name="Kodi"),
    # What LG (webOS TV developer, "Supported media formats") and Samsung (Tizen TV, "Media specifications") both have
    # since 2019: MP4, MOV and Matroska; H.264 High to 5.1, HEVC Main 10 to 5.1, VP9; AAC, MP3, AC-3, E-AC-3. No DTS.
    "television": said(
        (
            "video/mp4", "video/quicktime", "video/matroska", "avc1.640033", "avc3.640033", "hvc1.2.4.L153.90",
            "hev1.2.4.L153.90", "vp09.02.51.10", "mp4a.40.29", "mp4a.6B", "ac-3", "ec-3",
        ),
        name="a television", kind="television", max_height=2160, hdr=frozenset({"hdr10", "hlg"}), manifests=("hls",),
    ),
}  # fmt: skip

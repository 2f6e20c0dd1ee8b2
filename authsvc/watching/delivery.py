"""By which ways a device gets a title, best first, and why not by others. A function of what is told alone.

1. The source as it is, where the device plays it and it fits what the viewer prefers.
2. Renditions that are there.
3. What is made while it is watched: its container and its sound alone, where the picture is what browsers decode.
4. What is made while it is watched of the picture, too.
5. The source that does not fit, or is interlaced where that shows: whoever prefers something else would rather see that
   than nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, fields
from typing import Final

from authsvc.library.titles import Title
from authsvc.watching.abilities import Abilities
from catalog import copying
from catalog.contract.words import DeviceKind, Manifest, PlaybackLink, PlaybackWay, Scan

MANIFESTS: Final[dict[Manifest, str]] = {"hls": "master.m3u8", "dash": "manifest.mpd"}
# Renditions up to 1080p are of these, and so is what is made now (media/ladder.py): no title is without them.
_MADE: Final = (("avc1.64001F", "picture"), ("mp4a.40.2", "sound"))
# Bits a second that a rendition of this height takes, with its sound (the ladder's default rates).
_LADDER: Final = (
    (360, 1_000_000), (480, 1_600_000), (720, 3_000_000), (1080, 5_300_000), (1440, 9_500_000), (2160, 16_500_000),
)  # fmt: skip
_HLS_FIRST: Final[frozenset[DeviceKind]] = frozenset({"phone", "television", "player"})
_RANGES: Final = {"hdr10": "HDR10", "hlg": "HLG", "dolby-vision": "Dolby Vision"}
# Decoders of browsers show the lines of both fields at once, as combs; televisions and players take them apart.
_WEAVES: Final[frozenset[DeviceKind | None]] = frozenset({None, "browser", "phone"})
# Sound without compression has no name in RFC 6381; devices are asked about it in a WAV file.
_RAW_SOUND: Final = frozenset({"pcm_s16le", "pcm_s16be", "pcm_s24le"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What of a title decides. Strings of codecs are by RFC 6381; `names` are those of its published files."""

    names: Collection[str]
    container: str | None = None
    height: int | None = None
    bitrate: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    video_codec_string: str | None = None
    audio_codec_string: str | None = None
    hdr: str | None = None
    direct_play: bool = False
    # How it is built, as far as that is told.
    scan: Scan | None = None
    peak_bitrate: int | None = None
    # Whether it can be watched while it is made, and then with its picture as it is.
    made_now: bool = False
    repackaged: bool = False

    @classmethod
    def of(cls, title: Title, *, made_now: bool, copies: copying.Limits | None) -> "Facts":
        """Those of a title; `made_now` and `copies` are the box's settings: by which limits pictures are copied."""
        ours = ("names", "made_now", "repackaged")
        told = {one.name: getattr(title, one.name) for one in fields(cls) if one.name not in ours}
        now = made_now and title.made_now
        return cls(
            names={file.name for file in title.files},
            made_now=now,
            repackaged=now and copies is not None and copying.obstacle(title.built, copies) is None,
            **told,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A viewer's; the defaults are those of somebody who never said anything."""

    quality: str = "auto"
    # Bits a second; None: as fast as it goes.
    bandwidth_bps: int | None = None
    device_kind: DeviceKind | None = None
    language: str | None = None

    @property
    def height(self) -> int | None:
        """The highest picture, in lines, by the quality and by the ladder's rates; None: any."""
        heights = [] if self.quality == "auto" else [int(self.quality.removesuffix("p"))]
        if self.bandwidth_bps is not None and self.bandwidth_bps < _LADDER[-1][1]:
            fitting = [height for height, rate in _LADDER if rate <= self.bandwidth_bps]
            heights.append(max(fitting, default=_LADDER[0][0]))
        return min(heights, default=None)


@dataclass(frozen=True, slots=True)
class Way:
    """`way` is what it is, `link` the name of its link in the grant. Of one that was refused, `reason` says why."""

    way: PlaybackWay
    link: PlaybackLink
    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """`ways` in the order to try them. `reason` is of the first, or of there being none."""

    ways: tuple[Way, ...]
    refused: tuple[Way, ...]
    max_height: int | None
    rate_bytes_per_second: int | None
    language: str | None
    reason: str


def decide(facts: Facts, preferences: Preferences, abilities: Abilities | None = None) -> Delivery:
    """Without `abilities` the device is unknown: it plays what every browser does, or all if its kind is a player."""
    height = preferences.height
    if abilities and abilities.max_height is not None:
        height = min(height or abilities.max_height, abilities.max_height)
    cap = preferences.bandwidth_bps
    obstacles, excess = _obstacles(facts, preferences, abilities), _excess(facts, preferences, abilities)
    made, refused = _made(facts, preferences, abilities)
    source = any(name.startswith("source.") for name in facts.names)
    ways = list(made)
    if source and obstacles and abilities:
        refused = [*(Way("source", "source", reason) for reason in obstacles), *refused]
    elif source and (obstacles or excess):
        alone = not any(way.way == "rendition" for way in made)
        words = excess[0] if excess else obstacles[0]
        ways.append(Way("source", "source", _alone(excess) if alone else words))
    elif source:
        ways.insert(0, Way("source", "source", "The source plays as it is and fits what you prefer."))
    if abilities and not abilities.seeks_manifests:
        ways.sort(key=lambda way: way.way != "source")
    reason = ways[0].reason if ways else refused[0].reason if refused else "There is nothing to play yet."
    if ways and ways[0].way == "rendition":
        reason = next(iter((*excess, *obstacles)), reason) if source else reason
    return Delivery(tuple(ways), tuple(refused), height, cap // 8 if cap else None, preferences.language, reason)


def needs_renditions(facts: Facts, preferences: Preferences, abilities: Abilities | None = None) -> bool:
    """Is the source all there is, and something that not every device, or not this one, can show?"""
    kept = not MANIFESTS.keys().isdisjoint(link for link, name in MANIFESTS.items() if name in facts.names)
    return not kept and bool(_obstacles(facts, preferences, abilities) or _is_woven(facts, preferences, abilities))


def obstacles(facts: Facts, abilities: Abilities) -> list[str]:
    """Why a device can't show the source, by its part; nothing: it can."""
    return _obstacles(facts, Preferences(), abilities)


def _alone(excess: list[str]) -> str:
    what = "interlaced" if _WOVEN in excess else "larger than you prefer"
    return "This title has its source only" + (f", which is {what}." if excess else ".")


def _excess(facts: Facts, preferences: Preferences, abilities: Abilities | None) -> list[str]:
    """Why the viewer would rather have something else than the source, and yet rather that than nothing.

    A peak is borne by what a player holds ahead, up to a bound.
    """
    height, cap = preferences.height, preferences.bandwidth_bps
    if cap is not None and max(facts.bitrate or 0, (facts.peak_bitrate or 0) / copying.PEAK) > cap:
        return ["The source is larger than the bandwidth you prefer."]
    if height is not None and (facts.height or 0) > height:
        return ["The source is larger than the quality you prefer."]
    return [_WOVEN] if _is_woven(facts, preferences, abilities) else []


def _is_woven(facts: Facts, preferences: Preferences, abilities: Abilities | None) -> bool:
    """Would the device show two fields as one picture? Those that need no asking about codecs are players."""
    kind = (abilities and abilities.kind) or preferences.device_kind
    return facts.scan in ("tff", "bff") and kind in _WEAVES and not (abilities and abilities.codecs is None)


def _obstacles(facts: Facts, preferences: Preferences, abilities: Abilities | None) -> list[str]:
    """Why the device can't show the source."""
    if abilities is None:
        shows = facts.direct_play or preferences.device_kind == "player"
        return [] if shows else ["Not every device can play the source."]
    if facts.video_codec_string is None and abilities.codecs is not None:
        # A codec without a name, or a file that was not looked at since codecs have names.
        return [] if facts.direct_play else [f"picture: {facts.video_codec or 'its codec'} has no name to ask about"]
    container, told = facts.container, []
    sound = "1" if facts.audio_codec in _RAW_SOUND else facts.audio_codec_string
    if not abilities.reads(container):
        told.append(f"container: {container} is not read here")
    for part, codec, named in (
        ("picture", facts.video_codec, facts.video_codec_string),
        ("sound", facts.audio_codec, sound),
    ):
        if codec is None:
            continue
        if not abilities.decodes(container, named):
            told.append(f"{part}: {named or codec} is not decoded here")
        elif abilities.failed_at(container, named):
            told.append(f"{part}: {named} is known to fail here")
    if abilities.max_height is not None and (facts.height or 0) > abilities.max_height:
        told.append(f"picture: {facts.height} lines are more than {abilities.name} shows ({abilities.max_height})")
    if facts.hdr and abilities.hdr is not None and facts.hdr not in abilities.hdr:
        told.append(f"picture: {_RANGES.get(facts.hdr, facts.hdr)} is not shown here")
    return told


def _made(facts: Facts, preferences: Preferences, abilities: Abilities | None) -> tuple[list[Way], list[Way]]:
    """The ways to what was made or is made now, and those of them that the device can't take."""
    kind = (abilities and abilities.kind) or preferences.device_kind
    order: tuple[Manifest, ...] = ("hls", "dash") if kind in _HLS_FIRST else ("dash", "hls")
    ways = [Way("rendition", link, _RENDITION) for link in order if MANIFESTS[link] in facts.names]
    if facts.made_now and not ways:
        keeps = facts.repackaged and (abilities is None or abilities.decodes("mp4", facts.video_codec_string))
        ways.append(Way("repackaged", "now", _REPACKAGED) if keeps else Way("made_now", "now", _MADE_NOW))
    if abilities is None:
        return ways, []
    lacking = [f"{part}: {codec} is not decoded here" for codec, part in _MADE if not abilities.decodes("mp4", codec)]
    taken, refused = [], []
    for way in ways:
        manifest: Manifest = "dash" if way.link == "dash" else "hls"
        unread = [] if manifest in abilities.manifests else [f"manifest: {manifest.upper()} is not read here"]
        if reasons := [*unread, *lacking]:
            refused += [Way(way.way, way.link, reason) for reason in reasons]
        else:
            taken.append(way)
    return taken, refused


_RENDITION: Final = "Renditions adapt to the connection."
_REPACKAGED: Final = "The picture is copied, only the container and the sound are made anew."
_MADE_NOW: Final = "It is made while it is watched."
_WOVEN: Final = "The source is interlaced, and browsers show both fields at once."

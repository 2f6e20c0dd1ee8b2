"""What a viewer prefers, and what that means for a playback."""

import re
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from authsvc.library.titles import Title
from catalog.contract.forms import LANGUAGE

Link = Literal["source", "hls", "dash"]

MANIFESTS: Final[dict[Link, str]] = {"hls": "master.m3u8", "dash": "manifest.mpd"}
_SUBTITLE: Final = re.compile(rf"sub-({LANGUAGE})(?:-(forced|sdh))?(?:-([0-9]{{1,2}}))?[.]vtt", re.ASCII)
# Bits a second that a rendition of this height takes, with its sound (the ladder's default rates).
_LADDER: Final = (
    (360, 1_000_000), (480, 1_600_000), (720, 3_000_000), (1080, 5_300_000), (1440, 9_500_000), (2160, 16_500_000),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """A viewer's; the defaults are those of somebody who never said anything."""

    quality: str = "auto"
    # Bits a second; None: as fast as it goes.
    bandwidth_bps: int | None = None
    device_kind: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a playback is granted, and why."""

    link: Link | None
    alternatives: list[Link]
    max_height: int | None
    rate_bytes_per_second: int | None
    language: str | None
    reason: str


def of_user(connection: Connection[Any], user_id: str) -> Preferences:
    """The user's preferences, or the defaults."""
    with connection.cursor(row_factory=class_row(Preferences)) as cursor:
        row = cursor.execute(
            "SELECT quality, bandwidth_bps, device_kind, language FROM preferences WHERE user_id = %s", (user_id,)
        ).fetchone()
    return row or Preferences()


def save(connection: Connection[Any], user_id: str, preferences: Preferences) -> None:
    """Replace the user's preferences."""
    connection.execute(
        """
        INSERT INTO preferences (user_id, quality, bandwidth_bps, device_kind, language)
        VALUES (%(user)s, %(quality)s, %(bandwidth_bps)s, %(device_kind)s, %(language)s)
        ON CONFLICT (user_id) DO UPDATE
           SET quality = excluded.quality, bandwidth_bps = excluded.bandwidth_bps,
               device_kind = excluded.device_kind, language = excluded.language, updated_at = now()
        """,
        asdict(preferences) | {"user": UUID(user_id)},
    )


def choose(title: Title, preferences: Preferences) -> Choice:
    """The link to play and the highest picture, by the preferences and what the title has.

    1. The bandwidth cap is also the connection's rate, and bounds the height by the ladder's rates.
    2. The source is played when it fits and the device can show it: it is the best there is, and starts at once.
    3. Else a manifest, from which the player takes what fits; televisions and phones read HLS, browsers DASH.
    4. Without a manifest the source is all there is, whether or not it fits.
    """
    names = {file.name for file in title.files}
    source = any(name.startswith("source.") for name in names)
    first: Link = "hls" if preferences.device_kind in ("phone", "television", "player") else "dash"
    manifests: list[Link] = [link for link in (first, "dash" if first == "hls" else "hls") if MANIFESTS[link] in names]
    height = _height(preferences)
    too_high = height is not None and (title.height or 0) > height
    too_fast = preferences.bandwidth_bps is not None and (title.bitrate or 0) > preferences.bandwidth_bps
    if not source:
        order, reason = manifests, "The source can't be played; renditions adapt to the connection."
    elif not manifests:
        order = ["source"]
        reason = "This title has its source only" + (
            ", which is larger than you prefer." if too_high or too_fast else "."
        )
    elif too_high or too_fast:
        what = "bandwidth" if too_fast else "quality"
        order, reason = [*manifests, "source"], f"The source is larger than the {what} you prefer."
    elif _shows_source(title, preferences):
        order, reason = ["source", *manifests], "The source plays as it is and fits what you prefer."
    else:
        order, reason = [*manifests, "source"], "Not every device can play the source."
    cap = preferences.bandwidth_bps
    return Choice(
        link=order[0] if order else None,
        alternatives=order[1:],
        max_height=height,
        rate_bytes_per_second=cap // 8 if cap else None,
        language=preferences.language,
        reason=reason if order else "There is nothing to play yet.",
    )


def needs_renditions(title: Title, preferences: Preferences) -> bool:
    """Is the source all there is, and something that not every device can show?"""
    names = {file.name for file in title.files}
    return not (_shows_source(title, preferences) or names.intersection(MANIFESTS.values()))


def _shows_source(title: Title, preferences: Preferences) -> bool:
    """A player of its own shows what no browser can."""
    return title.direct_play or preferences.device_kind == "player"


def subtitle(names: Collection[str], language: str | None) -> str | None:
    """The published subtitles in this language (its main one: `pt` of `pt-BR`): the plain ones before those for the
    hearing impaired, and forced ones not at all, since most of what is said is missing in them."""
    if not language:
        return None
    found = [
        (told[2] or "", int(told[3] or 1), told[0])
        for name in names
        if (told := _SUBTITLE.fullmatch(name)) and told[1] == language.lower().partition("-")[0] and told[2] != "forced"
    ]
    return min(found)[2] if found else None


def _height(preferences: Preferences) -> int | None:
    """The highest picture, in lines; None: any."""
    heights = [] if preferences.quality == "auto" else [int(preferences.quality.removesuffix("p"))]
    if preferences.bandwidth_bps is not None and preferences.bandwidth_bps < _LADDER[-1][1]:
        fitting = [height for height, rate in _LADDER if rate <= preferences.bandwidth_bps]
        heights.append(max(fitting, default=_LADDER[0][0]))
    return min(heights, default=None)

"""Signed links: `/m/<kid>/<exp>/<playback>/<mac>/<video>/<file>`.

A path prefix, because a player resolves the relative names of a manifest against it. Nginx checks the MAC with
secure_link (its module dictates MD5 with the secret last); that only sifts out junk before the decision is asked for.
"""

import re
import secrets
import time

from authsvc.link_keys import LinkKeys
from authsvc.settings import ApiSettings
from catalog.contract import forms

AUDIENCE = "play"
_FORM = re.compile(
    f"/m/(?P<kid>{forms.KEY_ID})/(?P<exp>{forms.EXPIRY})/(?P<playback>{forms.ID})/(?P<mac>{forms.MAC})"
    f"/(?P<video>{forms.ID})/",
    re.ASCII,
)


def expiry(settings: ApiSettings, duration_seconds: float, now: float | None = None) -> int:
    """Unix time until which a link to a title of this length is good."""
    life = min(
        settings.link_duration_factor * duration_seconds + settings.link_slack_seconds,
        settings.link_longest_seconds,
    )
    return int((time.time() if now is None else now) + life)


def device_expiry(settings: ApiSettings) -> int:
    """Unix time until which a link that a television or player is sent to is good."""
    return int(time.time() + settings.link_device_seconds)


def prefix(keys: LinkKeys, *, playback_id: str, video_id: str, expires_at: int) -> str:
    """The path that all files of the title share in this playback, with the slash at its end."""
    kid, exp = keys.current, f"{expires_at:010d}"
    return f"/m/{kid}/{exp}/{playback_id}/{_mac(keys, kid, exp, playback_id, video_id)}/{video_id}/"


def playback_of(keys: LinkKeys, path: str, now: float | None = None) -> str | None:
    """The playback that a good link of ours names: a path with its MAC, of a key that still counts, not expired."""
    link = _FORM.match(path)
    if link is None or link["kid"] not in keys.keys or int(link["exp"]) < (time.time() if now is None else now):
        return None
    good = _mac(keys, link["kid"], link["exp"], link["playback"], link["video"])
    return link["playback"] if secrets.compare_digest(link["mac"], good) else None


def _mac(keys: LinkKeys, kid: str, exp: str, playback_id: str, video_id: str) -> str:
    return keys.mac(kid, exp, AUDIENCE, kid, playback_id, video_id)

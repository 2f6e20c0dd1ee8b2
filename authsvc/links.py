"""Signed links: `/m/<kid>/<exp>/<playback>/<mac>/<video>/<file>`.

A path prefix, because a player resolves the relative names of a manifest against it. Nginx checks the MAC with
secure_link (its module dictates MD5 with the secret last); that only sifts out junk before the decision is asked for.
"""

import base64
import hashlib
import time

from authsvc.settings import ApiSettings, PlayKeys

AUDIENCE = "play"


def expiry(settings: ApiSettings, duration_seconds: float, now: float | None = None) -> int:
    """Unix time until which a link to a title of this length is good."""
    life = min(
        settings.link_duration_factor * duration_seconds + settings.link_slack_seconds,
        settings.link_longest_seconds,
    )
    return int((time.time() if now is None else now) + life)


def prefix(keys: PlayKeys, *, playback_id: str, video_id: str, expires_at: int) -> str:
    """The path that all files of the title share in this playback, with the slash at its end."""
    kid = keys.current
    secret = keys.keys[kid].get_secret_value()
    text = f"{expires_at}|{AUDIENCE}|{kid}|{playback_id}|{video_id}|{secret}"
    digest = hashlib.md5(text.encode(), usedforsecurity=False).digest()
    mac = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return f"/m/{kid}/{expires_at:010d}/{playback_id}/{mac}/{video_id}/"

"""What a device is, from the User-Agent header (RFC 9110, 10.1.5): a name that people recognise, and which player.

Anybody can send any text there, so nobody is let in or kept out by it.
"""

import re
from typing import Final

from catalog.contract.words import Player
from catalog.text import clean

LONGEST = 200

# The first that is found names it: browsers claim to be their predecessors too.
_PROGRAMS = (
    (r"\bEdgA?(iOS)?/", "Edge"),
    (r"\b(OPR|Opera)/", "Opera"),
    (r"\b(Firefox|FxiOS)/", "Firefox"),
    (r"\bSamsungBrowser/", "Samsung Internet"),
    (r"\b(Chrome|Chromium|CriOS)/", "Chrome"),
    (r"\bVersion/[\d.]+.*\bSafari/", "Safari"),
    (r"\bKodi\b", "Kodi"),
    (r"\bVLC\b", "VLC"),
    (r"\bmpv\b", "mpv"),
    (r"\bcurl/", "curl"),
    (r"\bpython-requests/", "Python"),
)
_SYSTEMS = (
    (r"\biPhone\b", "iPhone"),
    (r"\biPad\b", "iPad"),
    (r"\b(Tizen|Web0S|SMART-TV|SmartTV|AppleTV|BRAVIA|GoogleTV|Android TV)\b", "a television"),
    (r"\bAndroid\b", "Android"),
    (r"\bCrOS\b", "ChromeOS"),
    (r"\bWindows\b", "Windows"),
    (r"\b(Macintosh|Mac OS X)\b", "a Mac"),
    (r"\bLinux\b", "Linux"),
)
# What is no television and no other player that is known is taken for one that plays everything.
_PLAYERS: Final[dict[str, Player]] = {"Kodi": "kodi", "VLC": "vlc", "mpv": "mpv"}


def player(user_agent: str) -> Player:
    """Whose manual says what it plays."""
    user_agent = clean(user_agent[:512], "")
    named = _PLAYERS.get(_first(_PROGRAMS, user_agent) or "")
    return named or ("television" if _first(_SYSTEMS, user_agent) == "a television" else "vlc")


def readable(user_agent: str) -> str:
    """`Firefox on Linux`; the product's own name where nothing is known; `Unknown device` for nothing at all."""
    # Longer than any real one: no work for whoever sends a novel.
    user_agent = clean(user_agent[:512], "")
    program = _first(_PROGRAMS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if program and system:
        return f"{program} on {system}"
    product = re.match(r"[^/\s]+", user_agent.strip())
    return (program or system or (product[0] if product else "Unknown device"))[:LONGEST]


def _first(known: tuple[tuple[str, str], ...], user_agent: str) -> str | None:
    return next((name for pattern, name in known if re.search(pattern, user_agent)), None)

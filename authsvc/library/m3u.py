"""M3U playlists as VLC, mpv and Kodi read them: UTF-8, one title an entry, each entry an address at /play/.

There is no standard; the form is Winamp's with #EXTINF, as VLC's and Kodi's parsers have it. An address names a device
session and a title and is good for as long as that session: playing it redirects to a fresh signed link
(api/players.py), so a list may be kept for months and holds no link that expires.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence

from authsvc.library.titles import Listed
from catalog.text import clean

MEDIA_TYPE = "audio/x-mpegurl; charset=utf-8"
HEADER = "#EXTM3U\n"
_SPACES = re.compile(" +")


class TooSlow(Exception):
    """The list could not be read in its time; what was sent of it is not the whole."""


def entry(listed: Listed, root: str, *, start_seconds: float = 0) -> str:
    """One title as text; `root` is what stands before its id. A start is a hint that VLC takes."""
    seconds = -1 if listed.duration_seconds is None else round(listed.duration_seconds)
    title = _one_line(listed.title) or "Untitled"
    start = f"#EXTVLCOPT:start-time={start_seconds:.0f}\n" if start_seconds >= 1 else ""
    return f"#EXTINF:{seconds},{title}\n{start}{root}{listed.id.hex}\n"


def playlist(titles: Sequence[Listed], root: str, *, name: str = "") -> str:
    """A whole list that is in memory, with the name that VLC and Kodi show."""
    named = f"#PLAYLIST:{_one_line(name)}\n" if name else ""
    return HEADER + named + "".join(entry(listed, root) for listed in titles)


def stream(
    read_after: Callable[[Listed | None], Sequence[Listed]],
    root: str,
    *,
    most_entries: int,
    seconds: float,
) -> Iterator[str]:
    """A list as pieces of text, one for each page that `read_after` gives; an empty page is the end.

    Holds one page in memory. A list that is cut at `most_entries` says so in its last line. Raises TooSlow, so that
    the answer breaks off instead of looking whole.
    """
    deadline = time.monotonic() + seconds
    yield HEADER
    last: Listed | None = None
    left = most_entries
    while page := read_after(last):
        yield "".join(entry(listed, root) for listed in page[:left])
        if len(page) > left:
            yield f"# Only the first {most_entries} titles are listed.\n"
            return
        left -= len(page)
        last = page[-1]
        if time.monotonic() > deadline:
            raise TooSlow


def _one_line(text: str) -> str:
    """Without whatever could end a line, for any player: a title must not become an entry of its own."""
    return _SPACES.sub(" ", clean(text, " ")).strip()

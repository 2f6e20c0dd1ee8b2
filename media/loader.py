"""How ffprobe is started: nine tenths of its run are its loader's, which can be spared some of the work.

Debian's ffprobe looks for 40,000 symbols in 210 libraries, one library after the other, and for most of them in a few
that come late. Asked first, those spare 6 % of the run (docs/performance.md). ffprobe loads them anyway, and what is
found is the same. The loader is told by its own option (ld.so(8)), so the tool's environment stays empty.
"""

import functools
import os
from pathlib import Path

_LOADER = "/usr/bin/ld.so"
_CACHE = Path("/etc/ld.so.cache")
_ASKED_FIRST = ("libcrypto.so.3", "libstdc++.so.6")


@functools.cache
def ffprobe() -> tuple[str, ...]:
    """The words that start ffprobe; just its name on a system that has none of this."""
    libraries = _known(_CACHE)
    if not libraries or not os.access(_LOADER, os.X_OK):
        return ("ffprobe",)
    return (_LOADER, "--preload", " ".join(libraries), "/usr/bin/ffprobe")


def _known(cache: Path) -> list[str]:
    """The libraries to ask first that the loader's cache holds: their paths end in NUL there (ldconfig(8))."""
    try:
        content = cache.read_bytes()
    except OSError:  # then no sandbox can be built either, and it says so
        return []
    return [library for library in _ASKED_FIRST if f"/{library}\0".encode() in content]

"""The subtitles that a title's manifests offer, kept right by whoever changes either.

Renditions and subtitles are made by jobs of their own, in any order. Each ends here, in the transaction in which it
publishes: the one place that writes subtitles into manifests, and always under the title's lock.
"""

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, LiteralString
from uuid import UUID

from psycopg import Connection

from catalog.contract.forms import GENERATION
from media import manifests
from media.manifests import Text
from media.packager import DASH, HLS, MEDIA_TYPES
from worker import published

# Those that are pictures no player reads from a manifest.
_TEXTS: LiteralString = """
SELECT name, language, title, is_default, is_forced, is_hearing_impaired FROM subtitles
 WHERE video_id = %s AND right(name, 4) = '.vtt' ORDER BY position
"""
_SECONDS: LiteralString = "SELECT coalesce(duration_seconds, 0) FROM videos WHERE id = %s"
_PLAYLIST: Final = re.compile(r"sub-[a-z0-9-]+[.]m3u8", re.ASCII)


def renew(database: Connection[Any], home: Path, folder: Path, video: UUID) -> None:
    """Let the title's manifests in `home` offer the subtitles that are published, and no others.

    What is written anew is written in `folder` and renamed. Files that say so already stay as they are.
    """
    names = {name for name in published.names(database, video) if (home / name).exists()}
    texts = _texts(database, home, video, names)
    (seconds,) = database.execute(_SECONDS, (video,)).fetchone() or (0,)
    playlists = {text.playlist: manifests.playlist(text, seconds) for text in texts} if HLS in names else {}
    wanted = dict(playlists)
    if HLS in names:
        wanted[HLS] = manifests.in_hls((home / HLS).read_text(encoding="utf-8"), texts)
    if DASH in names:
        wanted[DASH] = manifests.in_dash((home / DASH).read_text(encoding="utf-8"), texts, seconds)
    for name, content in wanted.items():
        raw = content.encode()
        # Before the file: a worker that was stopped and wakes has lost the transaction, and may change nothing.
        published.note(database, video, name, MEDIA_TYPES[Path(name).suffix], len(raw))
        write(home / name, folder, raw)
    for name in names:
        if _PLAYLIST.fullmatch(name) and name not in playlists:
            published.forget(database, video, name)
            (home / name).unlink(missing_ok=True)


def _texts(database: Connection[Any], home: Path, video: UUID, names: Collection[str]) -> list[Text]:
    """Those that are published, in the order in which they are offered."""
    texts = []
    for name, language, title, is_default, is_forced, is_sdh in database.execute(_TEXTS, (video,)).fetchall():
        stem = name.removesuffix(".vtt")
        packed = next((one for one in sorted(names) if re.fullmatch(f"{stem}-{GENERATION}[.]mp4", one)), None)
        ranges = manifests.ranges(home / packed) if packed else None
        texts.append(Text(stem, language, title, is_default, is_forced, is_sdh, packed, ranges))
    return texts


def write(path: Path, folder: Path, raw: bytes) -> None:
    """Let the file have this content: written anew in `folder` and renamed, or left as it is where it has."""
    if path.exists() and path.read_bytes() == raw:
        return
    made = folder / f"offered-{path.name}"
    with made.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    made.chmod(0o640)
    made.rename(path)

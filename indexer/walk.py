"""What lies below a root of the library.

Names are bytes: any name a file system can hold is found. Links are not followed, so nothing outside the root is
listed and no loop can trap the walk; they are told, except those beside a film (subtitles, pictures, notes), since
whoever made a link expects to see what it leads to. Where it leads is not asked: that may be a dead mount. A folder
that can't be listed is told apart from an empty one: what was known below it is not missing, it is unseen.
"""

import contextlib
import os
from dataclasses import dataclass, field

from media.beneath import changed_at
from media.companions import Companions, beside, may_be_one
from media.sidecars import by_stem, digest, is_sidecar

VIDEO_SUFFIXES = frozenset({b".mp4", b".mkv", b".avi", b".mov", b".webm", b".m4v"})
# What people keep beside a video. A link to one of these is no title that somebody misses.
COMPANION_SUFFIXES = frozenset(
    b".srt .vtt .ass .ssa .sub .idx .nfo .txt .md .json .xml .url .pdf .jpg .jpeg .png .webp .gif".split()
)
# Where file managers and network storage put what was deleted, and what they make beside the files.
IGNORED_FOLDERS = frozenset({b"lost+found", b"$recycle.bin", b"#recycle", b"#snapshot", b"@eadir", b"@recycle"})


@dataclass(slots=True)
class Listing:
    """The videos below one root at one moment: path below the root -> (size in bytes, mtime in nanoseconds)."""

    device: int = 0
    files: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    # Folders (below the root, ending in a slash; b"" is the root itself) that could not be listed, with the reason.
    unlisted: dict[bytes, str] = field(default_factory=dict)
    # Subtitle files, by folder: name, size and time of each.
    sidecars: dict[bytes, list[tuple[bytes, int, int]]] = field(default_factory=dict)
    # Pictures and notes, by the path of the film that they are for.
    companions: dict[bytes, Companions] = field(default_factory=dict)
    # Links that were passed by.
    links: list[bytes] = field(default_factory=list)
    # How many entries were looked at so far: a sign of life for whoever waits.
    looked: int = 0

    def hides(self, path: bytes) -> bool:
        """May `path` be there although it was not seen?"""
        return any(path.startswith(folder) for folder in self.unlisted)

    def sidecar_digests(self) -> dict[bytes, bytes]:
        """By which each video's sidecars are known; a video that is not here has none."""
        stems: dict[bytes, dict[bytes, list[bytes]]] = {folder: {} for folder in self.sidecars}
        for path in self.files if stems else ():
            folder, slash, name = path.rpartition(b"/")
            if (folder + slash) in stems:
                stems[folder + slash].setdefault(os.path.splitext(name)[0], []).append(path)
        digests: dict[bytes, bytes] = {}
        for folder, entries in self.sidecars.items():
            known = {name: (size, mtime_ns) for name, size, mtime_ns in entries}
            for stem, names in by_stem(known, stems[folder]).items():
                # Without the video's own name: both may be renamed together.
                found = digest((name[len(stem) :], *known[name]) for name in names)
                digests |= dict.fromkeys(stems[folder][stem], found)
        return digests


def walk(root: bytes, listing: Listing | None = None) -> Listing:
    """List the videos below `root`, in `listing` if there is one.

    Raises `OSError` when the root itself is missing or can't be listed.
    """
    listing = listing or Listing()
    listing.device = os.stat(root).st_dev
    folders = [b""]
    while folders:
        folder = folders.pop()
        try:
            entries = os.scandir(os.path.join(root, folder))
        except OSError as error:
            if not folder:
                raise
            if not isinstance(error, FileNotFoundError | NotADirectoryError):  # those went away meanwhile
                listing.unlisted[folder] = error.strerror or type(error).__name__
            continue
        films: list[bytes] = []
        others: dict[bytes, os.DirEntry[bytes]] = {}
        with entries:
            try:
                for entry in entries:
                    listing.looked += 1
                    _sort_in(entry, folder, listing, folders, films, others)
            except OSError as error:  # the listing broke off: a dying disk, a network share
                listing.unlisted[folder] = error.strerror or type(error).__name__
        if films and others:
            _keep_companions(folder, listing, films, others)
    return listing


def _keep_companions(
    folder: bytes, listing: Listing, films: list[bytes], others: dict[bytes, os.DirEntry[bytes]]
) -> None:
    """Of a folder's pictures and notes only those that are for a film are looked at. Links and pipes among them, too:
    whoever put them there is told why they are not used.
    """
    for film, (pictures, notes) in beside(films, others).items():
        known: dict[bytes, os.stat_result] = {}
        for name in (*pictures, *notes):
            with contextlib.suppress(OSError):  # it went away, or can't be read: then it is none
                known[name] = others[name].stat(follow_symlinks=False)
        listing.companions[folder + film] = Companions.of(pictures, notes, os.path.splitext(film)[0], known)


def _sort_in(
    entry: os.DirEntry[bytes],
    folder: bytes,
    listing: Listing,
    folders: list[bytes],
    films: list[bytes],
    others: dict[bytes, os.DirEntry[bytes]],
) -> None:
    name = entry.name
    if name.startswith(b"."):  # hidden; also what rsync and other tools name files that they have not finished
        return
    if may_be_one(name) and not entry.is_dir(follow_symlinks=False):
        others[name] = entry
    elif entry.is_symlink():
        if os.path.splitext(name)[1].lower() not in COMPANION_SUFFIXES:
            listing.links.append(folder + name)
    elif entry.is_dir(follow_symlinks=False):
        if name.lower() not in IGNORED_FOLDERS:
            folders.append(folder + name + b"/")
    elif is_sidecar(name) and entry.is_file(follow_symlinks=False):
        with contextlib.suppress(OSError):  # it went away, or can't be read: then it is none
            status = entry.stat(follow_symlinks=False)
            listing.sidecars.setdefault(folder, []).append((name, status.st_size, changed_at(status)))
    elif os.path.splitext(name)[1].lower() in VIDEO_SUFFIXES and entry.is_file(follow_symlinks=False):
        films.append(name)
        try:
            status = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError:  # the full path is too long, or the disk fails: opening it will tell which
            listing.files[folder + name] = (0, 0)
            return
        listing.files[folder + name] = (status.st_size, changed_at(status))

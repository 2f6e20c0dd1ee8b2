"""The subtitle files beside a film, opened beneath its root and without following a link."""

import os
import stat
from collections.abc import Iterator

from catalog.contract.forms import CONTAINERS
from catalog.text import clean
from media.beneath import open_beneath, open_root
from media.faults import Fault
from media.settings import MediaSettings
from media.sidecars import by_stem, described
from media.subtitles import Subtitle

_FILM_SUFFIXES = frozenset(f".{name}".encode() for name in CONTAINERS)


def subtitles(root: str, path: bytes, settings: MediaSettings) -> Iterator[Subtitle | Fault]:
    """Of each sidecar of the film at `path` below `root`, in the order of their names; or why it is none."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    try:
        at = _open_folder(root, folder)
    except OSError as error:
        yield Fault(f"The folder of the file can't be listed: {error.strerror}.")
        return
    try:
        names = [os.fsencode(entry) for entry in os.listdir(at)]
        films = {os.path.splitext(one)[0] for one in names if _is_film(one)}
        for sidecar in by_stem(names, films).get(stem, [])[: settings.subtitle_sidecars]:
            yield _read(at, sidecar, stem, settings)
    finally:
        os.close(at)


def _is_film(name: bytes) -> bool:
    return os.path.splitext(name)[1].lower() in _FILM_SUFFIXES


def _open_folder(root: str, folder: bytes) -> int:
    below = open_root(os.fsencode(root))
    try:
        return open_beneath(below, folder) if folder else os.open(".", os.O_RDONLY | os.O_CLOEXEC, dir_fd=below)
    finally:
        os.close(below)


def _read(folder: int, name: bytes, stem: bytes, settings: MediaSettings) -> Subtitle | Fault:
    shown = clean(name.decode("utf-8", "replace"))
    try:
        descriptor = open_beneath(folder, name)
    except OSError as error:
        return Fault(f"{shown} can't be opened: {error.strerror}.")
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Fault(f"{shown} is no file.")
        if status.st_size > settings.subtitle_bytes:
            return Fault(f"{shown} is larger than subtitles may be ({settings.subtitle_bytes:,} bytes).")
        raw = file.read(settings.subtitle_bytes)
    suffix = os.path.splitext(name)[1][1:].lower().decode()
    found = Subtitle.of(raw, suffix, described(name, stem), "sidecar", settings)
    return found if found.cues else Fault(f"{shown} holds no subtitles that can be read.")

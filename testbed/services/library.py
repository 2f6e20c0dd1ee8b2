"""A library and a published tree of a test's own, and videos to put there."""

import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from catalog import roles
from indexer.progress import Lines, Progress
from indexer.scan import Scan
from indexer.settings import IndexerSettings, LibraryRoot
from indexer.summary import Summary
from indexer.titles import UMASK
from media.faults import Fault
from media.probe import probe
from media.report import Probed
from media.sandbox import Sandbox
from media.sniff import Container, sniff
from testbed.clips import drawn
from testbed.servers.postgres import Database

LONG_AGO = 1_600_000_000


def made_by_ffmpeg(suffix: str, *options: str, seconds: float = 2, size: str = "64x36", sound: bool = True) -> bytes:
    """A small video; the same call makes the same bytes, once."""
    inputs = ["-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}"]
    if sound:
        inputs += ["-f", "lavfi", "-i", f"sine=duration={seconds}"]
    quick = ["-deadline", "realtime", "-cpu-used", "8"] if suffix == "webm" else []
    return drawn(suffix, "-bitexact", *inputs, *quick, *options)


@functools.cache
def clip(number: int = 0) -> bytes:
    """An MP4 of two seconds; every number is another content."""
    return made_by_ffmpeg("mp4", "-metadata", f"comment={number}")


@dataclass
class Library:
    """One root, `files`, and where its titles are published."""

    folder: Path
    database: Database
    options: dict[str, Any] = field(default_factory=dict)
    said: str = ""

    @property
    def root(self) -> Path:
        return self.folder / "library"

    @property
    def titles(self) -> Path:
        return self.folder / "titles"

    def put(self, name: str | bytes, content: bytes, *, age: float | None = None) -> bytes:
        """Write a file, last changed long ago or `age` seconds ago; its path as bytes."""
        path = os.path.join(os.fsencode(self.root), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        changed = LONG_AGO if age is None else time.time() - age
        os.utime(path, (changed, changed))
        return path

    def rename(self, old: str | bytes, new: str | bytes) -> None:
        target = self._path(new)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(self._path(old), target)

    def delete(self, name: str | bytes) -> None:
        os.unlink(self._path(name))

    def _path(self, name: str | bytes) -> bytes:
        return os.path.join(os.fsencode(self.root), os.fsencode(name))

    def settings(self, **options: Any) -> IndexerSettings:
        values: dict[str, Any] = {
            "database_url": self.database.url_for(roles.INDEXER),
            "library_roots": (LibraryRoot(path=str(self.root)),),
            "titles_dir": self.titles,
            "settle_seconds": 1,
        }
        return IndexerSettings(**(values | self.options | options))

    def scan(self, *, accept_removals: bool = False, progress: Progress | None = None, **options: Any) -> Summary:
        settings = self.settings(**options)
        stream = StringIO()
        sandbox = Sandbox.of_system(settings.sandbox_memory_bytes)
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            scan = Scan(
                connection,
                settings,
                sandbox,
                progress or Lines(stream, terminal=False),
                accept_removals=accept_removals,
            )
            try:
                return scan.run()
            finally:
                self.said = stream.getvalue()

    def environment(self, **more: str) -> dict[str, str]:
        """For the command line."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "KINETOSCOPE_DATABASE_URL": self.database.url_for(roles.INDEXER),
            "KINETOSCOPE_LIBRARY_ROOTS": f'[{{"path": "{self.root}"}}]',
            "KINETOSCOPE_TITLES_DIR": str(self.titles),
            "KINETOSCOPE_SETTLE_SECONDS": "1",
        } | more

    def rows(self, where: str = "true", *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.database.owner_url, row_factory=dict_row) as connection:
            return connection.execute(
                f"SELECT * FROM videos WHERE {where} ORDER BY path",
                values,
            ).fetchall()

    def row(self, name: str | bytes) -> dict[str, Any]:
        """The visible row of the file."""
        (found,) = self.rows("path = %s AND removed_at IS NULL", os.fsencode(name))
        return found

    def published(self, name: str | bytes) -> list[str]:
        """What the title's folder holds, less what was withdrawn; the same as the catalog says, or the test fails."""
        video = self.row(name)["id"]
        with psycopg.connect(self.database.owner_url) as connection:
            told = connection.execute(
                "SELECT name FROM published_files WHERE video_id = %s ORDER BY name", (video,)
            ).fetchall()
            withdrawn = connection.execute("SELECT name FROM withdrawn_files WHERE video_id = %s", (video,)).fetchall()
        home = self.titles / video.hex
        there = sorted(set(os.listdir(home)).difference(name for (name,) in withdrawn)) if home.exists() else []
        assert there == [name for (name,) in told]
        return there

    def source(self, name: str | bytes) -> bytes:
        """Where the title's source leads."""
        video = self.row(name)["id"]
        (link,) = (self.titles / video.hex).glob("source.*")
        return os.readlink(os.fsencode(link))

    def owner(self, *statements: str) -> None:
        """What no service may do to the catalog."""
        with psycopg.connect(self.database.owner_url) as connection:
            for statement in statements:
                connection.execute(statement)

    def query(self, statement: str, *values: object) -> Sequence[tuple[Any, ...]]:
        with psycopg.connect(self.database.owner_url) as connection:
            return connection.execute(statement, values).fetchall()


@contextmanager
def library_of(database: Database) -> Iterator[Library]:
    """Below /tmp and open to all: pytest's own folders are closed to the web server's user."""
    folder = Path(tempfile.mkdtemp(prefix="kinetoscope-library-"))
    folder.chmod(0o755)
    library = Library(folder, database)
    library.root.mkdir()
    library.titles.mkdir()
    library.titles.chmod(0o2750)
    before = os.umask(UMASK)
    os.umask(0o022)
    try:
        yield library
    finally:
        os.umask(before)
        shutil.rmtree(folder, ignore_errors=True)


def facts_of(sandbox: Sandbox, folder: Path, content: bytes, name: str = "video.mp4") -> Probed:
    """What the indexer finds out about a file of this content."""
    path = folder / name
    path.write_bytes(content)
    container = sniff(content[:4096], name.encode())
    assert isinstance(container, Container)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        probed = probe(sandbox, IndexerSettings(), descriptor, container)
    finally:
        os.close(descriptor)
    assert not isinstance(probed, Fault), probed
    return probed

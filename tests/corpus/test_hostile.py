"""200 malformed videos go through a scan and through all that workers do. None of them leaves anything that is not to
be there, shows anything that is another's, or stops what comes after it."""

import os
import re
import secrets
import stat
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from catalog import jobs, roles
from catalog import uploads as shared
from catalog.contract import forms
from indexer.settings import LibraryRoot
from testbed.processes import sandboxed
from testbed.services.library import LONG_AGO, Library
from testbed.services.workers import work_off
from tests.corpus import hostile
from tests.corpus.hostile import Canary, Hostile
from worker import remains
from worker.runner import connect
from worker.settings import WorkerSettings

CANARY = "zz canary.mov"
# A hostile file is to be through with in less than people would wait for a good one.
HURRIED = {"probe_timeout_seconds": 20, "poster_timeout_seconds": 20, "measure_timeout_seconds": 20}
# The words of a program, of a path of ours, or of an exception.
TECHNICAL = re.compile(r"Traceback|File \"|Error\(|/video|/made|/tmp/kinetoscope|psycopg|None$|[\x00-\x1f\x7f]")
RED: LiteralString = "scale=1:1,format=rgb24"
DUE: LiteralString = "SELECT FROM jobs WHERE state IN ('queued', 'running') AND kind = ANY(%s)"
UPLOAD: LiteralString = """
INSERT INTO uploads (id, user_id, name, size_bytes, part_size_bytes, library_root, state, expires_at)
VALUES (gen_random_uuid(), %s, %s, %s, %s, %s, 'checking', now() + interval '1 hour') RETURNING id
"""


class House:
    """A library of hostile files and one that is not, its scan, and its workers."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.canary = Canary(
            str(library.root / CANARY), f"words-{secrets.token_hex(16)}", f"escaped-{secrets.token_hex(8)}"
        )
        self.uploads, self.uploaded = library.folder / "uploads", library.folder / "uploaded"
        for folder in (self.uploads / shared.PARTS, self.uploads / shared.INCOMING, self.uploaded):
            folder.mkdir(parents=True)
        self.roots = (
            LibraryRoot(path=str(library.root), renditions="ladder"),
            LibraryRoot(path=str(self.uploaded), writable=True, renditions="none"),
        )

    def take(self, files: Sequence[Hostile]) -> None:
        """Put them beside the canary."""
        for one in files:
            path = self.library.put(one.name, one.content)
            if one.sparse:
                os.truncate(path, one.sparse)
                os.utime(path, (LONG_AGO, LONG_AGO))
            for name, content in one.beside.items():
                self.library.put(name, content)
        self.library.put(CANARY, self.canary.content)
        self.library.put("zz canary.en.srt", f"1\n00:00:00,000 --> 00:00:01,000\n{self.canary.words}\n".encode())

    def scan(self) -> Any:
        return self.library.scan(library_roots=self.roots, **HURRIED)

    def settings(self, *kinds: Any) -> WorkerSettings:
        return WorkerSettings(
            database_url=self.library.database.url_for(roles.WORKER), titles_dir=self.library.titles,
            uploads_dir=self.uploads, library_roots=self.roots, job_kinds=kinds, job_attempts=1,
            tool_silence_seconds=20, rendition_preset="veryfast", thumbnails=2, **HURRIED,
        )  # fmt: skip

    def work(self, *kinds: Any) -> None:
        """Until nothing of these kinds is due."""
        while self.library.query(DUE, list(kinds)):
            work_off(self.settings(*kinds))

    def watch(self, most: int) -> None:
        """As viewers of the first titles that can be watched."""
        for row in self.library.rows("status = 'ready' AND path <> %s", CANARY.encode())[:most]:
            with psycopg.connect(self.library.database.url_for(roles.EVENTS), autocommit=True) as events:
                events.execute("SELECT want_instant(%s, 0, NULL)", (row["id"],))

    def upload(self, files: Sequence[Hostile]) -> None:
        """As if all their parts had arrived."""
        with psycopg.connect(self.library.database.owner_url) as owner:
            (user,) = owner.execute(
                "INSERT INTO users (username, username_key, password_hash) VALUES ('u', 'u', 'x') RETURNING id"
            ).fetchone() or (None,)
            for one in files:
                values = (user, one.name, len(one.content), shared.SMALLEST_PART, str(self.uploaded))
                (upload,) = owner.execute(UPLOAD, values).fetchone() or (None,)
                shared.part(self.uploads, upload.hex, 1).write_bytes(one.content)
                jobs.enqueue(owner, "upload", parameters={"upload": upload.hex, "step": "finish"})

    def through(self, files: Sequence[Hostile], *, watched: int, uploaded: Sequence[Hostile]) -> None:
        """All that is done with a file."""
        self.take(files)
        self.scan()
        self.work("pictures", "text")
        self.watch(watched)
        self.work("instant")
        self.work("rendition")
        self.upload(uploaded)
        self.work("upload")

    def others(self) -> list[dict[str, Any]]:
        """The rows of the hostile titles."""
        return self.library.rows("path <> %s", CANARY.encode())


def is_plain(reason: str | None) -> bool:
    return bool(reason) and reason is not None and len(reason) <= 1000 and not TECHNICAL.search(reason)


def every_title_and_job_has_ended_with_a_reason(house: House, files: Sequence[Hostile]) -> None:
    names = {os.fsencode(one.name) for one in files}
    seen = {row["path"]: row for row in house.library.rows("library_root = %s", str(house.library.root))}
    assert set(seen) == names | {CANARY.encode()}
    assert {row["status"] for row in seen.values()} <= {"ready", "broken"}
    assert not [row["path"] for row in seen.values() if row["status"] == "ready" and not row["duration_seconds"]]
    unsaid = {row["path"]: row["status_reason"] for row in seen.values() if row["status"] == "broken"}
    assert not {path: reason for path, reason in unsaid.items() if not is_plain(reason)}
    ended = house.library.query(
        "SELECT j.kind, j.state, j.reason, v.path FROM jobs j LEFT JOIN videos v ON v.id = j.video_id"
        " WHERE v.library_root IS DISTINCT FROM %s", str(house.uploaded),
    )  # fmt: skip
    assert {state for _, state, _, _ in ended} <= {"done", "failed"}
    assert not [row for row in ended if row[1] == "failed" and not is_plain(row[2])]
    # What is tried in vain was not foreseen, unless the disk was too slow.
    assert not [row for row in ended if str(row[2]).startswith("Tried") and "Reading failed" not in str(row[2])]
    of_uploads = house.library.query("SELECT name, state, reason FROM uploads")
    assert {state for _, state, _ in of_uploads} <= {"done", "refused"}
    assert not [row for row in of_uploads if row[1] == "refused" and not is_plain(row[2])]


def nothing_lies_where_it_should_not(house: House) -> None:
    library = house.library
    known = {row["id"].hex for row in library.rows("status = 'ready'")}
    for home in library.titles.iterdir():
        assert home.name in known, f"{home} is nobody's"
        for path in (entry for entry in home.rglob("*") if not entry.is_dir()):
            form = forms.NAME_MADE_NOW if path.parent.name == forms.NOW else forms.NAME
            assert re.fullmatch(form, path.name), path
            if path.name.startswith(forms.SOURCE):
                leads_to = path.readlink()
                assert leads_to.is_relative_to(library.root) or leads_to.is_relative_to(house.uploaded)
                continue
            assert stat.S_ISREG(path.lstat().st_mode), path
            assert path.lstat().st_nlink == 1
    with connect(house.settings("upload")) as database:
        library.owner("UPDATE uploads SET expires_at = now() - interval '1 second' WHERE state = 'refused'")
        remains.sweep(database, house.settings("upload"))
    assert not [path for path in house.uploads.rglob("*") if path.is_file()]
    assert not list((house.uploaded / shared.GROWING).glob("*"))
    assert not list(Path("/tmp").glob(f"*{house.canary.escape}*"))
    assert sandboxed(library.folder) == {}


def nothing_of_the_canary_is_told_of_another(house: House) -> None:
    library, words = house.library, house.canary.words.encode()
    mine = library.row(CANARY)["id"]
    for home in library.titles.iterdir():
        if home.name != mine.hex:
            for path in (entry for entry in home.rglob("*") if entry.is_file() and not entry.is_symlink()):
                assert words not in path.read_bytes(), path
    for table in ("videos", "jobs", "subtitles", "published_files", "uploads"):
        of_other = f"{'id' if table == 'videos' else 'video_id'} IS DISTINCT FROM %s" if table != "uploads" else "true"
        told = library.query(f"SELECT to_jsonb(t)::text FROM {table} t WHERE {of_other}", *[mine] * ("%s" in of_other))
        assert not [row for (row,) in told if house.canary.words in row]
    for row in house.others():
        poster = library.titles / row["id"].hex / "poster.jpg"
        if row["path"].startswith((b"loops", b"disguised")) and poster.exists():
            assert not is_red(poster), row["path"]


def is_red(picture: Path) -> bool:
    command = ["ffmpeg", "-v", "error", "-i", str(picture), "-vf", RED, "-f", "rawvideo", "-"]
    red, green, blue = subprocess.run(command, check=True, capture_output=True).stdout[:3]
    return red > 200 and green < 60 and blue < 60


def who_is_not_hostile_has_everything(house: House) -> None:
    published = house.library.published(CANARY)
    stems = {name.partition(".")[0].partition("-")[0] for name in published}
    assert {"source", "poster", "storyboard", "preview", "sub", "v360", "master", "manifest"} <= stems
    assert is_red(house.library.titles / house.library.row(CANARY)["id"].hex / "poster.jpg")


CHECKS: tuple[Callable[[House], None], ...] = (
    nothing_lies_where_it_should_not,
    nothing_of_the_canary_is_told_of_another,
    who_is_not_hostile_has_everything,
)


def untouched(house: House) -> dict[bytes, tuple[int, int]]:
    """Size and time of each file of the library."""
    found = {}
    for entry in os.scandir(os.fsencode(house.library.root)):
        found[entry.name] = (entry.stat().st_size, entry.stat().st_mtime_ns)
    return found


def judged(house: House, files: Sequence[Hostile], *, watched: int, uploaded: Sequence[Hostile]) -> None:
    house.through(files, watched=watched, uploaded=uploaded)
    before = untouched(house)
    every_title_and_job_has_ended_with_a_reason(house, files)
    for check in CHECKS:
        check(house)
    assert house.scan().changed == 0, "judged another way the second time"
    assert untouched(house) == before


@pytest.mark.timeout(900)
def test_some_of_each_kind_leave_nothing_and_stop_nothing(library: Library) -> None:
    house = House(library)
    files = hostile.few(house.canary)
    judged(house, files, watched=2, uploaded=[one for one in files if not one.sparse][::4])


@pytest.mark.thorough
@pytest.mark.timeout(1800)
def test_all_200_leave_nothing_and_stop_nothing(library: Library) -> None:
    house = House(library)
    files = hostile.inputs(house.canary)
    assert len({one.name for one in files}) == len(files) == hostile.NUMBER
    judged(house, files, watched=30, uploaded=[one for one in files if not one.sparse][::2])


@pytest.mark.thorough
def test_they_are_the_same_each_time(library: Library) -> None:
    canary = House(library).canary
    assert hostile.inputs(canary) == hostile.inputs(canary)

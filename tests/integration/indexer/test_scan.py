"""A scan as a run: growing files, strange names, kills at any moment, two at once, and the command line."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from catalog import roles
from catalog.locks import try_scan_lock
from indexer import store
from indexer.titles import Titles
from media.sandbox import Sandbox, SandboxError
from testbed.processes import sandboxed
from testbed.services.library import Library, clip
from testbed.waiting import eventually

COMMAND = [sys.executable, "-m", "indexer.cli", "scan"]
SEEN_BY_NOBODY = Path("/mnt")
STRANGE = [
    b"  spaces  .mp4",
    b'it\'s "quoted" `$(reboot)`; & | > *.mp4',
    b"-i -f lavfi.mp4",
    b"new\nline\r\ttab\x1b[31m.mp4",
    "\N{PERFORMING ARTS} émile 日本 \u202egnp.mp4".encode(),
    b"latin-1 \xe9\xff\xfe.mp4",
    b"100% %s {0} \\ back\\slash.mp4",
    b"x" * 251 + b".mp4",
    b"\xff" * 251 + b".mp4",
    b"a/" * 60 + b"deep.mp4",
    (b"n" * 200 + b"/") * 15 + b"long.mp4",
    b"UPPER.MP4",
]


def run(library: Library, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options], env=library.environment(**environment), capture_output=True, text=True, check=False
    )


def test_every_name_a_file_system_takes_is_published(library: Library) -> None:
    for name in STRANGE:
        library.put(name, clip())
    summary = library.scan()
    assert (summary.ready, summary.broken) == (len(STRANGE), 0), library.said
    for name in STRANGE:
        row = library.row(name)
        assert row["title"].isprintable()
        assert row["filename"].isprintable()
        assert library.source(name) == os.path.join(os.fsencode(library.root), name)
    assert all(line.isprintable() for line in library.said.splitlines())


def test_a_file_changed_just_now_is_ready_in_the_same_scan(library: Library) -> None:
    library.put("settled.mp4", clip(), age=100)
    library.put("fresh.mp4", clip(1), age=0)
    assert library.scan().ready == 2
    assert "looking again: 1\n" in library.said


def test_a_growing_file_waits_and_the_others_do_not(library: Library) -> None:
    path = library.put("growing.mp4", clip()[:5000], age=0)
    library.put("good.mp4", clip(1))
    stop = threading.Event()

    def grow() -> None:
        for offset in range(5000, 10**9):
            if stop.wait(0.05):
                return
            with open(path, "ab") as file:
                file.write(clip()[offset : offset + 1] or b"x")

    thread = threading.Thread(target=grow)
    thread.start()
    try:
        summary = library.scan()
    finally:
        stop.set()
        thread.join()
    assert (summary.waiting, summary.ready, summary.broken) == (1, 1, 0)
    known = library.row("growing.mp4")
    assert "still being written" in known["status_reason"]
    library.put("growing.mp4", clip())
    library.scan()
    row = library.row("growing.mp4")
    assert (row["id"], row["status"], row["status_reason"]) == (known["id"], "ready", None)


def test_an_original_put_aside_for_a_fresh_one_keeps_its_title(library: Library) -> None:
    library.put("film.mp4", clip())
    library.scan()
    known = library.row("film.mp4")["id"]
    library.rename("film.mp4", "film (old).mp4")
    library.put("film.mp4", clip(1), age=0)
    library.scan()
    assert library.row("film (old).mp4")["id"] == known
    assert library.row("film.mp4")["id"] != known
    assert library.row("film.mp4")["status"] == "ready"


class Killed(BaseException):
    """Stands for SIGKILL between two steps."""


def _kill_after(monkeypatch: pytest.MonkeyPatch, owner: Any, step: str) -> None:
    original: Callable[..., Any] = getattr(owner, step)

    def dies(*arguments: Any, **options: Any) -> Any:
        original(*arguments, **options)
        raise Killed

    monkeypatch.setattr(owner, step, dies)


STEPS = [
    (Titles, "link_source"), (Titles, "withdraw"), (Titles, "put_picture"), (Titles, "remove"), (store, "start_scan"),
    (store, "save_ready"), (store, "save_broken"), (store, "save_place"), (store, "publish"), (store, "unpublish"),
    (store, "hide"), (store, "delete_hidden"), (store, "mark_pictured"), (store, "finish_scan"),
]  # fmt: skip


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_scan_killed_after_any_step_is_completed_by_the_next(
    library: Library, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str
) -> None:
    library.put("moves.mp4", clip(0))
    library.put("changes.mp4", clip(1))
    library.put("breaks.mp4", clip(2))
    library.put("goes.mp4", b"no video 1")
    library.put("went.mp4", b"no video 2")
    library.put("stays.mp4", b"no video 3")
    library.scan()
    known = {row["filename"]: row["id"] for row in library.rows()}
    library.delete("went.mp4")
    library.scan()
    library.query("UPDATE videos SET removed_at = now() - interval '1 year' WHERE removed_at IS NOT NULL RETURNING 1")
    library.rename("moves.mp4", "moved.mp4")
    library.put("changes.mp4", clip(3), age=100)
    library.put("breaks.mp4", b"no video", age=100)
    library.delete("goes.mp4")
    with monkeypatch.context() as patch:
        _kill_after(patch, owner, step)
        with pytest.raises(Killed):
            library.scan()
    library.scan()
    assert library.row("moved.mp4")["id"] == known["moves.mp4"]
    assert library.source("moved.mp4").endswith(b"/moved.mp4")
    assert library.row("changes.mp4")["id"] == known["changes.mp4"]
    assert library.row("changes.mp4")["container_tags"]["comment"] == "3"
    assert library.published("moved.mp4") == library.published("changes.mp4") == ["poster.jpg", "source.mp4"]
    assert library.row("breaks.mp4")["status"] == "broken"
    assert library.rows("filename = 'goes.mp4' AND removed_at IS NULL") == []
    assert library.rows("filename = 'went.mp4'") == []
    homes = {entry.name for entry in library.titles.iterdir()}
    assert homes <= {row["id"].hex for row in library.rows()}, "leftovers in the published tree"
    assert library.scan().unchanged == 4


def stop(library: Library, tool: str) -> bool:
    """Stop a tool of this library in the middle of its work, so that it can't come to its end by itself."""
    for number, name in sandboxed(library.folder).items():
        if name == tool:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGSTOP)
                return True
    return False


def test_scans_killed_by_the_kernel_leave_no_tool_and_lose_no_file(library: Library) -> None:
    for number in range(6):
        library.put(f"{number}.mp4", clip(number % 3))
    # ffprobe is started by way of ld.so.
    for at_work in ("ld.so", "ffmpeg", "ffmpeg"):
        process = subprocess.Popen(COMMAND, env=library.environment(), stdout=subprocess.DEVNULL)
        stopped = eventually(lambda tool=at_work: stop(library, tool), within=30, every=0.01)
        process.kill()
        process.wait()
        assert stopped, f"no {at_work} was seen at work"
        try:
            assert eventually(lambda: not sandboxed(library.folder), every=0.05), sandboxed(library.folder)
        finally:
            for number in sandboxed(library.folder):
                os.kill(number, signal.SIGKILL)
    result = run(library)
    assert result.returncode == 0, result.stderr
    for number in range(6):
        assert library.published(f"{number}.mp4") == ["poster.jpg", "source.mp4"]
    assert len(list(library.titles.iterdir())) == 6


def test_a_second_scan_at_the_same_time_leaves_the_work_to_the_first(library: Library) -> None:
    library.put("a.mp4", clip())
    with psycopg.connect(library.database.url_for(roles.INDEXER), autocommit=True) as first:
        assert try_scan_lock(first)
        result = run(library)
    assert (result.returncode, library.rows()) == (0, [])
    assert "another scan is running" in result.stdout


def test_a_tool_that_can_not_run_judges_no_file(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a.mp4", clip())

    def fail(*arguments: Any, **options: Any) -> None:
        raise SandboxError("bwrap: No permissions to create new namespace")

    with monkeypatch.context() as patch:
        patch.setattr(Sandbox, "run", fail)
        with pytest.raises(SandboxError):
            library.scan()
        patch.setattr(Sandbox, "check", lambda _: None)
        assert library.scan().postponed == 1
    assert library.rows() == []
    assert library.scan().ready == 1


def test_an_unprivileged_user_can_run_a_scan(library: Library) -> None:
    library.put("a.mp4", clip())
    os.chown(library.titles, 65534, 65534)
    result = subprocess.run(
        as_nobody([str(SEEN_BY_NOBODY / ".venv/bin/python"), *COMMAND[1:]]),
        env=library.environment(PYTHONPATH=str(SEEN_BY_NOBODY)), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert library.published("a.mp4") == ["poster.jpg", "source.mp4"]


def as_nobody(command: list[str]) -> list[str]:
    """The command, by a user without any right, who sees this checkout wherever it lies (below /root, say)."""
    checkout = str(Path(__file__).parents[3])
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", *command]
    mounted = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mounted, "sh", checkout, str(SEEN_BY_NOBODY), *nobody]


def test_the_command_prints_events_and_a_table(library: Library) -> None:
    library.put("good.mp4", clip())
    library.put("bad.mp4", b"")
    result = run(library)
    assert result.returncode == 0
    assert "added     good.mp4" in result.stdout
    assert "broken    bad.mp4: The file is empty" in result.stdout
    assert "ready              1" in result.stdout


def test_the_command_speaks_json_for_the_journal(library: Library) -> None:
    library.put("bad.mp4", b"")
    lines = [json.loads(line) for line in run(library, "--json").stdout.splitlines()]
    assert lines[-1]["event"] == "scan finished"
    assert (lines[-1]["broken"], lines[-1]["seen"]) == (1, 1)


def test_the_exit_status_tells_what_is_wrong(library: Library) -> None:
    wrong = run(library, KINETOSCOPE_WORKERS="many")
    assert (wrong.returncode, "KINETOSCOPE_WORKERS" in wrong.stderr) == (2, True)
    no_json = run(library, KINETOSCOPE_LIBRARY_ROOTS="[/srv]")
    assert (no_json.returncode, no_json.stderr) == (2, "KINETOSCOPE_LIBRARY_ROOTS: this is not valid JSON\n")
    no_user = run(library, KINETOSCOPE_READER_USER="nobody-at-all")
    assert (no_user.returncode, "no user 'nobody-at-all'" in no_user.stderr) == (2, True)
    overlapping = run(library, KINETOSCOPE_LIBRARY_ROOTS='[{"path": "/a"}, {"path": "/a/b"}]')
    assert (overlapping.returncode, "another root" in overlapping.stderr) == (2, True)
    no_titles = run(library, KINETOSCOPE_TITLES_DIR="/nonexistent/titles")
    assert (no_titles.returncode, "install -d" in no_titles.stderr) == (2, True)
    no_database = run(library, KINETOSCOPE_DATABASE_URL="host=/nonexistent dbname=x")
    assert (no_database.returncode, "PostgreSQL does not answer" in no_database.stderr) == (1, True)
    no_root = run(library, KINETOSCOPE_LIBRARY_ROOTS='[{"path": "/nonexistent"}]')
    assert (no_root.returncode, "/nonexistent can't be listed" in no_root.stdout) == (3, True)

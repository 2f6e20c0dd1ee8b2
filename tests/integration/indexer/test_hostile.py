"""Files that want to harm: disguised, broken, linked, locked. Each becomes a row with a reason, and stops nothing."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from media.child import Outcome
from media.faults import Fault
from media.sandbox import VIDEO, Sandbox, SandboxError
from testbed.services.library import Library, clip, made_by_ffmpeg

SUFFIXES = ("mp4", "mkv", "avi", "mov", "webm", "m4v")
# Each names another title's file, {secret}, that it wants to be read.
DISGUISES = {
    "ffconcat": "ffconcat version 1.0\nfile '{secret}'\n",
    "ffconcat-after-bom": "\ufeffffconcat version 1.0\nfile 'file:{secret}'\n",
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
    "dash": "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period><AdaptationSet>"
    "<Representation id='0' bandwidth='1' mimeType='video/mp4'><BaseURL>{secret}</BaseURL></Representation>"
    "</AdaptationSet></Period></MPD>",
    "imf": "<?xml version='1.0'?><CompositionPlaylist xmlns='http://www.smpte-ra.org/schemas/2067-3/2016'>"
    "<Id>urn:uuid:0</Id><ContentTitle>{secret}</ContentTitle></CompositionPlaylist>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
}


def test_disguised_playlists_are_broken_under_every_suffix_with_a_reason_for_people(library: Library) -> None:
    secret = library.put("secret.mp4", clip()).decode()
    for name, script in DISGUISES.items():
        for suffix in SUFFIXES:
            library.put(f"{name}.{suffix}", script.format(secret=secret).encode())
    summary = library.scan()
    assert (summary.ready, summary.broken) == (1, len(DISGUISES) * len(SUFFIXES))
    for name in DISGUISES:
        for suffix in SUFFIXES:
            row = library.row(f"{name}.{suffix}")
            assert (row["status"], row["width"], row["duration_seconds"]) == ("broken", None, None)
            assert "not an MP4, MKV, AVI, MOV, WebM or M4V file" in row["status_reason"]
            assert library.published(f"{name}.{suffix}") == []
    assert library.row("secret.mp4")["status"] == "ready"


@pytest.mark.parametrize("head", [clip()[:32], made_by_ffmpeg("mkv")[:64], made_by_ffmpeg("avi")[:64]])
def test_a_script_behind_the_first_bytes_of_a_video_is_not_run(library: Library, head: bytes) -> None:
    secret = library.put("secret.mp4", clip()).decode()
    for name in ("ffconcat", "hls"):
        library.put(f"{name}.mp4", head + b"\n" + DISGUISES[name].format(secret=secret).encode())
    library.scan()
    assert {row["status"] for row in library.rows("path <> 'secret.mp4'")} == {"broken"}


def test_broken_files_say_why_and_do_not_stop_the_rest(library: Library) -> None:
    whole = made_by_ffmpeg("mp4", "-movflags", "+faststart")
    contents = {
        "empty.mp4": (b"", "empty"),
        "zeros.mkv": (bytes(100_000), "zeros"),
        "no-index.mp4": (clip()[: len(clip()) // 2], "incomplete"),
        "cut.mp4": (whole[: whole.index(b"mdat") + 100], "missing at its end"),
        "cut.mkv": (made_by_ffmpeg("mkv")[:1500], "missing at its end"),
        "cut.avi": (made_by_ffmpeg("avi")[:6000], "missing at its end"),
        "noise.mov": (b"\x00\x00\x00\x14ftypqt  " + bytes(range(256)) * 20, "incomplete"),
        "page.webm": (b"<!DOCTYPE html><title>404</title>", "web page"),
        "sound.mp4": (made_by_ffmpeg("mp4", "-vn"), "no video track"),
        "picture.m4v": (b"\xff\xd8\xff\xe0" + bytes(100), "JPEG"),
    }
    for name, (content, _) in contents.items():
        library.put(name, content)
    library.put("good.mp4", clip())
    summary = library.scan()
    for name, (_, word) in contents.items():
        row = library.row(name)
        assert row["status"] == "broken", name
        assert word in row["status_reason"], (name, row["status_reason"])
        assert str(library.folder) not in row["status_reason"]
    assert (summary.ready, summary.broken) == (1, len(contents))


def test_a_broken_file_that_is_mended_becomes_ready_under_its_id(library: Library) -> None:
    library.put("a.mp4", clip()[:3000])
    library.scan()
    known = library.row("a.mp4")["id"]
    library.put("a.mp4", clip(), age=100)
    library.scan()
    assert (library.row("a.mp4")["id"], library.row("a.mp4")["status"]) == (known, "ready")


def test_a_ready_file_that_breaks_takes_its_files_away(library: Library) -> None:
    library.put("a.mp4", clip())
    library.scan()
    library.put("a.mp4", b"", age=100)
    library.scan()
    row = library.row("a.mp4")
    assert (row["status"], row["duration_seconds"]) == ("broken", None)
    assert library.published("a.mp4") == []


def test_a_file_closed_to_the_web_server_says_how_to_open_it_and_recovers(library: Library) -> None:
    closed = library.put("closed.mp4", clip())
    os.chmod(closed, 0o600)
    library.put("shut/inside.mp4", clip(1))
    (library.root / "shut").chmod(0o700)
    library.scan()
    assert library.row("closed.mp4")["status_reason"].startswith("Permission: ")
    assert "chmod o+r closed.mp4" in library.row("closed.mp4")["status_reason"]
    assert f"chmod o+x {library.root}/shut" in library.row("shut/inside.mp4")["status_reason"]
    before = library.query("SELECT xmin::text FROM videos ORDER BY id")
    library.scan()
    assert library.query("SELECT xmin::text FROM videos ORDER BY id") == before
    os.chmod(closed, 0o644)
    (library.root / "shut").chmod(0o755)
    library.scan()
    assert {row["status"] for row in library.rows()} == {"ready"}


def test_links_pipes_sockets_and_hidden_files_are_passed_by(library: Library) -> None:
    secret = library.folder / "secret.mp4"
    secret.write_bytes(clip())
    (library.root / "link.mp4").symlink_to(secret)
    (library.root / "folder").symlink_to(library.folder)
    os.mkfifo(library.root / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(library.root / "socket.mp4"))
    library.put(".hidden.mp4", clip())
    library.put(".folder/film.mp4", clip())
    (library.root / "directory.mp4").mkdir()
    assert library.scan().seen == 0


def test_a_folder_that_can_not_be_listed_hides_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    library.put("a/film.mp4", clip())
    library.scan()
    scandir = os.scandir

    def refuse(path: object) -> object:
        if isinstance(path, bytes) and path.endswith(b"/a/"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    summary = library.scan()
    assert (summary.removed, summary.unlisted_folders) == (0, [f"{library.root}/a/"])
    assert library.row("a/film.mp4")["status"] == "ready"


@pytest.fixture(scope="module")
def sandbox() -> Sandbox:
    return Sandbox.of_system(512 << 20)


def shell(sandbox: Sandbox, folder: Path, script: str, seconds: float = 60) -> Outcome | Fault:
    video = folder / "video.mp4"
    video.write_bytes(b"the one file")
    descriptor = os.open(video, os.O_RDONLY)
    try:
        return sandbox.run(["bash", "-c", script], descriptor, seconds=seconds, output_bytes=10_000)
    finally:
        os.close(descriptor)


def said(outcome: Outcome | Fault) -> str:
    assert isinstance(outcome, Outcome), outcome
    return outcome.output.decode()


def test_a_tool_sees_its_one_file_and_the_systems_programs_only(sandbox: Sandbox, tmp_path: Path) -> None:
    assert said(shell(sandbox, tmp_path, f"cat {VIDEO}")) == "the one file"
    assert said(shell(sandbox, tmp_path, "ls /")).split() == ["etc", "lib", "lib64", "usr", "video"]
    assert said(shell(sandbox, tmp_path, "ls /etc")).split() == ["alternatives", "ld.so.cache"]
    assert said(shell(sandbox, tmp_path, "id -u; id -g")).split() == ["65534", "65534"]


def test_a_tool_has_no_environment_no_network_and_nothing_to_write(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", "/run/credentials")
    environment = said(shell(sandbox, tmp_path, "/usr/bin/env"))
    of_shell = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert {line.partition("=")[0] for line in environment.splitlines()} - of_shell == {"LC_ALL"}
    for attempt in ("mkdir /new", "mkdir /usr/new", "mkdir /etc/new", f": >> {VIDEO}", f"rm -f {VIDEO}"):
        outcome = shell(sandbox, tmp_path, attempt)
        assert isinstance(outcome, Outcome)
        assert outcome.status != 0, attempt
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connect = f"exec 3<>/dev/tcp/127.0.0.1/{listener.getsockname()[1]} && echo connected"
        outside = subprocess.run(["bash", "-c", connect], capture_output=True, check=False)
        assert outside.stdout == b"connected\n"
        assert said(shell(sandbox, tmp_path, connect)) == ""


def test_a_tool_that_takes_too_long_or_talks_too_much_is_killed_with_all_it_started(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    slow = shell(sandbox, tmp_path, "sleep 4242 & sleep 4242", seconds=0.5)
    assert isinstance(slow, Fault)
    assert "0.5 seconds" in slow.sentence
    loud = shell(sandbox, tmp_path, "while :; do echo sleep; sleep 0.0001; echo 4242; done & yes")
    assert isinstance(loud, Fault)
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"sleep\x004242" in _read(path)]
    assert left == []


def test_a_tool_that_can_not_start_is_no_fault_of_the_file(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.check()
    for script in ("exec /none", "exit 127"):
        with pytest.raises(SandboxError):
            shell(sandbox, tmp_path, script)


def test_a_file_that_takes_too_much_computing_is_told_from_a_slow_disk(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.sandbox._computing", lambda _: 1)
    busy = shell(sandbox, tmp_path, "while :; do :; done", seconds=60)
    assert isinstance(busy, Fault)
    assert "computing" in busy.sentence
    assert not Fault.is_passing(busy.sentence)
    slow = shell(sandbox, tmp_path, "sleep 9", seconds=0.5)
    assert isinstance(slow, Fault)
    assert Fault.is_passing(slow.sentence)


def test_a_tool_that_takes_too_much_memory_is_refused_it(sandbox: Sandbox, tmp_path: Path) -> None:
    fill = "printf -v x '%0{}d' 0 && echo ${{#x}}"
    assert said(shell(sandbox, tmp_path, fill.format(1000))) == "1000\n"
    assert said(shell(sandbox, tmp_path, fill.format(1 << 30))) == ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""

"""Opening beneath a root, judging permissions, walking: on a real file system, without tools."""

import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from indexer.permission import Reader
from indexer.walk import walk
from media.beneath import open_beneath, open_by_component, open_root

Opener = Callable[[int, bytes], int]


@pytest.fixture(params=[open_beneath, open_by_component])
def opener(request: pytest.FixtureRequest) -> Opener:
    function: Opener = request.param
    return function


@pytest.fixture
def root(tmp_path: Path) -> int:
    (tmp_path / "library" / "folder").mkdir(parents=True)
    (tmp_path / "library" / "folder" / "film.mp4").write_bytes(b"film")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "library" / "link.mp4").symlink_to("folder/film.mp4")
    (tmp_path / "library" / "way-out").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "library" / "pipe.mp4")
    return open_root(os.fsencode(tmp_path / "library"))


def test_a_file_beneath_the_root_is_opened(opener: Opener, root: int) -> None:
    descriptor = opener(root, b"folder/film.mp4")
    assert os.read(descriptor, 9) == b"film"
    os.close(descriptor)


@pytest.mark.parametrize(
    ("path", "codes"),
    [
        (b"link.mp4", {errno.ELOOP}),
        (b"way-out/secret", {errno.ELOOP, errno.ENOTDIR}),
        (b"../secret", {errno.EXDEV}),
        (b"folder/../../secret", {errno.EXDEV}),
        (b"/etc/hostname", {errno.EXDEV}),
        (b"none.mp4", {errno.ENOENT}),
    ],
)
def test_nothing_outside_and_no_link_is_opened(opener: Opener, root: int, path: bytes, codes: set[int]) -> None:
    with pytest.raises(OSError) as refusal:
        opener(root, path)
    assert refusal.value.errno in codes


def test_a_pipe_does_not_make_the_opener_wait(opener: Opener, root: int) -> None:
    os.close(opener(root, b"pipe.mp4"))


def test_a_kernel_without_openat2_is_served_component_by_component(root: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> int:
        raise OSError(errno.ENOSYS, "no such call")

    monkeypatch.setattr("media.beneath._openat2", absent)
    os.close(open_beneath(root, b"folder/film.mp4"))
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        open_beneath(root, b"way-out/secret")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A file whose folders are open, wherever pytest put them."""
    reader = Reader.named("www-data")
    if reader.obstacle(os.fsencode(tmp_path / "x" / "y")) is not None:
        for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
            folder.chmod(0o755)
    file = tmp_path / "film.mp4"
    file.touch()
    return file


def obstacle(file: Path) -> tuple[str, str] | None:
    return Reader.named("www-data").obstacle(os.fsencode(file))


@pytest.mark.parametrize(("mode", "free"), [(0o644, True), (0o604, True), (0o640, False), (0o600, False)])
def test_the_mode_tells_whether_the_web_server_may_read(shared: Path, mode: int, free: bool) -> None:
    shared.chmod(mode)
    assert (obstacle(shared) is None) == free


def test_the_group_counts_before_the_others(shared: Path) -> None:
    os.chown(shared, -1, next(iter(Reader.named("www-data").groups)))
    shared.chmod(0o640)
    assert obstacle(shared) is None
    shared.chmod(0o604)
    assert obstacle(shared) == ("the file", "chmod o+r film.mp4")


def access_list(*entries: tuple[int, int, int]) -> bytes:
    """Entries of (tag, permission bits, id) as the kernel keeps them (linux/posix_acl_xattr.h)."""
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.parametrize(
    ("of_user", "mask", "of_others", "free"),
    [(4, 4, 0, True), (4, 0, 4, False), (0, 7, 4, False), (None, 7, 4, True), (None, 7, 0, False)],
)
def test_an_access_list_is_obeyed(shared: Path, of_user: int | None, mask: int, of_others: int, free: bool) -> None:
    user, nobody = Reader.named("www-data").uid, 0xFFFFFFFF
    named = [] if of_user is None else [(0x02, of_user, user)]
    entries = [(0x01, 6, nobody), *named, (0x04, 0, nobody), (0x10, mask, nobody), (0x20, of_others, nobody)]
    os.setxattr(shared, "system.posix_acl_access", access_list(*entries))
    assert (obstacle(shared) is None) == free


def test_a_walk_lists_videos_at_any_depth_and_by_any_name(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    names = [b"a.mp4", b"d/e/f/b.MKV", b"line\nbreak.webm", b"\xff\xfe.avi", b"x" * 251 + b".mov", b"d/.m4v.m4v.m4v"]
    names += [b"/".join([b"n" * 200] * 15) + b"/deep.m4v"]
    for name in [*names, b"no.txt", b".git/c.mp4", b"$RECYCLE.BIN/d.mp4", b"mp4"]:
        os.makedirs(os.path.dirname(os.path.join(root, name)), exist_ok=True)
        with open(os.path.join(root, name), "wb"):
            pass
    assert sorted(walk(root).files) == sorted(set(names) - {b"d/.m4v.m4v.m4v"})


def test_a_missing_root_is_an_error_and_not_an_empty_listing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk(os.fsencode(tmp_path / "none"))

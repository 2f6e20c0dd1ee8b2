"""Shows the library roots that answer, below one folder, to the units that read them.

A unit that binds a root by its path fails as a whole when that root is dead (a FUSE file system whose server is gone, a
share that does not answer): systemd looks at each source of a bind. So units bind this folder, and roots come and go
below it. For each root:

1. A child process goes there: it resolves the path and reads the first entry. What does not answer in time, or answers
   with an error, is taken out of the view; an open file of it stays with whoever has it open.
2. The mounts below the root are compared with those in the view. Where they differ, the child makes a copy of the tree
   of mounts (open_tree(2)), read-only and with no link to be followed (mount_setattr(2), Linux 5.12), and puts it into
   the view. Mounts travel on into the namespaces of running units (mount_namespaces(7)).
3. That is done again when the kernel says that its mounts have changed (proc_pid_mountinfo(5)), and every so often.

The view is a tmpfs: mount points need no disk, and a reboot begins anew. Python's standard library alone.
"""

import argparse
import contextlib
import ctypes
import hashlib
import os
import re
import select
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MOUNTS = Path("/proc/self/mountinfo")
# A storm of mounts elsewhere on the host asks for no more rounds than this.
LEAST_SECONDS = 1.0
# Numbers are the same on every architecture since Linux 5.1.
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442
AT_FDCWD, AT_EMPTY_PATH, AT_RECURSIVE = -100, 0x1000, 0x8000
OPEN_TREE_CLONE, OPEN_TREE_CLOEXEC, MOVE_MOUNT_F_EMPTY_PATH = 1, os.O_CLOEXEC, 4
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_PRIVATE, MS_SHARED = 2, 4, 8, 1 << 18, 1 << 20
RDONLY, NOSUID, NODEV, NOEXEC, NOSYMFOLLOW = 1, 2, 4, 8, 0x200000
MNT_DETACH, UMOUNT_NOFOLLOW = 2, 8

libc = ctypes.CDLL(None, use_errno=True)


class Attributes(ctypes.Structure):
    """struct mount_attr."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


class Mount(NamedTuple):
    """A mounted file system: where, its device, and which folder of it."""

    point: str
    device: str
    folder: str


@dataclass
class Root:
    """A library root. Links in it lead nowhere, except in the published tree, which is made of them."""

    path: str
    follows_links: bool = False
    # A unit has bound one that it writes to over it, so the folder stays when the root goes (`take_out`).
    is_written: bool = False
    # Why it is not shown; None before the first look, "" while it is shown.
    problem: str | None = None
    # A digest of the mounts it was last shown with.
    shown: str = ""
    # The child that looks at it.
    looking: int = 0


def checked(result: int) -> int:
    """The result of a system call. Raises OSError."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def mounts(text: str) -> list[Mount]:
    """What mountinfo lists, in its order: what is mounted over something comes after it."""
    listed = []
    for line in text.splitlines():
        fields = [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), item) for item in line.split(" ")[:5]]
        listed.append(Mount(fields[4], fields[2], fields[3]))
    return listed


def tree(listed: list[Mount], path: str) -> list[Mount]:
    """The mounts from `path` down, with points relative to it; the first is the one that `path` itself is in."""
    above = [mount for mount in listed if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    if not above:
        return []
    deepest = max(len(mount.point) for mount in above)
    top = [mount for mount in above if len(mount.point) == deepest][-1]
    inner = path[len(top.point.rstrip("/")) :]
    folder = top.folder.rstrip("/") + inner or "/"
    below = [mount for mount in listed if mount.point.startswith(path.rstrip("/") + "/")]
    return [
        Mount("", top.device, folder),
        *sorted(Mount(mount.point[len(path.rstrip("/")) :], mount.device, mount.folder) for mount in below),
    ]


def read_mounts() -> list[Mount]:
    return mounts(MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))


def digest(of: list[Mount]) -> str:
    return hashlib.sha256(os.fsencode(repr(of))).hexdigest()


def put(source: str, target: str, *, follows_links: bool) -> None:
    """A read-only copy of the mounts from `source` down, at `target`. Raises OSError."""
    descriptor = checked(
        libc.syscall(
            OPEN_TREE, AT_FDCWD, os.fsencode(source), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE,
        )
    )  # fmt: skip
    try:
        wanted = RDONLY | NOSUID | NODEV | NOEXEC | (0 if follows_links else NOSYMFOLLOW)
        # Private: what is mounted below the root later would come along without these attributes.
        attributes = Attributes(wanted, 0, MS_PRIVATE, 0)
        checked(
            libc.syscall(
                MOUNT_SETATTR, descriptor, b"", AT_EMPTY_PATH | AT_RECURSIVE, ctypes.byref(attributes),
                ctypes.sizeof(attributes),
            )
        )  # fmt: skip
        checked(
            libc.syscall(MOVE_MOUNT, descriptor, b"", AT_FDCWD, os.fsencode(target), MOVE_MOUNT_F_EMPTY_PATH)
        )  # fmt: skip
    finally:
        os.close(descriptor)


def unmount(target: str) -> None:
    while libc.umount2(os.fsencode(target), MNT_DETACH | UMOUNT_NOFOLLOW) == 0:
        pass


def take_out(target: str, view: str) -> None:
    """Nothing is shown at `target` any more, nor a folder of that name, nor what a unit has bound over that."""
    unmount(target)
    with contextlib.suppress(OSError):  # not empty: another root is below; read-only: it is below another root
        folder = Path(target)
        while folder != Path(view):
            folder.rmdir()
            folder = folder.parent


def show(root: Root, view: str) -> str:
    """Go to the root, and have the view show it as it is now. A digest of the mounts it has. Raises OSError."""
    real = str(Path(root.path).resolve(strict=True))
    with os.scandir(real) as entries:
        next(entries, None)
    target = view + root.path
    listed = read_mounts()
    wanted = tree(listed, real)
    shown = tree(listed, target) if any(mount.point == target for mount in listed) else []
    # Mounts under other mounts are listed, but not copied: what was copied from the same is the same.
    if not (shown and shown[0] == wanted[0] and (shown == wanted or root.shown == digest(wanted))):
        # The folder stays: over that of the published tree the indexer has bound one that it writes to, and the kernel
        # would take that bind away with the folder. What travels into its namespace goes below what is there.
        unmount(target)
        Path(target).mkdir(parents=True, exist_ok=True)
        put(real, target, follows_links=root.follows_links)
    return digest(wanted)


def look(root: Root, view: str) -> int:
    """Begin to look at a root, in a child. A descriptor with a digest, or a problem where the child ends with 1."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        root.looking = child
        return reading
    status = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        answer = show(root, view)
        status = 0
    except OSError as error:
        answer = error.strerror or str(error)
    os.write(writing, os.fsencode(answer)[: select.PIPE_BUF])
    os._exit(status)


def has_ended(root: Root) -> bool:
    """Whether the child that looks at the root has ended; it may hang in the kernel."""
    if root.looking and os.waitpid(root.looking, os.WNOHANG)[0]:
        root.looking = 0
    return not root.looking


def problems(roots: list[Root], view: str, patience: float) -> Iterator[tuple[Root, str]]:
    """Look at every root, side by side. What is wrong with each; "" where nothing is."""
    asked: dict[int, Root] = {}
    for root in roots:
        if has_ended(root):
            asked[look(root, view)] = root
        else:
            yield root, "it has not answered yet"
    deadline = time.monotonic() + patience
    while asked and (left := deadline - time.monotonic()) > 0:
        for reading in select.select(list(asked), [], [], left)[0]:
            root, answer = asked.pop(reading), os.fsdecode(os.read(reading, select.PIPE_BUF))
            os.close(reading)
            _, status = os.waitpid(root.looking, 0)
            root.looking = 0
            root.shown = answer if status == 0 else ""
            yield root, "" if status == 0 else answer or "the look at it failed"
    for reading, root in asked.items():
        os.close(reading)
        os.kill(root.looking, signal.SIGKILL)
        yield root, f"it does not answer within {patience:g} s"


def tell(root: Root, problem: str) -> None:
    """Once for each change, for the journal (sd-daemon(3): 4 is a warning, 6 is information)."""
    if problem:
        said = f"<4>{root.path} is not served: {problem}. The other roots are; this one will be as soon as it answers."
    else:
        said = f"<6>{root.path} is served."
    sys.stdout.write(said + "\n")
    sys.stdout.flush()


def prepare(view: str) -> None:
    """The view's own file system, whose mounts travel on into the namespaces of units."""
    Path(view).mkdir(parents=True, exist_ok=True)
    if not any(mount.point == view for mount in read_mounts()):
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        checked(libc.mount(b"kinetoscope-libraries", os.fsencode(view), b"tmpfs", flags, b"mode=0755,size=4m"))
    checked(libc.mount(None, os.fsencode(view), None, MS_SHARED, None))


def notify(state: str) -> None:
    """sd_notify(3); nothing where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)


def serve(roots: list[Root], view: str, every: float, patience: float) -> None:
    """Until the process is ended. The view stays as it is then."""
    changes = select.poll()
    with MOUNTS.open("rb") as file:
        changes.register(file, select.POLLPRI | select.POLLERR)
        while True:
            for root, problem in problems(roots, view, patience):
                if problem and (root.follows_links or root.is_written):
                    unmount(view + root.path)  # the folder stays, as in `show`
                elif problem:
                    take_out(view + root.path, view)
                if problem != root.problem:
                    tell(root, problem)
                root.problem = problem
            notify(f"READY=1\nSTATUS={sum(not root.problem for root in roots)} of {len(roots)} served")
            time.sleep(LEAST_SECONDS)
            changes.poll(every * 1000)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--view", required=True, help="folder below which the roots are shown")
    parser.add_argument("--every", type=float, default=10, help="seconds between two looks")
    parser.add_argument("--patience", type=float, default=5, help="seconds in which a root has to answer")
    parser.add_argument("--published", action="append", default=[], help="a root whose links may be followed")
    parser.add_argument("--written", action="append", default=[], help="of the roots, one that a unit writes to")
    parser.add_argument("roots", nargs="*")
    given = parser.parse_args(arguments)
    # A root that is below another is shown after it.
    roots = [Root(path, is_written=path in given.written) for path in given.roots] + [
        Root(path, follows_links=True) for path in given.published
    ]
    prepare(given.view)
    serve(sorted(roots, key=lambda root: root.path), given.view, given.every, given.patience)


if __name__ == "__main__":
    main(sys.argv[1:])

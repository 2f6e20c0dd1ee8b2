"""Processes that a test is answerable for, told from all others of the machine: other tests run the same tools."""

from pathlib import Path


def sandboxed(folder: Path) -> dict[int, str]:
    """Number and name of each process in whose mount namespace something at or below `folder` is mounted, as the
    sandbox of a tool has it; the folder's name must be of this test alone. (proc(5), mountinfo: the fourth field is the
    path within its own file system.)"""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            mounts = (process / "mountinfo").read_text().splitlines()
            if any(folder.name in mount.split(" ")[3] for mount in mounts):
                found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:
            continue
    return found

"""A film that a browser test puts into the box's library."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from testbed.browser.box import Box, Program


@contextlib.contextmanager
def found(
    box: Box, program: Program, name: str, make: Callable[[Path], None], *, unmade: bool = False
) -> Iterator[dict[str, Any]]:
    """The title of a file that `make` writes, just found; file and title go at the end. Of one that is `unmade`, what
    its policy would have made is cancelled: it is made for viewers alone."""
    assert box.library_path, "the library of this box is not on this machine"
    folder = Path(box.library_path) / f"Of a browser test, {Path(name).stem}"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    file = folder / name
    try:
        make(file)
        # As if it had been there for long: the indexer waits for what may still be copied.
        os.utime(file, (1.7e9, 1.7e9))
        box.scan()
        [title] = [video for video in program.videos() if video["filename"] == name]
        jobs = program.call("GET", f"/videos/{title['id']}")["making"] if unmade else []
        for job in jobs:
            if job["kind"] == "rendition":
                program.call("POST", f"/jobs/{job['id']}/cancel")
        yield title
    finally:
        file.unlink(missing_ok=True)
        box.scan()
        folder.rmdir()

"""Videos that ffmpeg draws for tests, each drawn once: for all processes of a run, and for the runs after it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

KEPT = Path(__file__).parents[1] / ".cache/clips"


def drawn(suffix: str, *options: str) -> bytes:
    """What ffmpeg writes with these options; the name of the file that it writes comes after them.

    What is made of options alone is kept. Where one of them names a file, that file decides, too: it is made anew.
    """
    tool = Path(shutil.which("ffmpeg") or "ffmpeg").stat()
    key = json.dumps([suffix, options, tool.st_size, tool.st_mtime_ns])
    kept = KEPT / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.{suffix}"
    if kept.exists():
        return kept.read_bytes()
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as folder:
        made = Path(folder, kept.name)
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *options, str(made)], check=True)
        content = made.read_bytes()
        if not any("/" in option and Path(option).exists() for option in options):
            # In one step: others may draw the same.
            made.replace(kept)
    return content

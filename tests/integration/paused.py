"""A stack whose film no player holds much of, so that what pauses soon takes nothing."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from testbed.clips import drawn
from testbed.servers.postgres import PostgresServer
from testbed.stack import FILM_SECONDS, Stack

LOOPS = 5
PATIENCE_SECONDS = 40


class House:
    """A device of alice's, and a film of 12 MB for each 5 s, so that no player holds much of it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        token = stack.sign_in()["access_token"]
        status, device = stack.call("POST", "/api/v1/users/me/devices", token, {"name": "living room"})
        assert status == 201, device
        self.address = f"{stack.url}/play/{device['device_token']}/{stack.video_id}"

    @classmethod
    @contextmanager
    def opened(cls, postgres: PostgresServer, *, pause_seconds: int, **settings: float) -> Iterator["House"]:
        with Stack.running(postgres, settings=settings, nginx_pause_seconds=pause_seconds) as stack:
            _lengthen(stack)
            yield cls(stack)

    def lines(self, log: str = "account") -> list[dict[str, Any]]:
        """What Nginx has written of media that was asked for, and is over."""
        lines = map(json.loads, (self.stack.nginx.logs / f"{log}.log").read_text().splitlines())
        return [line for line in lines if log != "account" or line["file"].startswith("source.")]

    def closed(self, before: int) -> dict[str, Any]:
        """The answer that Nginx gave up after the first `before`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(self.lines()) <= before:
            assert time.monotonic() < deadline, "Nginx keeps the connection"
            time.sleep(0.1)
        return self.lines()[before]


def _lengthen(stack: Stack) -> None:
    film = stack.nginx.folder / "long.mp4"
    dense = stack.nginx.folder / "dense.mp4"
    dense.write_bytes(drawn(
        "mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25,noise=alls=60:allf=t", "-f", "lavfi", "-i",
        "sine=440", "-t", str(FILM_SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
        "-g", "50", "-b:v", "20M", "-maxrate", "20M", "-bufsize", "20M", "-c:a", "aac",
    ))  # fmt: skip
    subprocess.run(
        ["ffmpeg", "-v", "error", "-stream_loop", str(LOOPS - 1), "-i", str(dense), "-c", "copy", "-movflags",
         "+faststart", str(film)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    source = stack.nginx.titles / stack.video_id / "source.mp4"
    source.unlink()
    source.symlink_to(film)
    with psycopg.connect(stack.database.owner_url) as owner:
        owner.execute("UPDATE videos SET duration_seconds = %s WHERE id = %s", (LOOPS * FILM_SECONDS, stack.video_id))

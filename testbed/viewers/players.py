"""mpv and VLC of the distribution, without a screen and steered through their sockets."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from testbed.servers.child import as_user
from testbed.waiting import eventually

PLAYER_SECONDS = 20
EVIDENCE_CHARACTERS = 2000
# VLC refuses to run as root.
USER = "nobody"


def _end(log: Path) -> str:
    return log.read_text(errors="replace")[-EVIDENCE_CHARACTERS:]


def until(ask: Callable[[], Any], log: Path, within: float = PLAYER_SECONDS) -> Any:
    """The first answer that is true. Fails with the end of the player's log when there is none in time."""
    answer = eventually(ask, within, every=0.05)
    assert answer, _end(log)
    return answer


class _Player:
    """A player as a child process with a folder of its own, which it may keep from one start to the next."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.log = folder / "player.log"
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                as_user(USER, command), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"},
            )  # fmt: skip
        self.path = folder / "steer.sock"
        self._socket = until(self._connect, self.log)
        self._left = b""

    def _connect(self) -> socket.socket | None:
        assert self.process.poll() is None, _end(self.log)
        steering = socket.socket(socket.AF_UNIX)
        steering.settimeout(PLAYER_SECONDS)
        try:
            steering.connect(str(self.path))
        except OSError:
            steering.close()
            return None
        return steering

    def _line(self) -> str:
        while b"\n" not in self._left:
            received = self._socket.recv(65536)
            assert received, _end(self.log)
            self._left += received
        line, _, self._left = self._left.partition(b"\n")
        return line.decode(errors="replace").strip()

    def _say(self, text: str) -> None:
        self._socket.sendall(text.encode() + b"\n")

    @classmethod
    @contextlib.contextmanager
    def playing(cls, address: str, ca_file: Path, folder: Path, *more: str) -> Iterator[Self]:
        folder.mkdir(exist_ok=True)
        trust = folder / "trust"
        trust.mkdir(exist_ok=True)
        shutil.copy(ca_file, trust / "ca.pem")
        if os.geteuid() == 0:
            for path in (folder, trust, trust / "ca.pem"):
                shutil.chown(path, USER)
        (folder / "steer.sock").unlink(missing_ok=True)
        player = cls([*cls.command(folder, trust), *more, address], folder)
        try:
            yield player
        finally:
            player._socket.close()
            player.process.terminate()
            player.process.wait(PLAYER_SECONDS)

    @classmethod
    def command(cls, folder: Path, trust: Path) -> list[str]:
        raise NotImplementedError

    def position(self) -> float:
        """Seconds into the film."""
        raise NotImplementedError

    def pause(self) -> None:
        raise NotImplementedError

    def resume(self) -> None:
        raise NotImplementedError

    def plays_from(self, seconds: float) -> None:
        """Wait until it plays at that place or soon after it, and goes on.

        A player that has not come back from a later place yet is not there.
        """
        first = until(lambda: seconds <= (at := self.position()) < seconds + PLAYER_SECONDS and at, self.log)
        until(lambda: self.position() > first, self.log)


class Mpv(_Player):
    """Speaks JSON (mpv(1), "JSON IPC")."""

    @classmethod
    def command(cls, folder: Path, trust: Path) -> list[str]:
        return [
            "mpv", "--vo=null", "--ao=null", "--term-status-msg=", "--tls-verify=yes", f"--tls-ca-file={trust}/ca.pem",
            f"--input-ipc-server={folder}/steer.sock", f"--watch-later-directory={folder}/later", "--cache-secs=5",
            "--demuxer-max-back-bytes=0",
        ]  # fmt: skip

    def call(self, *words: Any) -> Any:
        self._say(json.dumps({"command": words, "request_id": 7}))
        while (said := json.loads(self._line())).get("request_id") != 7:
            pass
        return said.get("data")

    def position(self) -> float:
        return float(self.call("get_property", "time-pos") or 0)

    def pause(self) -> None:
        self.call("set_property", "pause", True)

    def resume(self) -> None:
        self.call("set_property", "pause", False)

    def seek(self, seconds: float) -> None:
        self.call("seek", seconds, "absolute")

    def quit_and_remember(self) -> None:
        self.call("quit-watch-later")
        self.process.wait(PLAYER_SECONDS)


class Vlc(_Player):
    """Speaks the lines of its remote control."""

    @classmethod
    def command(cls, folder: Path, trust: Path) -> list[str]:
        return [
            "cvlc", "--intf", "oldrc", "--rc-fake-tty", "--rc-unix", f"{folder}/steer.sock", "--no-video-title-show",
            "--vout", "dummy", "--aout", "dummy", "--no-gnutls-system-trust", "--gnutls-dir-trust", str(trust),
        ]  # fmt: skip

    def position(self) -> float:
        self._say("get_time")
        while not re.fullmatch(r"(?:> )*(\d*)", line := self._line()):
            pass
        return float(line.lstrip("> ") or 0)

    def pause(self) -> None:
        self._say("pause")

    # The same word: it goes back and forth.
    resume = pause

    def seek(self, seconds: float) -> None:
        self._say(f"seek {seconds:.0f}")

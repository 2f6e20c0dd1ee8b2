"""The kernel's socket table, and the service that closes one connection: real sockets on loopback."""

import contextlib
import os
import pwd
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from authsvc import cutter
from authsvc.ledger.cutter_client import Cutter
from authsvc.ledger.sockets import Socket, SocketTable

REPOSITORY = Path(__file__).parents[3]


class Pair:
    """A server's and a client's end of one connection; what the client doesn't read stays unacknowledged."""

    def __init__(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.create_server((address, 0), family=family) as listener:
            self.port = listener.getsockname()[1]
            self.client = socket.create_connection((address, self.port))
            self.server, _ = listener.accept()
        self.peer = f"{address} {self.client.getsockname()[1]}"

    def fill(self) -> int:
        """Send until nothing more fits; answers how much that was."""
        self.server.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += self.server.send(b"x" * 65_536)
        return sent

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture(params=["127.0.0.1", "::1"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    found = Pair(request.param)
    yield found
    found.close()


def the_one(table: SocketTable) -> Socket:
    (found,) = table.look()
    return found


def test_a_look_tells_what_was_acknowledged_and_what_waits(pair: Pair) -> None:
    with contextlib.closing(SocketTable(pair.port)) as table:
        before = the_one(table)
        assert (before.peer, before.acked, before.waiting, before.established) == (pair.peer, 0, 0, True)
        sent = pair.fill()
        full = the_one(table)
        assert full.cookie == before.cookie
        assert full.acked + full.waiting == sent
        pair.server.setblocking(True)
        pair.client.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            while pair.client.recv(1 << 20):
                pass
        assert the_one(table).acked == sent


def test_a_farewell_tells_what_did_not_arrive(pair: Pair) -> None:
    with contextlib.closing(SocketTable(pair.port)) as table:
        sent = pair.fill()
        acked = the_one(table).acked
        pair.close()
        deadline = time.monotonic() + 5
        while not (left := table.farewells()) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert {peer: gone.waiting for peer, gone in left.items()} == {pair.peer: sent - acked}


def test_a_connection_that_carried_much_says_how_much_though_nothing_was_left(pair: Pair) -> None:
    """A killed server's last bytes are sent by the kernel when nobody looks any more."""
    with contextlib.closing(SocketTable(pair.port)) as table:
        sent = pair.fill()
        pair.server.close()
        pair.client.settimeout(5)
        while pair.client.recv(1 << 20):
            pass
        pair.client.close()
        deadline = time.monotonic() + 5
        while not (gone := table.farewells()) and time.monotonic() < deadline:
            time.sleep(0.01)
        # One more than the bytes: the end of the stream is acknowledged like a byte.
        assert gone[pair.peer].acked in {sent, sent + 1}
        assert gone[pair.peer].waiting == 0


def test_a_connection_that_had_sent_everything_says_no_farewell() -> None:
    pair = Pair("127.0.0.1")
    with contextlib.closing(SocketTable(pair.port)) as table:
        pair.close()
        time.sleep(0.1)
        assert table.farewells() == {}


@contextlib.contextmanager
def running_cutter(folder: Path, port: int, client: str) -> Iterator[Path]:
    path = folder / "cutter.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        process = subprocess.Popen(
            ["bash", "-c", f"exec {sys.executable} -m authsvc.cutter 3<&{listener.fileno()}"],
            cwd=REPOSITORY,
            pass_fds=[listener.fileno()],
            env={"KINETOSCOPE_CUTTER_CLIENT": client, "KINETOSCOPE_MEDIA_PORT": str(port)},
        )
    try:
        yield path
    finally:
        process.kill()
        process.wait()


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="closing a socket takes CAP_NET_ADMIN")
ME = pwd.getpwuid(os.geteuid()).pw_name


@needs_root
def test_the_cutter_closes_the_connection_it_is_asked_to(pair: Pair, tmp_path: Path) -> None:
    with running_cutter(tmp_path, pair.port, ME) as path, contextlib.closing(SocketTable(pair.port)) as table:
        target = the_one(table)
        assert Cutter(str(path)).cut(target._replace(cookie=target.cookie + 1)), "another socket: gone"
        assert the_one(table) == target
        assert Cutter(str(path)).cut(target)
        assert table.look() == []
        with pytest.raises(ConnectionError):
            pair.client.recv(1) or pair.client.send(b"x") or pair.client.recv(1)


@needs_root
def test_the_cutter_closes_nothing_of_another_port_and_nothing_for_another_user(pair: Pair, tmp_path: Path) -> None:
    with contextlib.closing(SocketTable(pair.port)) as table:
        target = the_one(table)
        with running_cutter(tmp_path, 443, ME) as path:
            assert Cutter(str(path)).cut(target), "its answer is that there is no such connection of port 443"
        assert the_one(table) == target
        (tmp_path / "cutter.sock").unlink()
        with running_cutter(tmp_path, pair.port, "nobody") as path, socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            asking.sendall(f"{target.local} {target.peer} {target.cookie}".encode())
            assert asking.recv(64) == b"refused"
        assert the_one(table) == target


@pytest.mark.parametrize(
    "line",
    ["", "x", "192.0.2.1 192.0.2.2 80", "192.0.2.1 192.0.2.2 80 1 1", "192.0.2.1 ::1 80 1", "192.0.2.1 192.0.2.2 -1 1",
     "192.0.2.1 192.0.2.2 65536 1", "192.0.2.1 192.0.2.2 80 -1", "192.0.2.1 192.0.2.2 80 99999999999999999999999",
     "192.0.2.0/24 192.0.2.2 80 1", "0.0.0.0 192.0.2.2 80 x"],
)  # fmt: skip
def test_what_names_no_connection_is_no_request(line: str) -> None:
    with pytest.raises((ValueError, struct.error)):
        cutter.destruction(line, 443)


def test_the_cutter_is_small_and_imports_the_standard_library_alone() -> None:
    source = (REPOSITORY / "authsvc/cutter.py").read_text()
    assert len(source.splitlines()) <= 60
    imported = {line.split()[1] for line in source.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names

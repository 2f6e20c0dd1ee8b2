"""A player that pauses goes on: whether its connection was kept or closed, and past the usual end of a link."""

import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from testbed.servers.postgres import PostgresServer
from testbed.viewers.players import Mpv, Vlc, until
from tests.integration.paused import PATIENCE_SECONDS, House

# A player that takes nothing for this long loses its connection here.
PAUSE_SECONDS = 3
# Links of browsers are over after this; what a device was sent to is not.
LINK_SECONDS = 6


@pytest.fixture(scope="module")
def impatient(postgres: PostgresServer) -> Iterator[House]:
    """Closes the connection of a paused player soon; a browser's links end soon, too."""
    with House.opened(postgres, pause_seconds=PAUSE_SECONDS, link_longest_seconds=LINK_SECONDS) as house:
        yield house


@pytest.fixture(scope="module")
def patient(postgres: PostgresServer) -> Iterator[House]:
    with House.opened(postgres, pause_seconds=900) as house:
        yield house


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ks-player-") as made:
        yield Path(made)


# What each holds ahead is kept small, so that it soon needs more than it had when it paused.
PLAYERS = [
    pytest.param(Mpv, ["--demuxer-max-bytes=1MiB"], id="mpv"),
    pytest.param(Vlc, ["--prefetch-buffer-size=1024", "--network-caching=300"], id="vlc"),
]


@pytest.mark.parametrize(("kind", "options"), PLAYERS)
def test_a_player_goes_on_after_its_connection_was_closed_and_past_a_links_end(
    impatient: House, folder: Path, kind: Any, options: list[str]
) -> None:
    before = len(impatient.lines())
    began = time.monotonic()
    with kind.playing(impatient.address, impatient.stack.nginx.ca_file, folder, *options) as player:
        player.plays_from(0)
        player.pause()
        at = player.position()
        # mpv and VLC both end some short answers at the start.
        number = before
        while impatient.closed(number)["seconds"] < PAUSE_SECONDS:
            number += 1
        while time.monotonic() < began + LINK_SECONDS + 2:
            time.sleep(0.2)
        assert player.position() == pytest.approx(at, abs=2), "it was not paused"
        player.resume()
        until(lambda: player.position() > at + 30, player.log, within=90)
        assert len(impatient.lines()) > number, "it played to here from what it held"


@pytest.mark.parametrize(("kind", "options"), PLAYERS)
def test_a_paused_player_keeps_its_connection(patient: House, folder: Path, kind: Any, options: list[str]) -> None:
    """For longer than the 30 s of everything else."""
    with kind.playing(patient.address, patient.stack.nginx.ca_file, folder, *options) as player:
        player.plays_from(0)
        player.pause()
        at = player.position()
        time.sleep(5)
        answered = len(patient.lines())
        time.sleep(45)
        assert len(patient.lines()) == answered, "the answer was ended"
        player.resume()
        player.plays_from(at)


def test_what_kodi_asks_for_goes_on_after_a_pause(impatient: House) -> None:
    """Kodi asks the device's address, and from then on the link that it was sent to."""
    port, authority = impatient.stack.nginx.https_port, ssl.create_default_context(cafile=impatient.stack.nginx.ca_file)
    path = impatient.address.removeprefix(impatient.stack.url)
    link = _ask(port, authority, path, "bytes=0-").headers["Location"]
    began, before = time.monotonic(), len(impatient.lines())
    answer = _ask(port, authority, link, "bytes=0-")
    assert answer.status == 206
    had = answer.read(1 << 20)
    assert impatient.closed(before)["seconds"] >= PAUSE_SECONDS
    try:
        while piece := answer.read1(1 << 20):
            had += piece
    except OSError:
        pass  # what was in flight is lost with the connection
    while time.monotonic() < began + LINK_SECONDS + 2:
        time.sleep(0.2)
    again = _ask(port, authority, link, f"bytes={len(had)}-")
    assert again.status == 206
    film = (impatient.stack.nginx.folder / "long.mp4").read_bytes()
    assert had + again.read() == film


def _ask(port: int, authority: ssl.SSLContext, path: str, ranges: str) -> Any:
    connection = HTTPSConnection("localhost", port, context=authority, timeout=PATIENCE_SECONDS)
    connection.connect()
    # As a player whose own buffers are full: the window closes at once.
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.request("GET", path, headers={"Range": ranges, "User-Agent": "Kodi/21.0"})
    return connection.getresponse()

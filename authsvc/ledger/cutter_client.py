"""The way to the cutter, which closes one connection on request."""

import socket

import structlog

from authsvc.ledger.sockets import Socket

_WAIT_SECONDS = 2.0

logger = structlog.get_logger(__name__)


class Cutter:
    """Asks the service behind a unix socket."""

    def __init__(self, path: str) -> None:
        self._path = path

    def cut(self, target: Socket) -> bool:
        """Close this very connection; False when that did not work, which the next look tries again."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
                asking.settimeout(_WAIT_SECONDS)
                asking.connect(self._path)
                asking.sendall(f"{target.local} {target.peer} {target.cookie}".encode())
                answer = asking.recv(64)
        except OSError as error:
            logger.warning("cutter_unavailable", error=str(error))
            return False
        if answer not in {b"ok", b"gone"}:
            logger.error("cut_refused", peer=target.peer, answer=answer.decode(errors="replace"))
            return False
        return True

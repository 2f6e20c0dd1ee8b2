"""Does a service answer? `python -m authsvc.serving.socket_probe SOCKET PATH [SECONDS]`, for ExecStartPost of a unit.

Type=notify reports READY before gunicorn's workers exist, so a unit asks its own socket instead. Exit 0 as soon
as the answer is 2xx, 1 with the last failure after SECONDS (default 15), 2 for wrong arguments.
"""

import http.client
import socket
import sys
import time

DEFAULT_SECONDS = 15.0
ATTEMPT_SECONDS = 3.0
PAUSE_SECONDS = 0.1


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def ask(socket_path: str, path: str) -> str | None:
    """None when the answer is 2xx, else what went wrong."""
    connection = UnixConnection(socket_path, ATTEMPT_SECONDS)
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    return None if 200 <= status < 300 else f"status {status}"


def main(arguments: list[str]) -> int:
    if len(arguments) not in {2, 3}:
        sys.stderr.write("usage: python -m authsvc.serving.socket_probe SOCKET PATH [SECONDS]\n")
        return 2
    socket_path, path = arguments[:2]
    deadline = time.monotonic() + (float(arguments[2]) if len(arguments) == 3 else DEFAULT_SECONDS)
    while failure := ask(socket_path, path):
        if time.monotonic() >= deadline:
            sys.stderr.write(f"{socket_path} does not answer {path}: {failure}\n")
            return 1
        time.sleep(PAUSE_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

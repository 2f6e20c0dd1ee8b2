"""Writes Nginx's request errors to a file, without the credentials that their request lines hold.

Nginx sends each error of a request as one syslog datagram (RFC 3164) to our unix socket. What follows is fixed text of
Nginx, and fields that repeat what the client sent:

    <187>Nov 20 23:59:59 nginx: 2026/11/20 23:59:59 [error] 7#7: *42 open() "..." failed (2: No such file or directory),
    client: 192.0.2.7, server: kino, request: "GET /m/k1/1795219199/<playback>/<mac>/<video>/source.mp4 HTTP/1.1",
    host: "kino", referrer: "..."

1. The syslog prefix goes.
2. A quoted field that a client controls is cut down to what is known to be harmless: of `request` the method, and
   the path where it is a door's (then without the MAC) or made of short words; `referrer` goes altogether.
3. A character that can't be printed is written as its escape (at most 4 characters for each byte that was sent), a
   field is cut at 200 characters, and the whole at 1,000.
4. Whatever is left and looks like a credential (20 characters of base64url and more, that are not an id of 32
   hexadecimal digits) goes too, wherever it stands; so does everything behind a quote that a cut datagram left open.

Run by systemd with a socket (LISTEN_FDS) or by hand with --socket. Python's standard library alone.
"""

import argparse
import logging
import logging.handlers
import os
import re
import socket
import sys
from pathlib import Path

# Nginx cuts its messages at 2 KiB.
DATAGRAM_BYTES = 8192
FIELD_CHARACTERS = 200
MESSAGE_CHARACTERS = 1_000
SYSTEMD_SOCKET = 3

PREFIX = re.compile(r"^<\d+>\w{3} [ \d]\d \d\d:\d\d:\d\d (?:nginx: )?")
# A field up to its closing quote, or to the end where the datagram was cut.
FIELD = re.compile(r', (request|upstream|host|referrer): "(.*?)(?:"(?=, (?:subrequest|upstream|host|referrer): "|$)|$)')
REQUEST = re.compile(r"(?P<method>[A-Z_-]{1,20}) (?P<path>[^ ?]*)")
UPSTREAM = re.compile(r"(?P<server>http://unix:[^: ]{1,108}:)(?P<path>/[^ ?]*)")
SIGNED = re.compile(
    r"/m/(?P<kid>[a-z0-9]{1,8})/\d{10}/(?P<playback>[0-9a-f]{32})/[A-Za-z0-9_-]{22}"
    r"/(?P<file>[0-9a-f]{32}/[a-z0-9.-]{1,40})"
)
WORDS = re.compile(r"(?:/(?:[0-9a-f]{32}|[a-z0-9_-]{1,19}(?:\.[a-z0-9_-]{1,19}){0,3})?){1,8}")
CREDENTIAL = re.compile(
    r"eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)*"  # a JWT starts with {" in base64url
    r"|(?<![A-Za-z0-9_-])(?![0-9a-f]{32}(?![A-Za-z0-9_-]))[A-Za-z0-9_-]{20,}"
)
GONE = "[redacted]"


def redacted(message: str) -> str:
    """The message as it may lie on a disk."""
    # Cut last: a credential that was cut in two would no longer look like one.
    return CREDENTIAL.sub(GONE, FIELD.sub(_field, _printable(PREFIX.sub("", message))))[:MESSAGE_CHARACTERS]


def _printable(message: str) -> str:
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in message
    )


def _field(found: re.Match[str]) -> str:
    name, value = found.groups()
    if name == "request":
        known = REQUEST.match(value)
        return f', request: "{known["method"]} {_path(known["path"])}"' if known else f', request: "{GONE}"'
    if name == "upstream":
        known = UPSTREAM.match(value)
        return f', upstream: "{known["server"]}{_path(known["path"])}"' if known else f', upstream: "{GONE}"'
    if name == "host":
        return f', host: "{value if len(value) <= FIELD_CHARACTERS and WORDS.fullmatch("/" + value) else GONE}"'
    return ""


def _path(path: str) -> str:
    if signed := SIGNED.fullmatch(path):
        return f"/m/{signed['kid']}/../{signed['playback']}/../{signed['file']}"
    return path if len(path) <= FIELD_CHARACTERS and WORDS.fullmatch(path) else GONE


def _socket(path: Path | None) -> socket.socket:
    if os.environ.get("LISTEN_FDS") == "1":
        return socket.socket(fileno=SYSTEMD_SOCKET)
    if path is None:
        raise SystemExit("Give --socket, or start through kinetoscope-redactor.socket.")
    receiving = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiving.bind(str(path))
    return receiving


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--log", type=Path, required=True, help="file to append to; followed when it is rotated")
    arguments.add_argument("--socket", type=Path, help="unix datagram socket to make, without systemd")
    given = arguments.parse_args()
    receiving = _socket(given.socket)
    # Opens the file anew when logrotate has moved it.
    log = logging.handlers.WatchedFileHandler(given.log, encoding="utf-8", errors="backslashreplace")
    while True:
        message = receiving.recv(DATAGRAM_BYTES).decode("utf-8", "backslashreplace")
        log.handle(logging.makeLogRecord({"msg": redacted(message)}))


if __name__ == "__main__":
    sys.exit(main())

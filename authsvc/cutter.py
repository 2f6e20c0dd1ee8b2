"""Closes one TCP connection on request: the only process of ours with CAP_NET_ADMIN. Standard library alone.

A request is a line `local address, peer address, peer port, cookie`; the answer `ok`, `gone` or `refused`. It can name
nothing but a connection of the one local port, and only the user of the ledger may ask (SO_PEERCRED, unix(7)). The
cookie is the kernel's number of that very socket (sock_diag(7)): a new connection from the same peer is never hit.
"""

import errno
import ipaddress
import os
import pwd
import socket
import struct
import sys

SOCK_DIAG, DESTROY, REQUEST_ACK, ERROR = 4, 21, 0x5, 2
EVERY_STATE = 0xFFFFFFFF
WAIT_SECONDS = 2


def destruction(line: str, local_port: int) -> bytes:
    """The netlink message for a line. Raises ValueError, struct.error."""
    local, peer, port, cookie = line.split()
    sides = [ipaddress.ip_address(local), ipaddress.ip_address(peer)]
    if sides[0].version != sides[1].version:
        raise ValueError("two address families")
    family = socket.AF_INET if sides[0].version == 4 else socket.AF_INET6
    addresses = [side.packed.ljust(16, b"\0") for side in sides]
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, EVERY_STATE)
    body += struct.pack("!HH16s16s", local_port, int(port), *addresses)
    body += struct.pack("=III", 0, int(cookie) & 0xFFFFFFFF, int(cookie) >> 32)
    return struct.pack("=IHHII", 16 + len(body), DESTROY, REQUEST_ACK, 1, 0) + body


def close(message: bytes) -> str:
    """Have the kernel close it; tells whether it was there."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
        kernel.settimeout(WAIT_SECONDS)
        kernel.send(message)
        kind, error = struct.unpack_from("=4xH10xi", kernel.recv(4096))
    if kind == ERROR and -error not in {0, errno.ENOENT}:
        raise OSError(-error, os.strerror(-error))
    return "gone" if error else "ok"


def serve(listener: socket.socket, client: str, local_port: int) -> None:
    user = pwd.getpwnam(client).pw_uid
    while True:
        with listener.accept()[0] as connection:
            connection.settimeout(WAIT_SECONDS)
            _, uid, _ = struct.unpack("=iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
            try:
                asked = connection.recv(256).decode("ascii") if uid == user else ""
                connection.sendall((close(destruction(asked, local_port)) if asked else "refused").encode())
            except (ValueError, OSError, struct.error) as error:
                sys.stderr.write(f"not closed: {error}\n")


if __name__ == "__main__":
    serve(socket.socket(fileno=3), os.environ["KINETOSCOPE_CUTTER_CLIENT"], int(os.environ["KINETOSCOPE_MEDIA_PORT"]))

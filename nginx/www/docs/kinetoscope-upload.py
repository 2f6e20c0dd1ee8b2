#!/usr/bin/env python3
"""Upload videos to a Kinetoscope: python3 kinetoscope-upload.py https://tv.example.org film.mkv ...

Sends each file in parts, several at once, and goes on where it was when it is started again: after a lost connection, a
restart here or there, or on another computer that has the same file. Needs Python 3.10 and nothing else.

Who signs in is asked for, or told by --user and the environment: KINETOSCOPE_PASSWORD, or KINETOSCOPE_TOKEN with an
access token. It signs out at its end; a token that was told stays as it is. A certificate of the box's own authority is
trusted with --ca FILE (https://BOX/ca.pem).
"""

import argparse
import concurrent.futures
import contextlib
import datetime
import getpass
import hashlib
import http.client
import json
import os
import ssl
import sys
import threading
import time
import urllib.parse
from pathlib import Path
from typing import Any

LANES = 3
# A part that failed is tried again after 1, 2, 4, ... seconds, a minute at most, for an hour.
LONGEST_PAUSE_SECONDS = 60
PATIENCE_SECONDS = 3600
SILENCE_SECONDS = 120
# Signing out is not waited for longer.
PARTING_SECONDS = 10
# So much is read and sent at a time.
CHUNK = 1 << 18
# An access token is renewed so long before its end.
SLACK_SECONDS = 60


class Refused(Exception):
    """The box says no, in a sentence for people. `code` is what a program goes by."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        fields = problem.get("errors")
        reasons = [f"{name}: {', '.join(map(str, said))}" for name, said in (fields or {}).items()]
        general = problem.get("detail") or f"The box answered with status {status}."
        super().__init__("; ".join(reasons) or general)
        self.status, self.problem, self.code = status, problem, str(problem.get("code", ""))


class Box:
    """The interface of one box, signed in."""

    def __init__(self, url: str, ca_file: str | None) -> None:
        address = urllib.parse.urlsplit(url if "//" in url else f"https://{url}")
        if address.scheme != "https" or not address.hostname:
            raise SystemExit(f"{url} is no https address, such as https://tv.example.org")
        self.host, self.port = address.hostname, address.port or 443
        try:
            self._tls = ssl.create_default_context(cafile=ca_file)
        except ssl.SSLError:
            raise SystemExit(f"{ca_file} holds no certificate (PEM).") from None
        # Set when it is over: no part is sent on, and none is tried again.
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._token, self._refresh, self._until = os.environ.get("KINETOSCOPE_TOKEN", ""), "", float("inf")

    def connection(self, patience: float = SILENCE_SECONDS) -> http.client.HTTPSConnection:
        return http.client.HTTPSConnection(self.host, self.port, context=self._tls, timeout=patience)

    def sign_in(self, user: str | None) -> None:
        """By name and password, and a code where one is asked for."""
        if self._token:
            return
        name = user or input("User: ")
        password = os.environ.get("KINETOSCOPE_PASSWORD") or getpass.getpass("Password: ")
        body = {"username": name, "password": password, "device": "kinetoscope-upload"}
        try:
            session = self._ask("POST", "/auth/login", body)
        except Refused as refused:
            if refused.code != "second_factor":
                raise
            code = input("Code of your authenticator app: ").strip()
            proof = {"challenge": refused.problem["challenge"], "code": code}
            session = self._ask("POST", "/auth/second-factor", proof)
        self._keep(session)

    def sign_out(self) -> None:
        """End the session that sign_in() began, if the box hears it: else it ends by itself, some day."""
        if not self._refresh:
            return
        with contextlib.suppress(Refused, OSError, KeyboardInterrupt):
            # An access token that has expired is no hindrance: the other one is told, too.
            self._ask("POST", "/auth/logout", {"refresh_token": self._refresh}, PARTING_SECONDS)
        self._token = self._refresh = ""

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a call. Raises Refused, and OSError when the box is out of reach."""
        with self._lock:
            if self._refresh and time.monotonic() > self._until - SLACK_SECONDS:
                self._keep(self._ask("POST", "/auth/refresh", {"refresh_token": self._refresh}))
        return self._ask(method, path, body)

    def _keep(self, session: dict[str, Any]) -> None:
        self._token, self._refresh = session["access_token"], session["refresh_token"]
        self._until = time.monotonic() + session["expires_in"]

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None, patience: float = SILENCE_SECONDS
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        content = None if body is None else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        connection = self.connection(patience)
        try:
            connection.request(method, "/api/v1" + path, content, headers)
            answer = connection.getresponse()
            said = answer.read()
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        try:
            found = json.loads(said) if said else {}
        except ValueError:
            found = {}
        if answer.status >= 400:
            raise Refused(answer.status, found)
        return found


class Progress:
    """A line that tells how far a file is."""

    def __init__(self, name: str, size: int, done: int) -> None:
        self.name, self.size, self._done, self._lock = name, size, done, threading.Lock()
        self._began, self._at_first, self._told = time.monotonic(), done, 0.0

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            now = time.monotonic()
            if now - self._told < 0.5 and self._done < self.size:
                return
            self._told = now
            rate = (self._done - self._at_first) / max(now - self._began, 0.001)
        left = (self.size - self._done) / rate if rate > 0 else 0
        share = 100 * self._done / self.size
        self.tell(f"{share:5.1f} %  {rate / 1e6:7.1f} MB/s  {int(left) // 60}:{int(left) % 60:02} left")

    def tell(self, text: str, end: str = "") -> None:
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        if start or end:
            sys.stderr.write(f"{start}{self.name}: {text}{end}")
            sys.stderr.flush()


def begun(box: Box, path: Path, wishes: dict[str, Any]) -> dict[str, Any]:
    """The upload of this file: one that is under way, by name, size and time; else a new one."""
    status = path.stat()
    changed = datetime.datetime.fromtimestamp(int(status.st_mtime), datetime.timezone.utc)  # noqa: UP017  # since 3.11
    file = {"name": path.name, "size_bytes": status.st_size, "modified_at": changed.strftime("%Y-%m-%dT%H:%M:%SZ")}
    for known in box.call("GET", "/uploads")["items"]:
        if known["state"] == "open" and all(known[name] == value for name, value in file.items()):
            return box.call("GET", f"/uploads/{known['id']}")
    return box.call("POST", "/uploads", {**file, **wishes})


def send(box: Box, path: Path, wishes: dict[str, Any], lanes: int) -> dict[str, Any]:
    """Upload one file; what came of it."""
    upload = begun(box, path, wishes)
    missing = sorted(set(range(1, upload["parts"] + 1)).difference(upload["arrived"]))
    here = sum(length_of(upload, number) for number in upload["arrived"])
    progress = Progress(path.name, upload["size_bytes"], here)
    at = f"/uploads/{upload['id']}"
    pool = concurrent.futures.ThreadPoolExecutor(lanes)
    try:
        list(pool.map(lambda number: send_part(box, path, at, number, progress), missing))
    except BaseException:
        box.stopping.set()
        raise
    finally:
        # What one part was refused for is true of the others.
        pool.shutdown(cancel_futures=True)
    persistently(box, lambda: box.call("POST", f"{at}/complete"))
    progress.tell("all sent; the box looks at it")
    while True:
        upload = persistently(box, lambda: box.call("GET", at))
        if upload["state"] not in ("open", "checking"):
            return upload
        time.sleep(0.5)


def length_of(upload: dict[str, Any], number: int) -> int:
    offset = (number - 1) * upload["part_size_bytes"]
    return int(min(upload["part_size_bytes"], upload["size_bytes"] - offset))


def send_part(box: Box, path: Path, at: str, number: int, progress: Progress) -> None:
    """Send a part, with a new link for each try. Raises Refused."""

    def attempt() -> None:
        link = box.call("POST", f"{at}/parts", {"numbers": [number]})["items"][0]
        sent = [0]
        try:
            status, said = put(box, path, link, progress, sent)
        except OSError as error:
            progress.add(-sent[0])
            # Not the line but the file: it was moved away, say.
            if error.filename is not None:
                raise SystemExit(f"\n{plain(error, box)}") from error
            raise
        # 409 part_here: it had arrived, and only its answer was lost.
        if status not in (201, 204) and said.get("code") != "part_here":
            progress.add(-sent[0])
            raise Refused(status, said)

    persistently(box, attempt)


def put(box: Box, path: Path, link: dict[str, Any], progress: Progress, sent: list[int]) -> tuple[int, dict[str, Any]]:
    """Status and problem; `sent` counts what left this computer. Raises OSError."""

    def pieces() -> Any:
        with path.open("rb") as file:
            file.seek(link["offset"])
            while sent[0] < link["length"]:
                if box.stopping.is_set():
                    raise SystemExit(1)
                piece = file.read(min(CHUNK, link["length"] - sent[0]))
                if not piece:
                    raise SystemExit(f"{path} became shorter while it was sent.")
                yield piece
                sent[0] += len(piece)
                progress.add(len(piece))

    connection = box.connection()
    try:
        connection.request(link["method"], link["href"], pieces(), {"Content-Length": str(link["length"])})
        answer = connection.getresponse()
        said = answer.read()
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    return answer.status, json.loads(said) if said.startswith(b"{") else {}


def persistently(box: Box, work: Any) -> Any:
    """What `work` answers; tried again while the box is out of reach, busy or says `later`. Raises what it last did."""
    pause, until = 1.0, time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return work()
        except Refused as refused:
            later = refused.status in (408, 429, 500, 502, 503) or refused.code in ("expired", "part_length")
            if not later or time.monotonic() > until or box.stopping.is_set():
                raise
        except OSError:
            if time.monotonic() > until or box.stopping.is_set():
                raise
        box.stopping.wait(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()


def plain(error: Exception, box: Box) -> str:
    """What went wrong, as a sentence."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {box.host} is not trusted: {error.verify_message}. If it is one of the box's own"
            f" authority, give that authority's with --ca FILE (https://{box.host}/ca.pem)."
        )
    if isinstance(error, OSError) and error.filename is not None:
        return unreadable(error.filename, error)
    return f"{box.host} can't be reached: {getattr(error, 'strerror', None) or error or type(error).__name__}."


def unreadable(path: Any, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"There is no file {path}."
    return f"{path} can't be read: {error.strerror or error}."


def looked_at(path: Path) -> str:
    """What is wrong with a file, beforehand; nothing is signed in for when there is."""
    try:
        if path.is_dir():
            return f"{path} is a folder. Name the files in it."
        with path.open("rb"):
            return ""
    except OSError as error:
        return unreadable(path, error)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("box", help="its address, such as https://tv.example.org")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--user", help="who signs in; asked for otherwise")
    parser.add_argument("--ca", help="certificate of the box's own authority (PEM)")
    parser.add_argument("--title", help="made from the file's name otherwise")
    parser.add_argument("--description", default="")
    parser.add_argument("--visibility", choices=["public", "members", "named"], help="the folder's default otherwise")
    parser.add_argument(
        "--renditions",
        choices=["as_needed", "ladder", "none"],
        help="versions for every browser: where they are needed, always, never; the root's policy otherwise",
    )
    parser.add_argument("--root", help="root of the library; the first that takes uploads otherwise")
    parser.add_argument("--folder", default="", help="below the root, such as Films/2026")
    parser.add_argument("--lanes", type=int, default=LANES, help="parts that are sent at once; %(default)s otherwise")
    parser.add_argument(
        "--check", action="store_true", help="read each file beforehand, and have the box compare SHA-256"
    )
    given = parser.parse_args()
    faults = [fault for fault in map(looked_at, ([Path(given.ca)] if given.ca else []) + given.files) if fault]
    if faults:
        sys.stderr.write("\n".join([*faults, ""]))
        return 1
    box = Box(given.box, given.ca)
    try:
        return upload_all(box, given)
    except (Refused, OSError) as error:
        sys.stderr.write(f"\n{plain(error, box)}\n")
        return 1
    except EOFError:
        sys.stderr.write("\nNobody is there to be asked: give --user, and KINETOSCOPE_PASSWORD in the environment.\n")
        return 1
    except KeyboardInterrupt:
        box.stopping.set()
        sys.stderr.write("\nStart it again to go on.\n")
        return 130
    finally:
        box.sign_out()


def upload_all(box: Box, given: argparse.Namespace) -> int:
    failed = 0
    place = {"folder": given.folder, **({"root": given.root} if given.root else {})}
    box.sign_in(given.user)
    for path in given.files:
        wishes: dict[str, Any] = {"description": given.description, "place": place}
        wishes.update({"title": given.title} if given.title else {})
        wishes.update({"visibility": given.visibility} if given.visibility else {})
        wishes.update({"renditions": given.renditions} if given.renditions else {})
        wishes.update({"sha256": digest(path)} if given.check else {})
        upload = send(box, path, wishes, given.lanes)
        failed += upload["state"] != "done"
        said = upload["reason"] or f"https://{given.box.split('//')[-1].strip('/')}/#/title/{upload['video_id']}"
        sys.stderr.write(f"{path.name}: {said}\n" if not sys.stderr.isatty() else f"\r\x1b[K{path.name}: {said}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""A large film with links for as many viewers as wanted, and the API beside it: on scratch servers, or in a box of this
machine."""

import contextlib
import secrets
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests

from bench.places import Box
from bench.servers import House, write_film
from testbed.viewers.box import Access, Caller

FILM_BYTES = 1 << 30
CLIP_SECONDS = 10
# The head of a box in an MP4: its length and its kind (ISO/IEC 14496-12, 4.2).
BOX_HEAD_BYTES = 8


@dataclass(frozen=True)
class Film:
    """Where it is, who may have it, and which processes send it."""

    path: Path
    video_id: str
    # Paths of so many playbacks, one for each viewer.
    links: Callable[[int], list[str]]
    pids: Callable[[], list[int]]
    # Of the same Nginx, over TLS.
    host: str
    port: int
    ca_file: str
    token: str


def on_scratch(house: House) -> Film:
    """Behind the doors of the bench's own Nginx."""
    nginx = house.stack.nginx
    path = nginx.folder / "large-film.mp4"
    write_film(path, FILM_BYTES)
    source = nginx.titles / house.stack.video_id / "source.mp4"
    source.unlink()
    source.symlink_to(path)
    return Film(
        path, house.stack.video_id, house.links, house.signed_tls.pids,
        "localhost", nginx.https_port, str(nginx.ca_file),
        str(house.stack.sign_in()["access_token"]),
    )  # fmt: skip


@contextlib.contextmanager
def in_box(access: Access, box: Box) -> Iterator[Film]:
    """A new film in the library of a box of this machine; it leaves the library afterwards, its viewers stay."""
    path = Path(access.library_path) / f"Large film of the bench {secrets.token_hex(3)}.mp4"
    _write(path)
    try:
        box.shell("systemctl start kinetoscope-indexer.service")
        callers = []
        for token in box.tokens:
            caller = Caller(access)
            caller.carry({"access_token": token})
            callers.append(caller)
        video = next(video for video in callers[0].videos() if video["filename"] == path.name)

        granted: list[str] = []

        def links(count: int) -> list[str]:
            # Once made, they serve every load: a box has room for so many playbacks, not for as many a load.
            while len(granted) < count:
                granted.append(_link(callers[len(granted) % len(callers)], video["id"], len(granted), count))
            return granted[:count]

        at = urlsplit(access.url)
        yield Film(
            path, video["id"], links, lambda: _nginx_workers(box), at.hostname or "", at.port or 443, access.ca_file,
            box.tokens[-1],
        )  # fmt: skip
    finally:
        path.unlink()
        # Nobody is offered a film that is not there.
        box.shell("systemctl start kinetoscope-indexer.service")


def _link(caller: Caller, video_id: str, number: int, wanted: int) -> str:
    """Of a new playback; ends the bench where the box has no room for so many."""
    try:
        return str(caller.playback(video_id)["links"]["source"])
    except requests.HTTPError as refused:
        if refused.response.status_code != requests.codes.too_many_requests:
            raise
        raise SystemExit(
            f"This box let {number} of {wanted} playbacks start: bring one up whose limits are those of a bench,"
            " make up BOX=bench ARGS='--extra-vars @bench/capacity-limits.yml'"
        ) from None


def _write(path: Path) -> None:
    """A short film, and behind it a box that is there to be skipped, with bytes that are really there."""
    hidden = path.with_name(f".{path.name}")
    subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=640x360:rate=25:duration={CLIP_SECONDS}",
         "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", str(hidden)],
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    with hidden.open("ab") as file:
        file.write((BOX_HEAD_BYTES + FILM_BYTES).to_bytes(4, "big") + b"free")
    write_film(hidden, FILM_BYTES)
    hidden.rename(path)


def _nginx_workers(box: Box) -> list[int]:
    """Of the box, as this machine counts its processes: those of the same control group, by the box's name."""
    inside = box.shell("systemctl show --property=ControlGroup --value nginx.service").strip()
    name = box.shell("cat /proc/sys/kernel/hostname").strip()
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            groups = (each / "cgroup").read_text().splitlines()
            is_worker = b"worker process" in (each / "cmdline").read_bytes()
            if is_worker and any(group.endswith(inside) and name in group for group in groups):
                found.append(int(each.name))
    return found

"""The corpus of bypass cases against the box: not one guarded byte in any answer, and no 5xx."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from testbed.viewers.box import Access, Viewer
from testbed.viewers.http1 import RawConnection
from testbed.viewers.http2 import Http2Connection
from tests.bypass import TAIL, VERSIONS, WANTED, Case, Good, corpus


@pytest.fixture(scope="module", params=["v720-{}.mp4", "now/n720-{}-00000.m4s"])
def sentinel(request: pytest.FixtureRequest, shell: Any, mp4: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """A file of random bytes among those of a title, or of what is made of it now, under a name that both doors know:
    the name, and its end."""
    path = f"/srv/kinetoscope/titles/{mp4['id']}/{request.param.format(secrets.token_hex(4))}"
    folder, name = path.rsplit("/", 1)
    try:
        shell(f"mkdir -p {folder} && chmod o+x {folder} && head -c 65536 /dev/urandom > {path} && chmod 644 {path}")
        shown = shell(f"tail -c {TAIL} {path} | od -An -v -tx1")
        yield name, bytes.fromhex("".join(shown.split()))
    finally:
        shell(f"rm -f {path}; rmdir --ignore-fail-on-non-empty {folder}")


def test_no_case_of_the_corpus_brings_a_guarded_byte(
    access: Access, bob: Viewer, mp4: dict[str, Any], other: dict[str, Any], sentinel: tuple[str, bytes]
) -> None:
    name, secret = sentinel
    grant = bob.playback(mp4["id"])
    where = urlsplit(access.url)
    host, port = where.hostname or "", where.port or 443
    good = Good(
        link=urlsplit(grant["links"]["source"]).path.rpartition("/")[0] + "/" + name,
        path=f"/stream/{mp4['id']}/{name}",
        token=bob.token,
        host=where.netloc,
        other_video=other["id"],
    )
    bearer = (b"Authorization", b"Bearer " + bob.token.encode())
    wrong, asked = [], 0
    ca_file = Path(access.ca_file)
    try:
        with (
            RawConnection(port, ca_file, host, access.address) as one,
            Http2Connection(port, ca_file, host, access.address) as two,
        ):
            # What the cases are twisted from does bring the bytes, or the corpus would prove nothing.
            for target in (good.link, good.path):
                for version in VERSIONS:
                    case = Case("good", target.encode(), version, host=good.host.encode(), headers=(WANTED, bearer))
                    assert case.ask(one, two).body == secret, case
            for case in corpus(good):
                answer = case.ask(one, two)
                asked += 1
                if secret[:16] in answer.body or secret[-16:] in answer.body or answer.status >= 500:
                    wrong.append((case, answer.status))
    finally:
        bob.end(grant["playback_id"])
    assert asked >= 2000
    assert wrong == []

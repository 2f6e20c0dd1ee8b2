"""The whole corpus of bypass cases against Nginx with the real services behind it."""

import pytest

from testbed.stack import Stack
from testbed.viewers.http2 import Http2Connection
from tests.bypass import TAIL, VERSIONS, WANTED, Case, Good, corpus


@pytest.mark.parametrize("name", ["source.mp4", "n720-0a1b2c3d-00000.m4s"])
def test_no_case_of_the_corpus_brings_a_guarded_byte(stack: Stack, name: str) -> None:
    # A segment of what is made now, of the same content.
    made_now = stack.nginx.titles / stack.video_id / "now"
    made_now.mkdir(exist_ok=True)
    (made_now / "n720-0a1b2c3d-00000.m4s").write_bytes(stack.film)
    token = stack.sign_in("bob")["access_token"]
    good = Good(
        link=stack.grant(token)["links"]["source"].replace("source.mp4", name),
        path=f"/stream/{stack.video_id}/{name}",
        token=token,
        host="localhost",
        other_video=stack.other_video_id,
    )
    sentinel = stack.film[-TAIL:]
    bearer = (b"Authorization", b"Bearer " + token.encode())
    wrong = []
    with stack.connection() as one, Http2Connection(stack.nginx.https_port, stack.nginx.ca_file) as two:
        # What the cases are twisted from does bring the bytes, or the corpus would prove nothing.
        for target in (good.link, good.path):
            for version in VERSIONS:
                case = Case("good", target.encode(), version, host=b"localhost", headers=(WANTED, bearer))
                assert case.ask(one, two).body == sentinel, case
        for case in corpus(good):
            answer = case.ask(one, two)
            if sentinel[:16] in answer.body or sentinel[-16:] in answer.body or answer.status >= 500:
                wrong.append((case, answer.status))
    assert wrong == []

"""The corpus of bypass cases: enough of each family, always the same, and none of them a good request."""

from collections import Counter

from tests.bypass import VERSIONS, Good, corpus

GOOD = Good(
    link=f"/m/k1/1893456000/{'a1' * 16}/{'x' * 21}A/{'0123456789abcdef' * 2}/source.mp4",
    path=f"/stream/{'0123456789abcdef' * 2}/source.mp4",
    token="aGVhZA.Y2xhaW1z.c2lnbmF0dXJl",
    host="box.test",
    other_video="fedcba9876543210" * 2,
)


def test_there_are_enough_of_each_family_in_each_version() -> None:
    cases = corpus(GOOD)
    assert len(cases) == len(set(cases)) >= 2000
    for version in VERSIONS:
        count = Counter(case.family for case in cases if case.version == version)
        least = {"path": 250, "link": 120, "credential": 50, "header": 80, "range": 15, "method": 60, "host": 50}
        assert all(count[family] >= number for family, number in least.items()), count
    assert sum(case.family == "fields" for case in cases) >= 35


def test_the_same_good_link_makes_the_same_corpus() -> None:
    assert corpus(GOOD) == corpus(GOOD)


def test_no_case_is_a_good_request() -> None:
    for case in corpus(GOOD):
        bearer = (b"Authorization", b"Bearer " + GOOD.token.encode()) in case.headers
        good = case.target == GOOD.link.encode() or (case.target == GOOD.path.encode() and bearer)
        assert not (good and case.method == b"GET" and case.host == GOOD.host.encode() and not case.pairs), case


def test_a_case_is_written_in_both_forms() -> None:
    case = next(case for case in corpus(GOOD) if case.family == "method" and case.version == "1.0")
    assert case.message().startswith(case.method + b" " + case.target + b" HTTP/1.0\r\nHost: box.test\r\n")
    assert case.message().endswith(b"\r\n\r\n")
    assert dict(case.fields()) == {
        b":method": case.method, b":scheme": b"https", b":authority": b"box.test", b":path": case.target,
        b"range": b"bytes=-200", b"authorization": b"Bearer " + GOOD.token.encode(),
    }  # fmt: skip

"""The question of Nginx: whatever is missing, doubled or malformed makes it unreadable."""

import pytest

from authsvc.authz.question import Unreadable, read

VIDEO, PLAYBACK = "d" * 32, "c" * 32
HEADER = {
    "HTTP_X_DOOR": "header",
    "HTTP_X_KIND": "media:source",
    "HTTP_X_VIDEO_ID": VIDEO,
    "HTTP_X_METHOD": "GET",
    "HTTP_X_REAL_IP": "192.0.2.7",
    "HTTP_X_CONN": "17 192.0.2.7 40000",
    "HTTP_X_REQUEST_ID": "0123456789abcdef0123456789abcdef",
}
SIGNED = HEADER | {"HTTP_X_DOOR": "signed", "HTTP_X_PLAYBACK_ID": PLAYBACK}


@pytest.mark.parametrize("question", [HEADER, SIGNED], ids=["header", "signed"])
@pytest.mark.parametrize("name", [*HEADER, "HTTP_X_PLAYBACK_ID"])
@pytest.mark.parametrize(
    "value",
    [None, "", " ", "\0", "\xff", "a,b", "../", "\n", "%00", "GET GET", "x" * 5000, "-1"],
    ids=[
        "missing",
        "empty",
        "space",
        "NUL",
        "byte",
        "doubled",
        "path",
        "newline",
        "percent",
        "twice",
        "long",
        "number",
    ],
)
def test_malformed_header_is_unreadable(question: dict[str, str], name: str, value: str | None) -> None:
    spoilt = dict(question)
    spoilt.pop(name, None)
    if value is not None:
        spoilt[name] = value
    if question is HEADER and name == "HTTP_X_PLAYBACK_ID" and value in {None, ""}:
        assert read(spoilt).playback_id == "", "the header door has no playback id"
        return
    with pytest.raises(Unreadable):
        read(spoilt)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_X_DOOR", "Signed"),
        ("HTTP_X_DOOR", "signed,signed"),
        ("HTTP_X_KIND", "media"),
        ("HTTP_X_KIND", "media:4320"),
        ("HTTP_X_KIND", "Picture"),
        ("HTTP_X_VIDEO_ID", VIDEO.upper()),
        ("HTTP_X_VIDEO_ID", VIDEO + "\n"),
        ("HTTP_X_VIDEO_ID", VIDEO[:-1]),
        ("HTTP_X_VIDEO_ID", "٣" * 32),
        ("HTTP_X_PLAYBACK_ID", PLAYBACK + "\n"),
        ("HTTP_X_METHOD", "get"),
        ("HTTP_X_METHOD", "POST"),
        ("HTTP_X_METHOD", "OPTIONS"),
        ("HTTP_X_REAL_IP", "192.0.2.7, 192.0.2.8"),
        ("HTTP_X_REAL_IP", "localhost"),
        ("HTTP_X_REAL_IP", "fe80::1%eth0"),
        ("HTTP_X_REAL_IP", "unix:"),
        ("HTTP_X_CONN", "17 192.0.2.7"),
        ("HTTP_X_CONN", "17 192.0.2.7 40000\n"),
    ],
)
def test_near_miss_is_unreadable(name: str, value: str) -> None:
    with pytest.raises(Unreadable):
        read(SIGNED | {name: value})


def test_header_door_with_a_playback_id_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read(HEADER | {"HTTP_X_PLAYBACK_ID": PLAYBACK})


@pytest.mark.parametrize(
    ("kind", "method", "takes_lease"),
    [
        *((f"media:{quality}", "GET", True) for quality in (360, 480, 720, 1080, 1440, 2160, "source", "audio")),
        ("manifest", "GET", True),
        ("picture", "GET", False),
        ("text", "GET", False),
        ("media:source", "HEAD", False),
        ("manifest", "HEAD", False),
    ],
)
def test_only_a_get_of_media_or_manifest_takes_a_lease(kind: str, method: str, takes_lease: bool) -> None:
    assert read(SIGNED | {"HTTP_X_KIND": kind, "HTTP_X_METHOD": method}).takes_lease is takes_lease


def test_ipv6_clients_of_one_subscriber_count_as_one_address() -> None:
    def near(address: str) -> str:
        return read(HEADER | {"HTTP_X_REAL_IP": address}).neighbourhood

    assert near("2001:db8:1:2::1") == near("2001:db8:1:2:ffff::9") != near("2001:db8:1:3::1")
    assert near("192.0.2.7") == "192.0.2.7"


def test_nothing_else_of_the_request_is_looked_at() -> None:
    read(SIGNED | {"PATH_INFO": "\xff", "QUERY_STRING": "x=1", "HTTP_X_ORIGINAL_URI": "/../etc", "HTTP_RANGE": "zzz"})

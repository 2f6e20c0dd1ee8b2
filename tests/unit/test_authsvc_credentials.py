"""Cookies and Authorization headers leave one reading or none."""

import pytest

from authsvc.sessions.credentials import MalformedCredentials, access_token, bearer, cookie


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("__Host-ks=abc", "abc"),
        ("a=1; __Host-ks=abc; b=2", "abc"),
        ("a=1;__Host-ks=abc;b=2", "abc"),
        ("x__Host-ks=no; __Host-ks=abc", "abc"),
        ("__Host-ksx=no; __Host-ks=abc", "abc"),
        ("__host-ks=no; __Host-ks=abc", "abc"),
        ("__Host-ks=a=b", "a=b"),
        ("__Host-ks=", ""),
        ("a=__Host-ks; b=2", None),
        ("", None),
        (";;;", None),
    ],
)
def test_cookie_is_read_by_its_whole_name(header: str, value: str | None) -> None:
    assert cookie(header, "__Host-ks") == value


@pytest.mark.parametrize(
    "header",
    [
        "__Host-ks=abc; __Host-ks=abc",
        "__Host-ks=abc; a=1; __Host-ks=evil",
        "__Host-ks =abc;__Host-ks=evil",
        "__Host-ks=abc; __Host-ks",
        "__Host-ks",
    ],
)
def test_planted_second_cookie_spoils_both(header: str) -> None:
    with pytest.raises(MalformedCredentials):
        cookie(header, "__Host-ks")


def test_cookies_joined_by_a_proxy_do_not_pass_as_one_token() -> None:
    # Two Cookie headers that a server joined with a comma: the value is no token any more.
    assert access_token(None, "__Host-ks=a.b.c,__Host-ks=d.e.f") == ("a.b.c,__Host-ks=d.e.f", "cookie")


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc", "BEARER abc"])
def test_bearer_scheme_is_read_without_regard_to_case(header: str) -> None:
    assert bearer(header) == "abc"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic abc", "abc", "Bearer  abc", "Bearer a b", " Bearer abc", "Bearer\tabc"]
)
def test_other_authorization_is_malformed(header: str) -> None:
    with pytest.raises(MalformedCredentials):
        bearer(header)


def test_bearer_hides_the_cookie_even_when_it_is_no_good() -> None:
    assert access_token("Bearer abc", "__Host-ks=xyz") == ("abc", "bearer")
    with pytest.raises(MalformedCredentials):
        access_token("Basic abc", "__Host-ks=xyz")
    assert access_token(None, "__Host-ks=xyz") == ("xyz", "cookie")
    assert access_token(None, "__Host-ks=") is None
    assert access_token(None, None) is None

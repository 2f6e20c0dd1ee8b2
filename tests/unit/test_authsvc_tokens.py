"""Access tokens: what is not exactly one of ours is no token."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from authsvc.sessions.tokens import InvalidToken, Issuer, Verifier, new_opaque_token, opaque_digest
from testbed.services.world import PRIVATE_PEM, PUBLIC_PEM, key_pair

USER, SESSION = "a" * 32, "b" * 32
HEADERS = {"kid": "a1", "typ": "at+jwt"}


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "kinetoscope",
        "aud": "kinetoscope",
        "sub": USER,
        "sid": SESSION,
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(payload: dict[str, Any], pem: str = PRIVATE_PEM, headers: dict[str, Any] | None = None) -> str:
    return jwt.encode(payload, pem, algorithm="EdDSA", headers=HEADERS if headers is None else headers)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.fixture
def verifier() -> Verifier:
    return Verifier({"a1": PUBLIC_PEM}, remembered=4)


def test_issued_token_names_user_and_session(verifier: Verifier) -> None:
    asked = time.time()
    token = Issuer(SecretStr(PRIVATE_PEM), "a1", 600).issue(USER, SESSION)
    issued = time.time()
    access = verifier.verify(token)
    assert (access.user_id, access.session_id) == (USER, SESSION)
    assert asked + 599 <= access.expires_at <= issued + 601
    assert verifier.verify(token) == access, "the remembered verdict is the same"


def test_the_handmade_token_of_these_tests_is_good(verifier: Verifier) -> None:
    assert verifier.verify(signed(claims())).user_id == USER


def test_a_clock_set_back_by_minutes_signs_nobody_out(verifier: Verifier) -> None:
    issued = int(time.time()) + 300
    assert verifier.verify(signed(claims(iat=issued, exp=issued + 600))).user_id == USER


def _with_hmac(verification_key: str) -> str:
    text = part(HEADERS | {"alg": "HS256"}) + "." + part(claims())
    mac = hmac.new(verification_key.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(mac).rstrip(b"=").decode()


CONFUSED = {
    "no algorithm": part(HEADERS | {"alg": "none"}) + "." + part(claims()) + ".",
    "no algorithm, some signature": part(HEADERS | {"alg": "none"}) + "." + part(claims()) + ".AAAA",
    "public key as HMAC secret": _with_hmac(PUBLIC_PEM),
    "another key under our kid": signed(claims(), pem=key_pair()[0]),
    "unknown kid": signed(claims(), headers=HEADERS | {"kid": "a2"}),
    "no kid": signed(claims(), headers={"typ": "at+jwt"}),
    "kid that is a path": signed(claims(), headers=HEADERS | {"kid": "../../dev/null"}),
    "an ID token": signed(claims(), headers=HEADERS | {"typ": "JWT"}),
    "expired": signed(claims(iat=1, exp=int(time.time()) - 1)),
    "issued in the future": signed(claims(iat=int(time.time()) + 3600, exp=int(time.time()) + 7200)),
    "issued at no time": signed(claims(iat="now")),
    "not valid yet": signed(claims(nbf=int(time.time()) + 3600)),
    "other issuer": signed(claims(iss="somebody")),
    "other audience": signed(claims(aud="somebody")),
    "subject is a number": signed(claims(sub=7)),
    "session is a list": signed(claims(sid=[SESSION])),
    "session in capitals": signed(claims(sid=SESSION.upper())),
    "session of another length": signed(claims(sid=SESSION + "0")),
    "user is no id": signed(claims(sub="admin")),
    "empty": "",
    "one part": "abc",
    "four parts": signed(claims()) + ".x",
    "trailing newline": signed(claims()) + "\n",
    "not ASCII": "é.é.é",
    "too long": signed(claims(more="x" * 2000)),
    "deeply nested header": part(HEADERS) + "." + "A" * 100 + "." + "A" * 86,
} | {f"without {name}": signed(claims(**{name: None})) for name in ("iss", "aud", "sub", "sid", "iat", "exp")}


@pytest.mark.parametrize("token", CONFUSED.values(), ids=CONFUSED.keys())
def test_confused_token_is_refused(verifier: Verifier, token: str) -> None:
    with pytest.raises(InvalidToken):
        verifier.verify(token)


def test_every_flipped_character_is_noticed(verifier: Verifier) -> None:
    token = signed(claims())
    # The last character carries unused bits, so it may be read the same; it is left out.
    for place in range(0, len(token) - 1, 7):
        if token[place] == ".":
            continue
        forged = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        with pytest.raises(InvalidToken):
            verifier.verify(forged)


def test_remembered_token_expires(monkeypatch: pytest.MonkeyPatch, verifier: Verifier) -> None:
    token = signed(claims())
    verifier.verify(token)
    later = time.time() + 601
    monkeypatch.setattr(time, "time", lambda: later)
    with pytest.raises(InvalidToken):
        verifier.verify(token)


def test_no_more_than_the_bound_is_remembered(verifier: Verifier) -> None:
    for number in range(20):
        verifier.verify(signed(claims(iat=int(time.time()) - number)))
    assert len(verifier._good) == 4


def test_key_of_another_kind_stops_the_start() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(TypeError, match="a1 is not an Ed25519 key"):
        Verifier({"a1": pem})


def test_refresh_token_is_stored_as_its_digest() -> None:
    token = new_opaque_token()
    assert opaque_digest(token) == hashlib.sha256(token.encode()).digest()
    assert len({new_opaque_token() for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "x", "x" * 44, "x" * 42 + "é", "x" * 42 + "\n", " " * 43])
def test_what_can_not_be_a_refresh_token_has_no_digest(text: str) -> None:
    assert opaque_digest(text) is None

"""Authenticator apps, recovery codes and passkeys, from outside: what opens an account serves once."""

import ipaddress
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pyotp
import pytest
import requests
from testinfra.host import Host

from authsvc.signin.totp import PERIOD_SECONDS
from testbed.viewers.box import SECRETS, Access, Caller, Viewer, problem
from testbed.waiting import eventually
from tests.authenticator import Authenticator

TOTP, KEYS = "/api/v1/users/me/factors/totp", "/api/v1/users/me/factors/passkeys"
# A test with an app takes less; it begins with so much of a step left.
STEADY_SECONDS = 10
DROP_IN = "/run/systemd/system/kinetoscope-api.service.d/test-name.conf"
NAMED = "/run/kinetoscope-test-name.env"


def challenged(viewer: Viewer) -> tuple[Caller, dict[str, Any]]:
    """A stranger who knows the password, and what the box asks for next."""
    stranger = Caller(viewer.access)
    answer = stranger.post("/api/v1/auth/login", username=viewer.username, password=viewer.password)
    asked = problem(answer)
    assert (answer.status_code, asked["code"]) == (401, "second_factor")
    assert not {"access_token", "refresh_token"} & asked.keys()
    return stranger, asked


def second(stranger: Caller, asked: dict[str, Any], **shown: Any) -> requests.Response:
    return stranger.post("/api/v1/auth/second-factor", challenge=asked["challenge"], **shown)


def refused(answer: requests.Response) -> bool:
    return (answer.status_code, problem(answer)["code"]) == (401, "wrong_factor")


def is_signed_in(program: Caller, answer: requests.Response) -> bool:
    assert answer.status_code == 200, answer.text
    program.carry(answer.json())
    return program.get("/api/v1/users/me").status_code == 200


def codes_of_a_step(secret: str) -> tuple[str, str, str]:
    """The codes of the step before, of this one and of the next, when there is time left to use them."""
    assert eventually(lambda: time.time() % PERIOD_SECONDS < PERIOD_SECONDS - STEADY_SECONDS, within=STEADY_SECONDS + 1)
    app, now = pyotp.TOTP(secret), int(time.time())
    return app.at(now - PERIOD_SECONDS), app.at(now), app.at(now + PERIOD_SECONDS)


def test_app_and_recovery_codes_complete_a_sign_in_once(carol: Viewer) -> None:
    begun = carol.post(TOTP)
    assert begun.status_code == 201, begun.text
    SECRETS.add(begun.json()["secret"])
    before, now, after = codes_of_a_step(begun.json()["secret"])
    wrong = next(code for code in ("000000", "111111", "222222", "333333") if code not in {before, now, after})
    unconfirmed = carol.post(f"{TOTP}/confirm", code=wrong)
    assert (unconfirmed.status_code, problem(unconfirmed)["code"]) == (403, "wrong_factor")
    codes = carol.post(f"{TOTP}/confirm", code=before).json()["recovery_codes"]
    assert len(set(codes)) == 10
    SECRETS.update(codes)

    stranger, asked = challenged(carol)
    assert refused(second(stranger, asked, code=wrong))
    assert second(stranger, asked, code="12345").status_code == 422, "a code has six digits"
    assert is_signed_in(stranger, second(stranger, asked, code=now))

    stranger, asked = challenged(carol)
    for replayed in (now, before):
        assert refused(second(stranger, asked, code=replayed))
    assert is_signed_in(stranger, second(stranger, asked, recovery_code=codes[0]))

    stranger, asked = challenged(carol)
    assert refused(second(stranger, asked, recovery_code=codes[0])), "a recovery code serves once"
    assert is_signed_in(stranger, second(stranger, asked, code=after))


@pytest.fixture
def origin(access: Access, host: Host) -> Iterator[str]:
    """Of the box's pages. Browsers make passkeys for names alone: a box that only has an address gets a name as well,
    until its next start at most. The software authenticator says that its browser is there."""
    told = urlsplit(access.url)
    try:
        ipaddress.ip_address((told.hostname or "").strip("[]"))
    except ValueError:
        yield f"https://{told.netloc}"
        return
    host.check_output(
        f"mkdir -p $(dirname {DROP_IN}) && printf '[Service]\\nEnvironmentFile=%s\\n' {NAMED} > {DROP_IN}"
        f" && echo KINETOSCOPE_PUBLIC_ORIGINS=https://{told.netloc},https://box.test > {NAMED}"
    )
    restart = "systemctl daemon-reload && systemctl restart kinetoscope-api.service"
    try:
        host.check_output(restart)
        yield "https://box.test"
    finally:
        host.check_output(f"rm {DROP_IN} {NAMED} && {restart}")


def test_box_without_a_name_says_that_passkeys_need_one(access: Access, anonymous: requests.Session) -> None:
    asked = anonymous.post(access.url.rstrip("/") + "/api/v1/auth/passkey/options", timeout=20)
    if urlsplit(access.url).hostname == access.address:
        assert (asked.status_code, problem(asked)["code"]) == (409, "passkeys_need_a_name")
    else:
        assert asked.json()["options"]["rpId"] == urlsplit(access.url).hostname


@pytest.mark.disruptive
def test_passkey_signs_in_alone_and_after_the_password(carol: Viewer, origin: str) -> None:
    passkey = Authenticator(origin)
    ceremony = carol.post(f"{KEYS}/options").json()
    lying = Authenticator("https://evil.test").create(ceremony["options"])
    elsewhere = carol.post(KEYS, challenge=ceremony["challenge"], passkey=lying, name="phone")
    assert (elsewhere.status_code, problem(elsewhere)["code"]) == (403, "wrong_factor")
    ceremony = carol.post(f"{KEYS}/options").json()
    created = passkey.create(ceremony["options"])
    added = carol.post(KEYS, challenge=ceremony["challenge"], passkey=created, name="phone")
    assert added.status_code == 201, added.text
    SECRETS.update(added.json()["recovery_codes"])

    program = Caller(carol.access)
    ceremony = program.post("/api/v1/auth/passkey/options").json()
    unknown = Authenticator(origin).get(ceremony["options"])
    assert refused(program.post("/api/v1/auth/passkey", challenge=ceremony["challenge"], passkey=unknown))
    ceremony = program.post("/api/v1/auth/passkey/options").json()
    shown = {"challenge": ceremony["challenge"], "passkey": passkey.get(ceremony["options"])}
    assert is_signed_in(program, program.post("/api/v1/auth/passkey", **shown))
    assert program.post("/api/v1/auth/passkey", **shown).status_code == 401, "a challenge serves once"

    stranger, asked = challenged(carol)
    assert "passkey" in asked["methods"]
    assert is_signed_in(stranger, second(stranger, asked, passkey=passkey.get(asked["options"])))

"""Authenticator apps and recovery codes: signing in takes two steps, and nothing serves twice."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jwt
import pyotp
import pytest

from authsvc.api.protocol import qr
from authsvc.sessions import sessions
from authsvc.signin import totp
from testbed.services.sign_in import SAME_SITE, cookies_of, login, me
from testbed.services.world import PASSWORD, World

FACTORS, TOTP, PROOF = "/api/v1/users/me/factors", "/api/v1/users/me/factors/totp", "/api/v1/users/me/proof"
SECOND = "/api/v1/auth/second-factor"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class App:
    """An authenticator app whose clock a test moves: a code serves once, and half a minute is long."""

    def __init__(self, secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._totp, self._ahead, self._patch = pyotp.TOTP(secret), 0, monkeypatch
        self._began = time.time()

    def code(self) -> str:
        """The code of a step that was not used before."""
        self._ahead += totp.PERIOD_SECONDS
        now = self._began + self._ahead
        self._patch.setattr(totp, "_clock", lambda: now)
        return self._totp.at(int(now))

    def same(self, steps: int = 0) -> str:
        return self._totp.at(int(self._began + self._ahead + steps * totp.PERIOD_SECONDS))


def with_app(world: World, monkeypatch: pytest.MonkeyPatch, username: str = "alice") -> tuple[App, list[str], str]:
    """A user's app, the recovery codes and an access token."""
    _, token = world.session(world.user(username))
    begun = world.client().post(TOTP, headers=bearer(token))
    assert begun.status_code == 201, begun.text
    app = App(begun.get_json()["secret"], monkeypatch)
    confirmed = world.client().post(f"{TOTP}/confirm", json={"code": app.code()}, headers=bearer(token))
    assert confirmed.status_code == 200, confirmed.text
    return app, confirmed.get_json()["recovery_codes"], token


def challenged(world: World, username: str = "alice", **body: Any) -> dict[str, Any]:
    answer = login(world, username, **body)
    problem: dict[str, Any] = answer.get_json()
    assert (answer.status_code, problem["code"]) == (401, "second_factor"), problem
    assert not {"access_token", "refresh_token"} & problem.keys()
    assert "Set-Cookie" not in answer.headers
    return problem


def second(world: World, challenge: str, headers: dict[str, str] | None = None, **answer: Any) -> Any:
    return world.client().post(SECOND, json={"challenge": challenge, **answer}, headers=headers or {})


def test_password_alone_opens_nothing_and_the_code_completes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, codes, _ = with_app(world, monkeypatch)
    assert (len(codes), len(set(codes))) == (10, 10)
    problem = challenged(world)
    assert problem["methods"] == ["totp", "recovery"]
    before = world.owner.execute("SELECT count(*) FROM sessions").fetchone()
    answer = second(world, problem["challenge"], code=app.code(), device="Laptop")
    assert answer.status_code == 200, answer.text
    assert me(world, **bearer(answer.get_json()["access_token"])).status_code == 200
    assert before == (1,)
    row = world.owner.execute("SELECT second_factor, device FROM sessions ORDER BY created_at DESC LIMIT 1").fetchone()
    assert row == (True, "Laptop")


def test_a_known_device_stays_the_same_one_over_the_second_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, _ = with_app(world, monkeypatch)

    def signed_in(**known: str) -> str:
        answer = second(world, challenged(world)["challenge"], code=app.code(), **known)
        assert answer.status_code == 200, answer.text
        token: str = answer.get_json()["known_device_token"]
        return token

    def device(token: str) -> str:
        claims: dict[str, str] = jwt.decode(token, options={"verify_signature": False})
        return claims["jti"]

    first = signed_in()
    assert device(signed_in(known_device_token=first)) == device(first)
    assert device(signed_in()) != device(first)


def test_browser_gets_cookies_after_the_second_step_only(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, _ = with_app(world, monkeypatch)
    problem = challenged(world, headers=SAME_SITE)
    assert second(world, problem["challenge"], {"Sec-Fetch-Site": "cross-site"}, code=app.code()).status_code == 403
    answer = second(world, problem["challenge"], SAME_SITE, code=app.code())
    assert {"__Host-ks", "__Secure-kr"} <= cookies_of(answer).keys()
    assert answer.get_json()["access_token"] is None


def test_code_serves_once_and_never_an_older_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, _ = with_app(world, monkeypatch)
    code = app.code()
    first, other = challenged(world)["challenge"], challenged(world)["challenge"]
    assert second(world, first, code=code).status_code == 200
    assert second(world, first, code=app.same(1)).status_code == 401, "a challenge serves once too"
    for replay in (code, app.same(-1)):
        answer = second(world, other, code=replay)
        assert (answer.status_code, answer.get_json()["code"]) == (401, "wrong_factor")
    assert second(world, other, code=app.code()).status_code == 200


def test_of_racing_uses_of_a_code_one_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, codes, _ = with_app(world, monkeypatch)
    client = world.client()
    for answer in ({"code": app.code()}, {"recovery_code": codes[0]}):
        challenges = [challenged(world)["challenge"] for _ in range(4)]
        barrier = threading.Barrier(4)

        def race(challenge: str, answer: Any = answer, barrier: threading.Barrier = barrier) -> int:
            barrier.wait()
            return client.application.test_client().post(SECOND, json={"challenge": challenge, **answer}).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(race, challenges)) == [200, 401, 401, 401]


def test_guessing_is_bounded_by_challenge_and_by_user(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.with_settings(second_factor_failures=8)
    app, codes, _ = with_app(world, monkeypatch)
    challenge = challenged(world)["challenge"]
    for _ in range(5):
        assert second(world, challenge, code="000000").get_json()["code"] == "wrong_factor"
    assert second(world, challenge, code=app.code()).get_json()["code"] == "credentials", "start over"
    challenge = challenged(world)["challenge"]
    for _ in range(3):
        second(world, challenge, code="000000")
    throttled = second(world, challenge, code=app.code())
    assert (throttled.status_code, throttled.get_json()["code"]) == (429, "throttled")
    assert 1 <= int(throttled.headers["Retry-After"]) <= 3600
    assert second(world, challenge, recovery_code=codes[0]).status_code == 200, "the owner has another way"
    failed = world.owner.execute("SELECT count(*) FROM audit_events WHERE event = 'second_factor_failed'").fetchone()
    assert failed == (8,)


def test_challenge_is_short_lived_and_belongs_to_its_purpose(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, _ = with_app(world, monkeypatch)
    challenge = challenged(world)["challenge"]
    world.owner.execute("UPDATE challenges SET expires_at = now()")
    assert second(world, challenge, code=app.code()).status_code == 401
    challenge = challenged(world)["challenge"]
    world.owner.execute("UPDATE users SET is_active = false")
    assert second(world, challenge, code=app.code()).status_code == 401
    assert second(world, "x" * 32, code=app.code()).status_code == 401


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"code": "123456", "recovery_code": "x"},
        {"code": "12345"},
        {"code": "\uff11\uff12\uff13\uff14\uff15\uff16"},
        {"code": 123456},
        {"passkey": "x"},
        {"recovery_code": "x" * 65},
    ],
)
def test_answer_of_another_shape_is_invalid(world: World, monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    with_app(world, monkeypatch)
    assert second(world, challenged(world)["challenge"], **answer).status_code == 422


def test_recovery_code_serves_once_however_it_is_typed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, codes, token = with_app(world, monkeypatch)
    typed = codes[3].upper().replace("-", " ")
    assert second(world, challenged(world)["challenge"], recovery_code=typed).status_code == 200
    assert second(world, challenged(world)["challenge"], recovery_code=codes[3]).status_code == 401
    left = world.client().get(FACTORS, headers=bearer(token)).get_json()
    assert (left["totp"], left["recovery_codes_left"]) == (True, 9)
    new = world.client().post(f"{FACTORS}/recovery-codes", headers=bearer(token)).get_json()["recovery_codes"]
    assert second(world, challenged(world)["challenge"], recovery_code=codes[4]).status_code == 401
    assert second(world, challenged(world)["challenge"], recovery_code=new[4]).status_code == 200
    stored = world.owner.execute("SELECT code_sha256 FROM recovery_codes").fetchall()
    assert not any(code.encode() in bytes(row[0]) for row in stored for code in new)


def test_secret_is_stored_encrypted_and_bound_to_its_user(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, _ = with_app(world, monkeypatch)
    row = world.owner.execute("SELECT secret FROM totp_secrets").fetchone()
    assert row is not None
    assert app._totp.secret.encode() not in bytes(row[0])
    mallory = world.user("mallory")
    world.owner.execute(
        "INSERT INTO totp_secrets (user_id, secret, confirmed_at) SELECT %s, secret, now() FROM totp_secrets",
        (mallory.id,),
    )
    sealer = world.api_app.extensions["kinetoscope"].sealer
    with pytest.raises(totp.Unreadable):
        totp.take(world.owner, sealer, mallory.id, app.code())


def test_unconfirmed_app_is_not_asked_for(world: World) -> None:
    _, token = world.session(world.user("alice"))
    first = world.client().post(TOTP, headers=bearer(token)).get_json()
    again = world.client().post(TOTP, headers=bearer(token)).get_json()
    assert first["secret"] != again["secret"]
    assert again["uri"].startswith("otpauth://totp/Kinetoscope:alice?secret=")
    assert again["qr"] == qr.svg(again["uri"])
    wrong = world.client().post(f"{TOTP}/confirm", json={"code": "000000"}, headers=bearer(token))
    assert (wrong.status_code, wrong.get_json()["code"]) == (403, "wrong_factor")
    assert login(world).status_code == 200


def test_second_app_is_refused_and_removal_takes_the_codes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, codes, token = with_app(world, monkeypatch)
    refused = world.client().post(TOTP, headers=bearer(token))
    assert (refused.status_code, refused.get_json()["code"]) == (409, "factor_exists")
    assert world.client().delete(TOTP, headers=bearer(token)).status_code == 204
    assert world.client().delete(TOTP, headers=bearer(token)).status_code == 404
    assert login(world).status_code == 200
    assert world.owner.execute("SELECT count(*) FROM recovery_codes").fetchone() == (0,)
    assert codes


def test_what_changes_factors_asks_for_a_proof_of_just_now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, codes, token = with_app(world, monkeypatch)
    calls = [("DELETE", TOTP), ("POST", TOTP), ("POST", f"{FACTORS}/recovery-codes")]
    calls += [("POST", f"{FACTORS}/passkeys/options"), ("DELETE", f"{FACTORS}/passkeys/{'0' * 32}")]

    def aged() -> None:
        world.owner.execute("UPDATE sessions SET proved_at = now() - interval '11 minutes'")

    aged()
    for method, path in calls:
        refused = world.client().open(path, method=method, headers=bearer(token))
        assert (refused.status_code, refused.get_json()["code"]) == (403, "proof"), path
    for wrong in ({"password": "wrong password"}, {"code": "000000"}, {"recovery_code": "x"}):
        answer = world.client().post(PROOF, json=wrong, headers=bearer(token))
        assert (answer.status_code, answer.get_json()["code"]) == (403, "wrong_factor")
    assert world.client().post(PROOF, json={}, headers=bearer(token)).status_code == 422
    for good in ({"password": PASSWORD}, {"code": app.code()}, {"recovery_code": codes[0]}):
        aged()
        assert world.client().post(PROOF, json=good, headers=bearer(token)).status_code == 204
        gone = world.client().delete(f"{FACTORS}/passkeys/{'0' * 32}", headers=bearer(token))
        assert gone.status_code == 404


def test_admin_without_a_second_factor_is_a_user_where_it_is_required(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.with_settings(second_factor_required_for_admins=True)
    _, token = world.session(world.user("root", "admin"))
    refused = world.client().get("/api/v1/admin/streams", headers=bearer(token))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "second_factor_required")
    secret = world.client().post(TOTP, headers=bearer(token)).get_json()["secret"]
    app = App(secret, monkeypatch)
    assert world.client().post(f"{TOTP}/confirm", json={"code": app.code()}, headers=bearer(token)).status_code == 200
    assert world.client().get("/api/v1/admin/streams", headers=bearer(token)).status_code == 200
    _, other = world.session(world.user("ops", "admin"))
    assert world.client().get("/api/v1/admin/streams", headers=bearer(other)).status_code == 403
    _, bobs = world.session(world.user("bob"))
    plain = world.client().get("/api/v1/admin/streams", headers=bearer(bobs))
    assert plain.status_code == 403


def test_admin_helps_somebody_who_has_lost_everything(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, token = with_app(world, monkeypatch)
    alice = world.owner.execute("SELECT user_id FROM totp_secrets").fetchone()
    assert alice is not None
    path = f"/api/v1/admin/users/{alice[0].hex}/factors"
    assert world.client().delete(path, headers=bearer(token)).status_code == 403
    _, admin = world.session(world.user("root", "admin"))
    assert world.client().delete(path, headers=bearer(admin)).status_code == 204
    assert login(world).status_code == 200
    assert world.client().delete(path, headers=bearer(admin)).status_code == 404
    events = world.owner.execute("SELECT event FROM audit_events ORDER BY id").fetchall()
    assert ("second_factor_added",) in events
    assert ("second_factor_removed",) in events


def test_unknown_password_is_not_told_from_a_missing_factor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with_app(world, monkeypatch)
    wrong, unknown = login(world, password="wrong password"), login(world, "nobody", password="wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.get_json()["code"] == unknown.get_json()["code"] == "credentials"


def test_without_a_key_no_app_can_be_added(world: World) -> None:
    world.with_settings(second_factor_key=None)
    _, token = world.session(world.user("alice"))
    refused = world.client().post(TOTP, headers=bearer(token))
    assert (refused.status_code, refused.get_json()["code"]) == (409, "no_factor_key")


def test_end_of_a_session_between_the_steps_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    app, _, token = with_app(world, monkeypatch)
    challenge = challenged(world)["challenge"]
    alice = world.owner.execute("SELECT user_id FROM totp_secrets").fetchone()
    assert alice is not None
    sessions.end_all(world.owner, alice[0], "test")
    sessions.invalidate_user(world.redis_live.client(), alice[0])
    assert me(world, **bearer(token)).status_code == 401
    assert second(world, challenge, code=app.code()).status_code == 200


def test_the_document_says_what_a_code_looks_like(world: World) -> None:
    schemas = world.api_app.spec["components"]["schemas"]  # type: ignore[attr-defined]  # an APIFlask
    assert schemas["TotpIn"]["properties"]["code"]["pattern"] == "^[0-9]{6}$"

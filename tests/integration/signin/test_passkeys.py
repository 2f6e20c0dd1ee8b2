"""Passkeys, with an authenticator in software that can be made to lie."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from testbed.services.sign_in import SAME_SITE, cookies_of, login, me
from testbed.services.world import ORIGIN, World
from tests.authenticator import USER_PRESENT, Authenticator, encoded

KEYS = "/api/v1/users/me/factors/passkeys"
OPTIONS, SIGN_IN, SECOND = "/api/v1/auth/passkey/options", "/api/v1/auth/passkey", "/api/v1/auth/second-factor"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def begun(world: World, token: str) -> dict[str, Any]:
    answer = world.client().post(f"{KEYS}/options", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.get_json()
    return body


def add(world: World, token: str, passkey: Authenticator, name: str = "Phone") -> Any:
    ceremony = begun(world, token)
    body = {"challenge": ceremony["challenge"], "passkey": passkey.create(ceremony["options"]), "name": name}
    return world.client().post(KEYS, json=body, headers=bearer(token))


def with_passkey(world: World, username: str = "alice") -> tuple[Authenticator, str]:
    """A user's passkey and an access token."""
    _, token = world.session(world.user(username))
    passkey = Authenticator(ORIGIN)
    added = add(world, token, passkey)
    assert added.status_code == 201, added.text
    assert len(added.get_json()["recovery_codes"]) == 10
    return passkey, token


def sign_in(world: World, passkey: Authenticator, headers: dict[str, str] | None = None) -> Any:
    ceremony = world.client().post(OPTIONS).get_json()
    body = {"challenge": ceremony["challenge"], "passkey": passkey.get(ceremony["options"])}
    return world.client().post(SIGN_IN, json=body, headers=headers or {})


def test_passkey_signs_in_without_name_and_password(world: World) -> None:
    passkey, _ = with_passkey(world)
    answer = sign_in(world, passkey)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["user"]["username"] == "alice"
    assert me(world, **bearer(answer.get_json()["access_token"])).status_code == 200
    assert {"__Host-ks", "__Secure-kr"} <= cookies_of(sign_in(world, passkey, SAME_SITE)).keys()
    assert sign_in(world, passkey, {"Sec-Fetch-Site": "cross-site"}).status_code == 403
    factor = world.owner.execute("SELECT bool_and(second_factor) FROM sessions WHERE kind = 'browser'").fetchone()
    assert factor == (True,)


def test_passkey_is_the_second_step_after_a_password(world: World) -> None:
    passkey, _ = with_passkey(world)
    bobs, _ = with_passkey(world, "bob")
    problem = login(world).get_json()
    assert problem["methods"] == ["passkey", "recovery"]
    assert [one["id"] for one in problem["options"]["allowCredentials"]] == [encoded(passkey.credential_id)]
    wrong = {"challenge": problem["challenge"], "passkey": bobs.get(problem["options"])}
    assert world.client().post(SECOND, json=wrong).status_code == 401, "somebody else's passkey"
    right = {"challenge": problem["challenge"], "passkey": passkey.get(problem["options"])}
    assert world.client().post(SECOND, json=right).status_code == 200
    assert world.client().post(SECOND, json=right).status_code == 401, "twice"


def test_options_ask_for_a_discoverable_verified_credential_of_this_name(world: World) -> None:
    _, token = with_passkey(world)
    options = begun(world, token)["options"]
    assert options["rp"] == {"name": "Kinetoscope", "id": "box.test"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["attestation"] == "none"
    assert len(options["excludeCredentials"]) == 1
    ceremony = world.client().post(OPTIONS).get_json()
    assert ceremony["options"]["userVerification"] == "required"
    assert not ceremony["options"].get("allowCredentials")


SPOILT = {
    "another origin": {"origin": "https://evil.test"},
    "another name": {"rp_id": "evil.test"},
    "user not verified": {"flags": USER_PRESENT},
    "user not present": {"flags": 0},
}


@pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT.keys())
def test_spoilt_answer_is_refused(world: World, spoilt: dict[str, Any]) -> None:
    _, token = world.session(world.user("bob"))
    refused = add(world, token, Authenticator(**{"origin": ORIGIN, **spoilt}))
    assert (refused.status_code, refused.get_json()["code"]) == (403, "wrong_factor")
    passkey, _ = with_passkey(world)
    for name, value in spoilt.items():
        setattr(passkey, name, value)
    answer = sign_in(world, passkey)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "wrong_factor")


def test_another_key_a_copied_counter_and_another_user_are_refused(world: World) -> None:
    passkey, _ = with_passkey(world)
    assert sign_in(world, passkey).status_code == 200
    passkey.counter = 0
    assert sign_in(world, passkey).status_code == 401, "the counter went back: a copy"
    passkey.counter = 10
    handle, passkey.user_handle = passkey.user_handle, b"x" * 16
    assert sign_in(world, passkey).status_code == 401
    passkey.user_handle = handle
    key, passkey.key = passkey.key, ec.generate_private_key(ec.SECP256R1())
    assert sign_in(world, passkey).status_code == 401
    passkey.key = key
    assert sign_in(world, passkey).status_code == 200
    assert sign_in(world, Authenticator(ORIGIN)).status_code == 401, "never registered"


def test_challenge_serves_one_ceremony_of_its_kind_once(world: World) -> None:
    passkey, token = with_passkey(world)
    ceremony = world.client().post(OPTIONS).get_json()
    body = {"challenge": ceremony["challenge"], "passkey": passkey.get(ceremony["options"])}
    assert world.client().post(SIGN_IN, json=body).status_code == 200
    assert world.client().post(SIGN_IN, json=body).status_code == 401, "replayed"
    registration = begun(world, token)
    crossed = {"challenge": registration["challenge"], "passkey": passkey.get(ceremony["options"])}
    assert world.client().post(SIGN_IN, json=crossed).status_code == 401
    late = world.client().post(OPTIONS).get_json()
    world.owner.execute("UPDATE challenges SET expires_at = now()")
    body = {"challenge": late["challenge"], "passkey": passkey.get(late["options"])}
    assert world.client().post(SIGN_IN, json=body).status_code == 401


def test_registration_belongs_to_who_began_it(world: World) -> None:
    _, token = world.session(world.user("alice"))
    _, mallory = world.session(world.user("mallory"))
    ceremony = begun(world, token)
    body = {
        "challenge": ceremony["challenge"],
        "passkey": Authenticator(ORIGIN).create(ceremony["options"]),
        "name": "x",
    }
    assert world.client().post(KEYS, json=body, headers=bearer(mallory)).status_code == 403
    assert world.owner.execute("SELECT count(*) FROM passkeys").fetchone() == (0,)


def test_passkeys_are_listed_and_removed_one_by_one(world: World) -> None:
    passkey, token = with_passkey(world)
    other = Authenticator(ORIGIN)
    assert add(world, token, other, "Key ring").get_json()["recovery_codes"] == []
    assert add(world, token, other, "Again").status_code == 403, "it is there already"
    listed = world.client().get("/api/v1/users/me/factors", headers=bearer(token)).get_json()
    assert [one["name"] for one in listed["passkeys"]] == ["Phone", "Key ring"]
    _, mallory = world.session(world.user("mallory"))
    path = f"{KEYS}/{listed['passkeys'][0]['id']}"
    assert world.client().delete(path, headers=bearer(mallory)).status_code == 404
    assert world.client().delete(path, headers=bearer(token)).status_code == 204
    assert sign_in(world, passkey).status_code == 401
    assert sign_in(world, other).status_code == 200


def test_disabled_user_does_not_come_in_by_passkey(world: World) -> None:
    passkey, _ = with_passkey(world)
    world.owner.execute("UPDATE users SET is_active = false")
    assert sign_in(world, passkey).status_code == 401


@pytest.mark.parametrize("origin", ["https://192.0.2.1", "https://[2001:db8::1]:8443"])
def test_box_that_has_only_an_address_says_so(world: World, origin: str) -> None:
    world.with_settings(public_origins=(origin,))
    _, token = world.session(world.user("alice"))
    for path in (OPTIONS, f"{KEYS}/options"):
        refused = world.client().post(path, headers=bearer(token))
        assert (refused.status_code, refused.get_json()["code"]) == (409, "passkeys_need_a_name")


@pytest.mark.parametrize(
    "junk",
    [
        {},
        {"rawId": 7},
        {"rawId": "", "response": None},
        {"id": "x", "rawId": "x", "type": "public-key", "response": {}},
        {"id": "x", "rawId": "!!", "response": {"clientDataJSON": "e30", "authenticatorData": "", "signature": ""}},
        {"id": "A" * 5000, "rawId": "A" * 5000, "response": {"clientDataJSON": [1], "userHandle": {}}},
    ],
)
def test_junk_for_a_passkey_is_refused_not_a_fault(world: World, junk: dict[str, Any]) -> None:
    passkey, token = with_passkey(world)
    ceremony = world.client().post(OPTIONS).get_json()
    good = passkey.get(ceremony["options"])
    for body in (junk, good | {"response": junk}, good | {"response": good["response"] | {"authenticatorData": "oGE"}}):
        challenge = world.client().post(OPTIONS).get_json()["challenge"]
        answer = world.client().post(SIGN_IN, json={"challenge": challenge, "passkey": body})
        assert answer.status_code == 401, answer.text
        made = begun(world, token)
        answer = world.client().post(
            KEYS, json={"challenge": made["challenge"], "passkey": body, "name": "x"}, headers=bearer(token)
        )
        assert answer.status_code == 403, answer.text


def test_strangers_can_not_pile_up_challenges(world: World) -> None:
    for number in range(30):
        assert world.client().post(OPTIONS, headers={"X-Real-IP": f"2001:db8::{number:x}"}).status_code == 200
    world.client().post(OPTIONS, headers={"X-Real-IP": "192.0.2.77"})
    assert world.owner.execute("SELECT count(*) FROM challenges").fetchone() == (21,)

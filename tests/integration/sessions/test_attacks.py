"""What somebody does who wants another's session: forged tokens, planted cookies, pages of other sites."""

import time
from typing import Any

import jwt
import pytest
from flask import Flask

from authsvc.api.protocol import access
from testbed.services.sign_in import LOGOUT, REFRESH, SAME_SITE, cookie_header, cookies_of, login, me
from testbed.services.world import ORIGIN, PUBLIC_PEM, Asker, World, key_pair
from tests.unit.test_authsvc_tokens import HEADERS, claims, part, signed

CHANGES = ("POST", "PUT", "PATCH", "DELETE")
# They answer programs with tokens that a page of another site can't read; what they do with cookies is tested.
# The second has no address that a browser reaches: Nginx asks it about what came on port 80.
OPEN = {"devices.admit_device", "disclosed.close"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def changing(app: Flask) -> list[tuple[str, str, str]]:
    """Endpoint, method and path of every call that may change something."""
    found = []
    for rule in app.url_map.iter_rules():
        path = rule.rule
        for argument in rule.arguments:
            for converter in ("id:", ""):
                path = path.replace(f"<{converter}{argument}>", "0" * 32)
        if "<" not in path:
            found += [(rule.endpoint, method, path) for method in CHANGES if method in (rule.methods or ())]
    return found


def test_no_page_of_another_site_changes_anything(world: World) -> None:
    world.user("root", role="admin")
    cookie = cookie_header(login(world, "root", headers=SAME_SITE))
    calls = changing(world.api_app)
    assert len(calls) > 30
    for endpoint, method, path in calls:
        if endpoint in OPEN:
            continue
        for origin in (
            {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"},
            {"Sec-Fetch-Site": "same-site", "Origin": "https://other.box.test"},
            {"Sec-Fetch-Site": "none"},
            {"Origin": "https://evil.test"},
            {"Origin": "null"},
            {"Origin": f"{ORIGIN}.evil.test"},
        ):
            body = {"username": "root", "password": "x", "challenge": "x", "passkey": {}, "token": "x", "email": "a@b"}
            answer = world.client().open(path, method=method, headers=cookie | origin, json=body)
            said = (answer.status_code, answer.get_json().get("code"))
            if access.WHO_MAY[endpoint] is not access.ANYONE:
                assert said == (403, "cross_site"), (endpoint, origin, answer.text)
            else:
                assert not answer.headers.getlist("Set-Cookie"), (endpoint, origin)
                assert answer.status_code >= 400 or "access_token" not in answer.get_json(), (endpoint, origin)
    assert me(world, **cookie).status_code == 200, "still signed in"
    assert world.owner.execute("SELECT count(*) FROM sessions").fetchone() == (1,)


def forged(user: str, session: str) -> dict[str, str]:
    """Tokens that name a real session and are not ours."""
    good = {"sub": user, "sid": session}
    late, now = int(time.time()) + 7200, int(time.time())
    header = HEADERS | {"alg": "none"}
    own = HEADERS | {"kid": PUBLIC_PEM}
    tokens = {
        "no algorithm": f"{part(header)}.{part(claims(**good))}.",
        "no algorithm, some signature": f"{part(header)}.{part(claims(**good))}.AAAA",
        "another key": signed(claims(**good), pem=key_pair()[0]),
        "unknown kid": signed(claims(**good), headers=HEADERS | {"kid": "a2"}),
        "no kid": signed(claims(**good), headers={"typ": "at+jwt"}),
        "its own key": signed(claims(**good), headers=own),
        "expired": signed(claims(**good, iat=1, exp=now - 1)),
        "from the future": signed(claims(**good, iat=late, exp=late + 600)),
        "another issuer": signed(claims(**good, iss="x")),
        "another audience": signed(claims(**good, aud="x")),
        "a known device's": signed(claims(**good), headers=HEADERS | {"typ": "kd+jwt"}),
        "another user's name on it": signed(claims(sub="f" * 32, sid=session)),
    }
    return tokens | {f"without {name}": signed(claims(**good | {name: None})) for name in ("iss", "aud", "exp", "iat")}


def test_forged_token_opens_neither_the_interface_nor_a_door(world: World) -> None:
    alice, video = world.user("alice"), world.video()
    session_id, token = world.session(alice)
    asker = Asker(world.authz_app)
    assert me(world, **bearer(token)).status_code == 200
    assert asker.header(video, token).status_code == 204
    for kind, forgery in forged(alice.id.hex, session_id).items():
        for headers in (bearer(forgery), {"Cookie": f"__Host-ks={forgery}"}):
            assert me(world, **headers).status_code == 401, kind
        assert asker.header(video, forgery).status_code == 401, kind
        assert asker(video, cookie=f"__Host-ks={forgery}").status_code == 401, kind


def test_keys_rotate_without_signing_anybody_out(world: World) -> None:
    new_private, new_public = key_pair()
    alice, video = world.user("alice"), world.video()
    _, old = world.session(alice)
    both = {"a1": PUBLIC_PEM, "a2": new_public}
    world.with_settings(access_jwt_public=both, access_jwt_private=new_private, access_jwt_kid="a2")
    del world.api_settings
    body = login(world).get_json()
    assert jwt.get_unverified_header(body["access_token"])["kid"] == "a2"
    asker = Asker(world.authz_app)
    for token in (old, body["access_token"]):
        assert me(world, **bearer(token)).status_code == 200
        assert asker.header(video, token).status_code == 204
    # The old key's last tokens have expired: it goes.
    for cached in ("api_settings", "authz_settings", "api_app", "authz_app"):
        world.__dict__.pop(cached, None)
    world.with_settings(access_jwt_public={"a2": new_public})
    assert me(world, **bearer(old)).status_code == 401
    assert Asker(world.authz_app).header(video, old).status_code == 401
    assert me(world, **bearer(body["access_token"])).status_code == 200
    assert world.client().post(REFRESH, json={"refresh_token": body["refresh_token"]}).status_code == 200


def test_session_planted_before_sign_in_is_not_the_one_that_is_used(world: World) -> None:
    world.user("mallory")
    world.user("alice")
    planted = login(world, "mallory", headers=SAME_SITE)
    signed_in = login(world, "alice", headers=SAME_SITE | cookie_header(planted))
    assert signed_in.get_json()["session_id"] != planted.get_json()["session_id"]
    assert not set(cookies_of(planted).values()) & set(cookies_of(signed_in).values())
    assert me(world, **cookie_header(planted)).get_json()["username"] == "mallory", "hers alone, as before"
    assert me(world, **cookie_header(signed_in)).get_json()["username"] == "alice"


@pytest.mark.parametrize("order", [1, -1])
def test_second_cookie_of_the_same_name_is_refused_wherever_it_stands(world: World, order: int) -> None:
    world.user("mallory")
    world.user("alice")
    video = world.video()
    pairs = [cookie_header(login(world, name, headers=SAME_SITE))["Cookie"] for name in ("alice", "mallory")]
    tossed = {"Cookie": "; ".join(pairs[::order])}
    assert me(world, **tossed).status_code == 401
    assert Asker(world.authz_app)(video, cookie=tossed["Cookie"]).status_code == 401
    for path in (REFRESH, LOGOUT):
        assert world.client().post(path, headers=tossed | SAME_SITE).status_code == 401
    assert world.owner.execute("SELECT count(*) FROM sessions WHERE ended_at IS NULL").fetchone() == (2,)


@pytest.mark.parametrize(
    "end",
    [
        lambda world, session: world.client().post(LOGOUT, headers=bearer(session[1])),
        lambda world, session: world.client().delete("/api/v1/users/me/sessions", headers=bearer(session[2])),
        lambda world, session: login(world, replace=session[0]),
    ],
    ids=["signed out", "ended by the owner elsewhere", "replaced"],
)
def test_ended_session_is_refused_by_every_endpoint_and_both_doors(world: World, end: Any) -> None:
    alice, video = world.user("alice", role="admin"), world.video()
    session_id, token = world.session(alice)
    _, other = world.session(alice)
    grant = world.client().post(f"/api/v1/videos/{video}/playback", headers=bearer(token)).get_json()
    asker = Asker(world.authz_app)
    assert asker.header(video, token).status_code == 204
    assert asker.signed(video, grant["playback_id"]).status_code == 204
    assert end(world, (session_id, token, other)).status_code in {200, 204}
    asked = 0
    for rule in world.api_app.url_map.iter_rules():
        if access.WHO_MAY[rule.endpoint] is access.ANYONE or set(rule.arguments) - {"user_id", "session_id"}:
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<id:{argument}>", alice.id.hex)
        for method in (rule.methods or set()) - {"OPTIONS"}:
            answer = world.client().open(path, method=method, headers=bearer(token))
            assert answer.status_code == 401, (method, path)
            asked += 1
    assert asked > 20
    assert asker.header(video, token).status_code == 401
    assert asker.signed(video, grant["playback_id"]).headers["X-Deny"] == "session"

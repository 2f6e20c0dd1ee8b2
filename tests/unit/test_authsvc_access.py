"""Deny by default: an endpoint that the table does not name is refused, and every endpoint is named."""

from collections.abc import Iterator

import pytest
from flask import Flask

from authsvc import api
from authsvc.api.protocol import access
from authsvc.publishing.settings import UploadSettings
from authsvc.settings import ApiSettings
from testbed.services.world import PLAY_SECRET, PRIVATE_PEM, PUBLIC_PEM


@pytest.fixture(scope="module")
def app() -> Iterator[Flask]:
    """The interface with stores that are not there: it starts all the same."""
    made = api.create_app(
        ApiSettings(
            database_url="host=/nowhere",
            redis_live_url="unix:///nowhere/live",
            redis_cache_url="unix:///nowhere/cache",
            access_jwt_public={"a1": PUBLIC_PEM},
            play_keys={"current": "k1", "keys": {"k1": PLAY_SECRET}},
            access_jwt_private=PRIVATE_PEM,
            database_wait_seconds=0.1,
        ),
        UploadSettings(),
    )
    yield made
    made.extensions["kinetoscope.close"]()


def test_table_and_url_map_name_the_same_endpoints(app: Flask) -> None:
    assert {rule.endpoint for rule in app.url_map.iter_rules()} == set(access.WHO_MAY)


def test_every_role_in_the_table_is_known() -> None:
    assert set().union(*access.WHO_MAY.values()) == {"anyone", "admin", "user", "guest"}


def test_every_endpoint_but_the_named_few_wants_credentials(app: Flask) -> None:
    open_to_all = {endpoint for endpoint, who in access.WHO_MAY.items() if who is access.ANYONE}
    assert open_to_all == {
        "health.health", "health.ready", "openapi.spec", "auth.ways", "auth.login", "auth.refresh", "auth.logout",
        "registration.register", "registration.reset", "devices.admit_device",
        "auth.guest", "second_step.complete", "second_step.passkey_options", "second_step.by_passkey",
        "players.play", "players.title", "players.of_playlist", "players.whole_library",
        "disclosed.close",
    }  # fmt: skip
    asked = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint in open_to_all:
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<id:{argument}>", "0" * 32)
        for method in rule.methods or set():
            response = app.test_client().open(path, method=method)
            assert response.status_code == 401, (method, path, response.text)
            assert response.headers["WWW-Authenticate"] == "Bearer"
            asked += 1
    assert asked > 10


def test_endpoint_that_nobody_named_is_refused(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not access.may("admin", "videos.forgotten")
    monkeypatch.delitem(access.WHO_MAY, "health.health")
    assert app.test_client().get("/health").status_code == 401


def test_only_admins_reach_what_is_for_admins() -> None:
    for endpoint in ("admin.list_streams", "admin.stop_stream"):
        assert [role for role in ("admin", "user", "guest", "anyone", "") if access.may(role, endpoint)] == ["admin"]


def test_openapi_document_says_who_may_call(app: Flask) -> None:
    document = app.test_client().get("/api/openapi.json").get_json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert paths["/api/v1/admin/streams/{playback_id}"]["delete"]["x-roles"] == ["admin"]
    assert paths["/api/v1/videos"]["get"]["security"] == [{"bearer": []}, {"cookie": []}]
    assert paths["/api/v1/auth/login"]["post"]["security"] == [], "said, since the whole document asks for some"
    named = {rule.rule for rule in app.url_map.iter_rules() if rule.endpoint not in {"openapi.spec", "disclosed.close"}}
    assert len(paths) == len(named), "an endpoint is missing in the document"

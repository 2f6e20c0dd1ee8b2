"""Jobs as people see them: their own, or all for an admin; cancelled, and tried again."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from catalog import jobs
from testbed.services.viewer import Viewer
from testbed.services.world import World


@pytest.fixture
def admin(world: World) -> Viewer:
    return Viewer(world, "root", role="admin")


def queued(world: World, by: Viewer | None = None, video: str | None = None, **parameters: Any) -> str:
    return jobs.enqueue(
        world.owner, "pictures", video_id=UUID(video) if video else None, parameters=parameters,
        requested_by=UUID(by.user.id.hex) if by else None,
    ).hex  # fmt: skip


def run(world: World, job: str, progress: float = 0.25, seconds: float = 10) -> None:
    world.owner.execute(
        "UPDATE jobs SET state = 'running', run_id = gen_random_uuid(), attempts = 1, stage = 'encoding', speed = 2.5,"
        " progress = %s, heartbeat_at = now(), started_at = now() - make_interval(secs => %s) WHERE id = %s",
        (progress, seconds, job),
    )


def end(world: World, job: str, state: str = "failed") -> None:
    world.owner.execute(
        "UPDATE jobs SET state = %s, run_id = NULL, reason = 'It broke.', ended_at = now() WHERE id = %s", (state, job)
    )


def test_a_job_says_how_far_it_is_and_how_long_the_rest_takes(world: World, alice: Viewer) -> None:
    video = world.video("Metropolis")
    job = queued(world, alice, video)
    run(world, job)
    answer = alice.call("GET", f"/jobs/{job}").json
    assert answer["state"] == "running"
    assert (answer["stage"], answer["progress"], answer["speed"]) == ("encoding", 0.25, 2.5)
    assert answer["seconds_left"] == pytest.approx(30, abs=0.1)
    assert answer["video"] == {"id": video, "title": "Metropolis"}
    assert answer["requested_by"]["username"] == "alice"


def test_everybody_has_their_own_and_an_admin_all(world: World, alice: Viewer, bob: Viewer, admin: Viewer) -> None:
    mine, other = queued(world, alice), queued(world, bob, number=2)
    nobodys = queued(world, None, number=3)
    assert [job["id"] for job in alice.call("GET", "/jobs").json["items"]] == [mine]
    assert {job["id"] for job in admin.call("GET", "/jobs").json["items"]} == {mine, other, nobodys}
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        assert alice.call(method, f"/jobs/{other}{path}").status_code == 404
        assert alice.call(method, f"/jobs/{uuid4().hex}{path}").status_code == 404


def test_the_list_is_paged_and_filtered(world: World, admin: Viewer) -> None:
    made = [queued(world, None, number=number) for number in range(5)]
    end(world, made[1])
    first = admin.call("GET", "/jobs?limit=2").json
    second = admin.call("GET", f"/jobs?limit=2&cursor={first['next_cursor']}").json
    third = admin.call("GET", f"/jobs?limit=2&cursor={second['next_cursor']}").json
    pages = [job["id"] for page in (first, second, third) for job in page["items"]]
    assert pages == made[::-1]
    assert third["next_cursor"] is None
    assert [job["id"] for job in admin.call("GET", "/jobs?state=failed").json["items"]] == [made[1]]
    assert admin.call("GET", f"/jobs?state=failed&cursor={first['next_cursor']}").status_code == 422
    for wrong in ("state=lost", "limit=0", "limit=101", "cursor=x", "limit=a"):
        assert admin.call("GET", f"/jobs?{wrong}").status_code == 422, wrong


@pytest.mark.parametrize("is_running", [False, True])
def test_a_job_is_cancelled_once(world: World, alice: Viewer, *, is_running: bool) -> None:
    job = queued(world, alice)
    if is_running:
        run(world, job)
    assert alice.call("POST", f"/jobs/{job}/cancel").status_code == 204
    assert alice.call("GET", f"/jobs/{job}").json["state"] == "cancelled"
    again = alice.call("POST", f"/jobs/{job}/cancel")
    assert (again.status_code, again.json["code"]) == (409, "job_ended")


def test_what_failed_is_tried_again_as_somebodys_wish(world: World, alice: Viewer) -> None:
    job = queued(world, alice)
    waiting = alice.call("POST", f"/jobs/{job}/retry")
    assert (waiting.status_code, waiting.json["code"]) == (409, "job_open")
    end(world, job)
    tried = alice.call("POST", f"/jobs/{job}/retry")
    assert tried.status_code == 201
    assert (tried.json["state"], tried.json["urgency"], tried.json["attempts"]) == ("queued", "wanted", 0)
    assert tried.json["reason"] is None


def test_what_is_done_anew_already_is_not_done_twice(world: World, alice: Viewer) -> None:
    job = queued(world, alice)
    end(world, job)
    queued(world, alice)
    again = alice.call("POST", f"/jobs/{job}/retry")
    assert (again.status_code, again.json["code"]) == (409, "job_repeated")
    assert alice.call("GET", f"/jobs/{job}").json["state"] == "failed"


def making_of(viewer: Viewer, video: str) -> list[dict[str, Any]]:
    making: list[dict[str, Any]] = viewer.call("GET", f"/videos/{video}").json["making"]
    return making


def test_a_job_of_an_upload_names_its_file(world: World, alice: Viewer) -> None:
    row = world.owner.execute(
        "INSERT INTO uploads (id, user_id, name, size_bytes, part_size_bytes, library_root, expires_at)"
        " VALUES (gen_random_uuid(), %s, 'Metropolis.mkv', 10, 10, '/library', now() + interval '1 day') RETURNING id",
        (alice.user.id,),
    ).fetchone()
    assert row is not None
    job = jobs.enqueue(
        world.owner, "upload", parameters={"upload": row[0].hex, "step": "append"}, requested_by=UUID(alice.user.id.hex)
    ).hex
    assert alice.call("GET", f"/jobs/{job}").json["upload"] == {"id": row[0].hex, "name": "Metropolis.mkv"}


def test_a_title_says_what_is_made_of_it(world: World, alice: Viewer, bob: Viewer) -> None:
    video = world.video()
    assert alice.call("GET", f"/videos/{video}").json["making"] == []
    done, job = queued(world, bob, video, other=True), queued(world, bob, video)
    end(world, done, "done")
    run(world, job)
    answer = alice.call("GET", f"/videos/{video}")
    (making,) = answer.json["making"]
    assert (making["id"], making["kind"], making["progress"]) == (job, "pictures", 0.25)
    assert "requested_by" not in making
    # What failed is told, until it is tried anew.
    end(world, job)
    assert [(one["state"], one["reason"]) for one in making_of(alice, video)] == [("failed", "It broke.")]
    again = queued(world, bob, video)
    assert [(one["id"], one["state"]) for one in making_of(alice, video)] == [(again, "queued")]
    job = again
    run(world, job, progress=0.25)
    # Kept pages must not keep this.
    run(world, job, progress=0.5)
    assert alice.call("GET", f"/videos/{video}").json["making"][0]["progress"] == 0.5


def test_guests_and_televisions_have_no_jobs(world: World, alice: Viewer) -> None:
    assert world.client().get("/api/v1/jobs").status_code == 401
    guest = world.client().post("/api/v1/auth/guest", headers={"X-Real-IP": "192.0.2.9"}).get_json()["access_token"]
    _, device = world.session(alice.user, kind="device")
    for token in (guest, device):
        answer = world.client().get("/api/v1/jobs", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 403, token


def order(world: World) -> list[str]:
    """In which workers begin what is queued."""
    rows = world.owner.execute(
        "SELECT id FROM jobs WHERE state = 'queued'"
        " ORDER BY array_position(ARRAY['wanted', 'upload', 'backlog'], urgency), turn, created_at"
    ).fetchall()
    return [row[0].hex for row in rows]


def test_an_admin_puts_a_job_first_or_last(world: World, alice: Viewer, admin: Viewer) -> None:
    first, second, third = (queued(world, alice, number=number) for number in range(3))
    wanted = queued(world, alice, number=3)
    end(world, wanted)
    admin.call("POST", f"/jobs/{wanted}/retry")
    assert order(world) == [wanted, first, second, third]
    moved = admin.call("PATCH", f"/jobs/{third}", {"place": "first"})
    assert (moved.status_code, moved.json["id"], moved.json["urgency"]) == (200, third, "wanted")
    assert order(world) == [third, wanted, first, second]
    assert admin.call("PATCH", f"/jobs/{second}", {"place": "first"}).status_code == 200
    assert order(world) == [second, third, wanted, first]
    assert admin.call("PATCH", f"/jobs/{third}", {"place": "last"}).json["urgency"] == "backlog"
    assert order(world) == [second, wanted, first, third]
    run(world, second)
    begun = admin.call("PATCH", f"/jobs/{second}", {"place": "last"})
    assert (begun.status_code, begun.json["code"]) == (409, "job_not_queued")
    assert admin.call("PATCH", f"/jobs/{uuid4().hex}", {"place": "last"}).status_code == 404
    for wrong in ({}, {"place": "middle"}, {"place": "first", "state": "done"}):
        assert admin.call("PATCH", f"/jobs/{first}", wrong).status_code == 422, wrong


def test_nobody_else_puts_a_job_first(world: World, alice: Viewer) -> None:
    queued(world, alice, number=1)
    mine = queued(world, alice, number=2)
    assert alice.call("PATCH", f"/jobs/{mine}", {"place": "first"}).status_code == 403
    assert order(world)[1] == mine

"""Ratings: everybody's own, with the average in the title; not of what one may not see."""

import uuid
from typing import Any

import pytest

from testbed.services.viewer import Viewer
from testbed.services.world import World


def rate(viewer: Viewer, video: str, rating: Any) -> Any:
    return viewer.call("PUT", f"/videos/{video}/rating", {"rating": rating})


def test_average_and_count_are_in_the_title(world: World) -> None:
    alice, bob = Viewer(world, "alice"), Viewer(world, "bob")
    video, other = world.video(), world.video()
    assert rate(alice, video, 2).get_json() == {"rating_average": 2, "rating_count": 1, "my_rating": 2}
    rate(alice, video, 5)
    rate(bob, video, 4)
    for path in (f"/videos/{video}", "/videos"):
        shown = alice.call("GET", path).get_json()
        shown = shown if "id" in shown else next(item for item in shown["items"] if item["id"] == video)
        assert (shown["rating_average"], shown["rating_count"], shown["my_rating"]) == (4.5, 2, 5)
    assert bob.call("GET", f"/videos/{video}").get_json()["my_rating"] == 4
    assert bob.call("GET", f"/videos/{other}").get_json()["rating_count"] == 0
    for _ in range(2):
        withdrawn = alice.call("DELETE", f"/videos/{video}/rating").get_json()
        assert withdrawn == {"rating_average": 4, "rating_count": 1, "my_rating": None}


@pytest.mark.parametrize("rating", [0, 6, -1, 2.5, "3", None, True, [3], 10**30])
def test_what_is_no_rating_is_422(world: World, rating: Any) -> None:
    alice = Viewer(world, "alice")
    assert rate(alice, world.video(), rating).status_code == 422
    assert world.owner.execute("SELECT count(*) FROM ratings").fetchone() == (0,)


def test_hidden_titles_and_guests_rate_nothing(world: World) -> None:
    alice, ghost = Viewer(world, "alice"), Viewer(world, "ghost", role="guest")
    hidden = world.video(visibility="named")
    for video in (hidden, uuid.uuid4().hex):
        assert rate(alice, video, 3).status_code == 404
        assert alice.call("DELETE", f"/videos/{video}/rating").status_code == 404
    assert rate(ghost, world.video(visibility="public"), 3).status_code == 403
    assert world.owner.execute("SELECT count(*) FROM ratings").fetchone() == (0,)

"""One table of sessions that are alive or not; SQL, Python and Lua say the same of each case."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from authsvc.sessions import alive
from authsvc.stores.live import script_text
from testbed.services.world import Asker, World

IDLE_SECONDS = 1800


@dataclass(frozen=True)
class Case:
    """A session in seconds from now: when it expires, when it was last used; and what to say of it."""

    said: str | None  # why it is over; None for alive
    expires: int = 3600
    seen: int = -10
    kind: str = "program"
    ended: bool = False
    disabled: bool = False


CASES = {
    "just used": Case(None),
    "never far from its end": Case(None, expires=30),
    "almost idle": Case(None, seen=30 - IDLE_SECONDS),
    "a device that rests": Case(None, kind="device", seen=-90 * 86400, expires=90 * 86400),
    "used in the future, after the clock was set back": Case(None, seen=300),
    "expired": Case("expired", expires=-1),
    "idle": Case("idle", seen=-IDLE_SECONDS - 1),
    "expired and idle": Case("expired", expires=-1, seen=-IDLE_SECONDS - 1),
    "a device that expired": Case("expired", kind="device", expires=-1),
    "a browser that rests": Case("idle", kind="browser", seen=-IDLE_SECONDS - 1),
    "ended": Case("ended", ended=True),
    "ended and expired": Case("ended", ended=True, expires=-1),
    "of a disabled user": Case("disabled", disabled=True),
}
BY_TIME = {name: case for name, case in CASES.items() if not (case.ended or case.disabled)}


def settled(world: World, case: Case) -> tuple[str, str]:
    """Make a session of the case; its id and an access token. Redis knows nothing of it yet."""
    user = world.user("alice")
    session_id, token = world.session(user, kind=case.kind)
    world.owner.execute("ALTER TABLE sessions DROP CONSTRAINT sessions_expire_after_start")
    try:
        world.owner.execute(
            """
            UPDATE sessions SET expires_at = now() + make_interval(secs => %(expires)s),
                   last_seen_at = now() + make_interval(secs => %(seen)s),
                   created_at = least(created_at, now() + make_interval(secs => %(expires)s - 60)),
                   ended_at = CASE WHEN %(ended)s THEN now() END,
                   end_reason = CASE WHEN %(ended)s THEN 'logout' END
             WHERE id = %(id)s
            """,
            {"expires": case.expires, "seen": case.seen, "ended": case.ended, "id": session_id},
        )
    finally:
        world.owner.execute(
            "ALTER TABLE sessions ADD CONSTRAINT sessions_expire_after_start CHECK (expires_at > created_at)"
        )
    if case.disabled:
        world.owner.execute("UPDATE users SET is_active = false WHERE id = %s", (user.id,))
    return session_id, token


@pytest.mark.parametrize("name", CASES)
def test_sql(world: World, name: str) -> None:
    case = CASES[name]
    settled(world, case)
    row = world.owner.execute(
        f"""
        SELECT {alive.ALIVE} AND NOT {alive.IDLE}, {alive.OVER}, {alive.WHY_OVER}
          FROM sessions s JOIN users u ON u.id = s.user_id
        """,
        {"idle": IDLE_SECONDS},
    ).fetchone()
    assert row is not None
    lives, over, why = row
    assert lives == (case.said is None)
    assert (why if over else None) == (case.said if name in BY_TIME else None)


@pytest.mark.parametrize("name", BY_TIME)
def test_python(name: str) -> None:
    case, now = BY_TIME[name], datetime.now(UTC)
    rest = 0 if case.kind in alive.RESTING_KINDS else IDLE_SECONDS
    expires, seen = (now + timedelta(seconds=seconds) for seconds in (case.expires, case.seen))
    assert alive.over(expires, seen, rest, now) == case.said


@pytest.mark.parametrize("name", BY_TIME)
def test_lua(world: World, name: str) -> None:
    case, now = BY_TIME[name], 1_000_000_000_000
    rest = 0 if case.kind in alive.RESTING_KINDS else IDLE_SECONDS
    # `over` is a function of common.lua, which stands before every script.
    text = script_text("ticket").rpartition("return")[0]
    said = world.redis_live.client().eval(
        f"{text} return over(ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])) or false",
        0, now + case.expires * 1000, now + case.seen * 1000, rest * 1000, now,
    )  # fmt: skip
    assert (said.decode() if said else None) == case.said


@pytest.mark.parametrize("name", CASES)
def test_the_interface(world: World, name: str) -> None:
    """With Redis, then by PostgreSQL alone."""
    case = CASES[name]
    _, token = settled(world, case)
    expected = 200 if case.said is None else 401

    def asked() -> Any:
        return world.client().get("/api/v1/users/me", headers={"Authorization": f"Bearer {token}"}).status_code

    assert asked() == expected
    world.redis_live.client().flushall()
    world.redis_live.stop()
    try:
        assert asked() == expected
    finally:
        world.redis_live.start()


@pytest.mark.parametrize("name", CASES)
def test_the_header_door(world: World, name: str) -> None:
    case = CASES[name]
    video = world.video()
    _, token = settled(world, case)
    answer = Asker(world.authz_app)(video, authorization=f"Bearer {token}")
    assert answer.status_code == (204 if case.said is None else 401)

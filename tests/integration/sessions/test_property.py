"""Whatever happens in whatever order, and at once: no more live sessions than the policy, one live refresh token in a
family, and no session alive after its end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from authsvc.sessions.tokens import opaque_digest
from testbed.services.sign_in import LOGIN, LOGOUT, ME, REFRESH
from testbed.services.world import PASSWORD, Asker, World

MOST = 3
PLENTY = 1_000_000


@dataclass
class Family:
    """What the model believes of one session: its tokens, oldest first, and whether it lives."""

    session_id: str
    access: list[str]
    refresh: list[str]
    lives: bool = True
    # The token that the newest was given for: it may be sent again while nobody has used the newest.
    exchanged: str | None = None


class Sessions(RuleBasedStateMachine):
    """One user with many devices, some of them a thief's."""

    families = Bundle("families")

    def __init__(self, world: World) -> None:
        super().__init__()
        world.owner.execute("TRUNCATE users CASCADE")
        world.redis_live.client().flushall()
        world.redis_cache.client().flushall()
        self.world, self.app = world, world.api_app
        self.user = world.user("alice")
        self.video = world.video()
        self.asker = Asker(world.authz_app)
        # In the order of their sign-in.
        self.known: list[Family] = []

    # -- calls --

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.app.test_client(use_cookies=False).post(path, json=body)

    def sign_in(self) -> Any:
        return self.post(LOGIN, {"username": "alice", "password": PASSWORD})

    def alive(self) -> set[str]:
        rows = self.world.owner.execute("SELECT id FROM sessions WHERE ended_at IS NULL").fetchall()
        return {row[0].hex for row in rows}

    def added(self, body: dict[str, Any]) -> Family:
        family = Family(body["session_id"], [body["access_token"]], [body["refresh_token"]])
        self.known.append(family)
        return family

    def learn_which_lives(self, family: Family) -> None:
        """After a race: which of the family's tokens is the live one, and what it was given for."""
        row = self.world.owner.execute(
            "SELECT token_sha256, follows FROM refresh_tokens WHERE session_id = %s AND used_at IS NULL",
            (family.session_id,),
        ).fetchone()
        if row is not None:
            by_digest = {opaque_digest(token): token for token in family.refresh}
            family.refresh.sort(key=lambda token: token == by_digest[row[0]])
            family.exchanged = by_digest.get(row[1])

    # -- one thing after another: the model says what comes of it --

    @rule(target=families)
    def login(self) -> Any:
        answer = self.sign_in()
        assert answer.status_code == 200, answer.text
        family = self.added(answer.get_json())
        live = [one for one in self.known if one.lives]
        for evicted in live[:-MOST]:
            evicted.lives = False
        return family

    @rule(family=families, which=st.integers(0, 3))
    def refresh(self, family: Family, which: int) -> None:
        """By the newest token, or by an older one, as a thief would."""
        place = max(len(family.refresh) - 1 - which, 0)
        token = family.refresh[place]
        answer = self.post(REFRESH, {"refresh_token": token})
        if family.lives and token in (family.refresh[-1], family.exchanged):
            assert answer.status_code == 200, answer.text
            assert answer.get_json()["session_id"] == family.session_id
            family.exchanged = token
            family.access.append(answer.get_json()["access_token"])
            family.refresh.append(answer.get_json()["refresh_token"])
        else:
            assert answer.status_code == 401
            family.lives = False

    @rule(family=families)
    def logout(self, family: Family) -> None:
        headers = {"Authorization": f"Bearer {family.access[-1]}"}
        answer = self.app.test_client(use_cookies=False).post(LOGOUT, headers=headers)
        assert answer.status_code == (204 if family.lives else 401)
        family.lives = False

    @rule()
    def wipe_redis(self) -> None:
        self.world.redis_live.client().flushall()

    # -- several at once: PostgreSQL says what came of it, and the invariants hold --

    @rule(
        doing=st.lists(st.sampled_from(["login", "refresh", "reuse", "logout"]), min_size=2, max_size=4),
        first=st.integers(0, 9),
    )
    def race(self, doing: list[str], first: int) -> None:
        before = self.alive()
        calls: list[Callable[[], Any]] = []
        for number, what in enumerate(doing):
            family = self.known[(first + number // 2) % len(self.known)] if self.known else None
            if what == "login" or family is None:
                calls.append(self.sign_in)
            elif what == "logout":
                calls.append(lambda one=family: self.post(LOGOUT, {"refresh_token": one.refresh[-1]}))  # type: ignore[misc]
            else:
                token = family.refresh[-1 if what == "refresh" else 0]
                calls.append(lambda token=token: self.post(REFRESH, {"refresh_token": token}))  # type: ignore[misc]
        with ThreadPoolExecutor(len(calls)) as pool:
            answers = [future.result() for future in [pool.submit(call) for call in calls]]
        assert {answer.status_code for answer in answers} <= {200, 204, 401}, [answer.text for answer in answers]
        for answer in answers:
            if answer.status_code != 200:
                continue
            body = answer.get_json()
            family = next((one for one in self.known if one.session_id == body["session_id"]), None)
            if family is None:
                self.added(body)
            else:
                family.access.append(body["access_token"])
                family.refresh.append(body["refresh_token"])
        for family in self.known:
            self.learn_which_lives(family)
        after = self.alive()
        for family in self.known:
            assert family.session_id not in after or family.lives, "a session came back from its end"
            family.lives = family.session_id in after
        order = self.world.owner.execute("SELECT id FROM sessions ORDER BY created_at, id").fetchall()
        place = {row[0].hex: number for number, row in enumerate(order)}
        self.known.sort(key=lambda family: place[family.session_id])
        assert before - after <= {family.session_id for family in self.known if not family.lives}

    # -- what always holds --

    @invariant()
    def no_more_live_sessions_than_the_policy(self) -> None:
        assert self.alive() == {family.session_id for family in self.known if family.lives}
        assert len(self.alive()) <= MOST

    @invariant()
    def one_live_refresh_token_in_a_family(self) -> None:
        row = self.world.owner.execute(
            "SELECT count(*) FROM refresh_tokens WHERE used_at IS NULL GROUP BY session_id HAVING count(*) > 1"
        ).fetchone()
        assert row is None

    @invariant()
    def tokens_open_exactly_the_living(self) -> None:
        for family in self.known[-6:]:
            headers = {"Authorization": f"Bearer {family.access[0]}"}
            answer = self.app.test_client(use_cookies=False).get(ME, headers=headers)
            assert answer.status_code == (200 if family.lives else 401), family
            decided = self.asker.header(self.video, family.access[-1], method="HEAD")
            assert decided.status_code == (204 if family.lives else 401), family


def test_no_interleaving_breaks_the_rules_of_sessions(world: World) -> None:
    world.with_settings(
        login_calls_per_minute=PLENTY, general_calls_per_minute=PLENTY, streaming_calls_per_minute=PLENTY,
        hashes_at_once=8, hashes_waiting=8, hash_wait_seconds=60,
    )  # fmt: skip
    run_state_machine_as_test(
        lambda: Sessions(world),
        settings=settings(
            max_examples=12,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )

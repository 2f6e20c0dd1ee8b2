"""How fast lists, search and one title are in a large library: `python -m bench.library [--titles N] [--seconds N]`.

A scratch PostgreSQL and Redis, 100,000 generated titles in several scripts, the interface under gunicorn as its unit
runs it, asked over its socket with a new connection for each call, as Nginx does. Calls leave at a fixed rate whether
or not the earlier ones have been answered (an open loop), so a slow answer makes no pause. Prints the 50th and 99th
percentile of each kind in milliseconds, beside the promise of 25; with --plans what PostgreSQL does for each search.
"""

import argparse
import contextlib
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import psycopg

from authsvc import accounts, library, sessions
from authsvc.cursors import encode
from authsvc.sessions import Identity
from tests.integration import postgres
from tests.integration.authsvc_world import House, World
from tests.integration.postgres import PostgresServer
from tests.integration.redis_server import RedisServer
from tests.integration.test_authsvc_gunicorn import Service

PROMISED_MS = 25
RATE = 50
# What roles/postgres sets on a host of 4 GiB.
AS_ON_A_BOX = {
    "shared_buffers": "512MB", "work_mem": "8MB", "random_page_cost": "1.1", "effective_io_concurrency": "200",
}  # fmt: skip
# A user's quota of calls would else end the run.
USERS = 20
WORDS = [
    "night", "river", "silent", "mountain", "golden", "shadow", "winter", "garden", "broken", "mirror", "ocean",
    "letter", "stranger", "station", "summer", "iron", "paper", "hidden", "crystal", "thunder", "velvet", "empire",
    "orchard", "lantern", "horizon", "castle", "desert", "island", "whisper", "machine",
]  # fmt: skip
FILL = """
INSERT INTO videos (library_root, path, size_bytes, mtime_ns, filename, title, status, container, duration_seconds,
                    fingerprint, pictured_at, video_codec, audio_codec, height, width, bitrate, fps, tags, description,
                    visibility, added_at, popularity)
SELECT '/library', convert_to(format('%%s/%%s.mp4', n / 100, n), 'UTF8'), 1, 1, format('%%s.%%s.mp4', t.title, n),
       CASE WHEN n %% 50 = 0 THEN t.title || ' 東京物語 ' || n WHEN n %% 50 = 1 THEN t.title || ' قصة المدينة ' || n
            ELSE t.title || ' ' || n END,
       'ready', 'mp4', 60 + n %% 7000, sha256(n::text::bytea), now(),
       (ARRAY['h264', 'hevc', 'av1'])[1 + n %% 3], 'aac', (ARRAY[480, 720, 1080, 2160])[1 + n %% 4], 1280, 4000000, 25,
       ARRAY['tag' || n %% 40], 'About ' || t.title || ' and what came after', CASE WHEN n %% 20 = 0 THEN 'named'
       WHEN n %% 10 = 0 THEN 'public' ELSE 'members' END, now() - n * interval '1 minute',
       CASE WHEN n %% 30 = 0 THEN n / 1000.0 ELSE 0 END
  FROM generate_series(1, %(titles)s) n,
       LATERAL (SELECT string_agg(w, ' ') AS title FROM (
           SELECT (%(words)s::text[])[1 + abs(hashint4(n * 7 + i)) %% %(count)s] AS w
             FROM generate_series(1, 2 + n %% 3) i) x) t
"""


def filled(world: World, titles: int) -> list[str]:
    """The ids of the titles, newest first."""
    began = time.perf_counter()
    world.owner.execute(FILL, {"titles": titles, "words": WORDS, "count": len(WORDS)})
    world.owner.execute(
        "INSERT INTO published_files SELECT id, name, 'video/mp4', 1"
        " FROM videos, unnest(ARRAY['source.mp4', 'poster.jpg']) AS name"
    )
    world.owner.execute(
        "INSERT INTO tracks (video_id, position, kind, codec) SELECT id, n, 'audio', 'aac' FROM videos,"
        " generate_series(0, 1) n"
    )
    for table in ("videos", "published_files", "tracks"):
        world.owner.execute(f"VACUUM ANALYZE {table}")  # table: one of the three above
    print(f"{titles:,} titles filled in {time.perf_counter() - began:.0f} s")
    return [row[0].hex for row in world.owner.execute("SELECT id FROM videos ORDER BY added_at DESC")]


class Calls:
    """What is asked, by kind."""

    def __init__(self, world: World, ids: list[str]) -> None:
        self.ids = ids
        middle = world.owner.execute(
            "SELECT added_at, title_folded, id FROM videos ORDER BY added_at DESC OFFSET %s LIMIT 1", (len(ids) // 2,)
        ).fetchone()
        if middle is None:
            raise RuntimeError("there are no titles")
        self._deep = {
            "added": encode("added", middle[0].isoformat(), middle[2].hex),
            "title": encode("title", middle[1], middle[2].hex),
        }

    def draw(self) -> tuple[str, str]:
        """A kind and a path, at random."""
        word, other = random.sample(WORDS, 2)
        at = random.randrange(1, len(word) - 1)
        kinds: dict[str, dict[str, str] | str] = {
            "list, newest": {},
            "list, deep": {"sort": "added", "cursor": self._deep["added"]},
            "list, by title, deep": {"sort": "title", "cursor": self._deep["title"]},
            "list, popular": {"sort": "popular"},
            "list, filtered": {"codec": "hevc", "min_height": "1080", "tag": f"tag{random.randrange(40)}"},
            "list, broken": {"status": "broken"},
            "list, short range": {"min_duration": "900", "max_duration": "905", "sort": "popular"},
            "list, folder": {"folder": str(random.randrange(len(self.ids) // 100))},
            "search, common word": {"q": word},
            "search, two words": {"q": f"{word} {other}"},
            "search, prefix": {"q": word[:3]},
            "search, number": {"q": str(random.randrange(len(self.ids)))},
            "search, ideographs": {"q": "東京物語"},
            "search, by title": {"q": word, "sort": "title"},
            "search, typing error": {"q": word[:at] + word[at + 1] + word[at] + word[at + 2 :]},
            "search, wrong letter": {"q": word[:at] + "x" + word[at + 1 :]},
            "search, nothing": {"q": "xyzzyqq"},
            "info": f"/videos/{random.choice(self.ids)}",
            "status": "/status",
        }
        # One title is asked for as often as all lists or all searches.
        kind = random.choice([*kinds, *["info"] * 5])
        query = kinds[kind]
        path = query if isinstance(query, str) else f"/videos?{urlencode({'limit': '48'} | query)}"
        return kind, f"/api/v1{path}"


def load(service: Service, calls: Calls, tokens: list[str], seconds: float) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    took: dict[str, list[float]] = defaultdict(list)
    lock = threading.Lock()

    def call(kind: str, path: str, token: str, due: float) -> None:
        response, _ = service.get(path, {"Authorization": f"Bearer {token}"})
        milliseconds = (time.perf_counter() - due) * 1000
        if response.status not in (200, 404):
            raise RuntimeError(f"{path}: {response.status}")
        with lock:
            took[kind].append(milliseconds)

    with ThreadPoolExecutor(64) as pool:
        began = time.perf_counter()
        pending = []
        for n in range(round(RATE * seconds)):
            due = began + n / RATE
            time.sleep(max(0.0, due - time.perf_counter()))
            pending.append(pool.submit(call, *calls.draw(), tokens[n % len(tokens)], due))
        for each in pending:
            each.result()
    return took


def show_plans(world: World, identity: Identity) -> None:
    """What PostgreSQL does for each kind of search, and for the counts."""
    # Only its superuser may load what tells.
    with psycopg.connect(world.database.url_for(postgres.USER), autocommit=True) as connection:
        connection.execute("LOAD 'auto_explain'")
        for name, value in (("log_min_duration", "0"), ("log_analyze", "on"), ("log_buffers", "on")):
            connection.execute(f"SET auto_explain.{name} = {value}")
        connection.execute("SET client_min_messages = log")
        connection.add_notice_handler(lambda said: print(said.message_primary))
        for query in (WORDS[0], f"{WORDS[0]} {WORDS[1]}", "nihgt", "東京物語", "xyzzyqq"):
            library.page(connection, identity, sort="added", limit=48, query=query)
        library.counts(connection, identity)


@contextlib.contextmanager
def a_world() -> Iterator[World]:
    """A house of one's own."""
    with (
        PostgresServer.started(**AS_ON_A_BOX) as server,
        RedisServer.started("live") as live,
        RedisServer.started("cache") as cache,
    ):
        server.prepare_template()
        with House.opened(server) as house, World(house, live, cache) as world:
            yield world


def row(kind: str, took: list[float]) -> str:
    """One line of the table."""
    cuts = statistics.quantiles(took, n=100, method="inclusive") if len(took) > 1 else took * 99
    over = "" if cuts[98] <= PROMISED_MS else "  over"
    return f"| {kind:24} | {len(took):5} | {cuts[49]:6.1f} | {cuts[98]:6.1f}{over} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--titles", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--plans", action="store_true")
    wanted = parser.parse_args()
    with a_world() as world, tempfile.TemporaryDirectory() as folder:
        ids = filled(world, wanted.titles)
        users: list[accounts.User] = [world.user(f"user{n}") for n in range(USERS)]
        started = [sessions.Identity(user.id.hex, world.session(user)[0], "user", "program") for user in users]
        tokens = [world.token(user, who.session_id) for user, who in zip(users, started, strict=True)]
        if wanted.plans:
            show_plans(world, started[0])
        service = Service(world, "api", Path(folder))
        try:
            calls = Calls(world, ids)
            load(service, calls, tokens, 5)  # caches and connections
            took = load(service, calls, tokens, wanted.seconds)
        finally:
            service.stop()
    print(f"\n{RATE} calls a second for {wanted.seconds:g} s; milliseconds; promised p99: {PROMISED_MS}\n")
    print("| kind | calls | p50 | p99 |\n|---|---|---|---|")
    for kind in sorted(took):
        print(row(kind, took[kind]))
    for group in ("list", "search", "info"):
        print(
            row(f"all {group}", [value for kind, values in took.items() if kind.startswith(group) for value in values])
        )


if __name__ == "__main__":
    main()

"""How fast lists, search and one title are in a large library.

    python -m bench.library [--titles N] [--seconds N | --quick]

100,000 generated titles in several scripts. Calls leave at a fixed rate whether or not the earlier ones have been
answered (an open loop), so a slow answer makes no pause. Prints the 50th and 99th percentile of each kind in
milliseconds, beside the promise of 25.

The library stands on scratch servers, and the interface is asked over its socket, as Nginx does; with --plans what
PostgreSQL does for each search is told too. With --box it stands in the box of KINETOSCOPE_ACCESS, which is asked from
outside and is full of titles afterwards: take one that is nobody's, and remove it then.
"""

import argparse
import random
import statistics
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import psycopg

from authsvc.library import titles as library
from authsvc.library.cursors import encode
from bench import needs
from bench.places import Box, Place, Scratch, scratch
from testbed.servers import postgres

PROMISED_MS = 25
RATE = 50
WARM_SECONDS = 5
# Of --quick, which says nothing of speed and has to work on a machine that does much else.
QUICK_RATE, QUICK_SECONDS, QUICK_TITLES = 5, 2, 500
WORDS = [
    "night", "river", "silent", "mountain", "golden", "shadow", "winter", "garden", "broken", "mirror", "ocean",
    "letter", "stranger", "station", "summer", "iron", "paper", "hidden", "crystal", "thunder", "velvet", "empire",
    "orchard", "lantern", "horizon", "castle", "desert", "island", "whisper", "machine",
]  # fmt: skip
FILL = """
INSERT INTO videos (library_root, path, size_bytes, mtime_ns, filename, title, status, container, duration_seconds,
                    fingerprint, pictured_at, video_codec, audio_codec, height, width, bitrate, fps, tags, description,
                    visibility, added_at, popularity)
SELECT '/library', convert_to(format('%s/%s.mp4', n / 100, n), 'UTF8'), 1, 1, format('%s.%s.mp4', t.title, n),
       CASE WHEN n % 50 = 0 THEN t.title || ' 東京物語 ' || n WHEN n % 50 = 1 THEN t.title || ' قصة المدينة ' || n
            ELSE t.title || ' ' || n END,
       'ready', 'mp4', 60 + n % 7000, sha256(n::text::bytea), now(),
       (ARRAY['h264', 'hevc', 'av1'])[1 + n % 3], 'aac', (ARRAY[480, 720, 1080, 2160])[1 + n % 4], 1280, 4000000, 25,
       ARRAY['tag' || n % 40], 'About ' || t.title || ' and what came after', CASE WHEN n % 20 = 0 THEN 'named'
       WHEN n % 10 = 0 THEN 'public' ELSE 'members' END, now() - n * interval '1 minute',
       CASE WHEN n % 30 = 0 THEN n / 1000.0 ELSE 0 END
  FROM generate_series(1, {titles}) n,
       LATERAL (SELECT string_agg(w, ' ') AS title FROM (
           SELECT ('{words}'::text[])[1 + abs(hashint4(n * 7 + i)) % {count}] AS w
             FROM generate_series(1, 2 + n % 3) i) x) t
"""


def filled(place: Place, titles: int) -> list[str]:
    """The ids of the titles, newest first."""
    began = time.perf_counter()
    place.rows(FILL.format(titles=titles, words=f"{{{','.join(WORDS)}}}", count=len(WORDS)))
    place.rows(
        "INSERT INTO published_files SELECT id, name, 'video/mp4', 1"
        " FROM videos, unnest(ARRAY['source.mp4', 'poster.jpg']) AS name ON CONFLICT DO NOTHING"
    )
    place.rows(
        "INSERT INTO tracks (video_id, position, kind, codec) SELECT id, n, 'audio', 'aac' FROM videos,"
        " generate_series(0, 1) n ON CONFLICT DO NOTHING"
    )
    for table in ("videos", "published_files", "tracks"):
        place.rows(f"VACUUM ANALYZE {table}")
    print(f"{titles:,} titles filled in {time.perf_counter() - began:.0f} s")
    return [row[0] for row in place.rows("SELECT replace(id::text, '-', '') FROM videos ORDER BY added_at DESC")]


class Calls:
    """What is asked, by kind."""

    def __init__(self, place: Place, ids: list[str]) -> None:
        self.ids = ids
        middle = ids[len(ids) // 2]
        ((added, title),) = place.rows(
            f"SELECT to_json(added_at) #>> '{{}}', title_folded FROM videos WHERE id = '{middle}'"
        )
        self._deep = {"added": encode("added", added, middle), "title": encode("title", title, middle)}

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


def load(place: Place, calls: Calls, seconds: float, rate: int) -> dict[str, list[float]]:
    """Milliseconds by kind."""
    took: dict[str, list[float]] = defaultdict(list)
    lock = threading.Lock()

    def call(kind: str, path: str, token: str, due: float) -> None:
        status = place.get(path, token)
        milliseconds = (time.perf_counter() - due) * 1000
        if status not in (200, 404):
            raise RuntimeError(f"{path}: {status}")
        with lock:
            took[kind].append(milliseconds)

    with ThreadPoolExecutor(64) as pool:
        began = time.perf_counter()
        pending = []
        for n in range(round(rate * seconds)):
            due = began + n / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            pending.append(pool.submit(call, *calls.draw(), place.tokens[n % len(place.tokens)], due))
        for each in pending:
            each.result()
    return took


def measured(place: Place, titles: int, seconds: float, rate: int) -> dict[str, list[float]]:
    """Milliseconds by kind, after the caches and connections are warm."""
    calls = Calls(place, filled(place, titles))
    load(place, calls, min(WARM_SECONDS, seconds), rate)
    return load(place, calls, seconds, rate)


def show_plans(place: Scratch) -> None:
    """What PostgreSQL does for each kind of search, and for the counts."""
    # Only its superuser may load what tells.
    with psycopg.connect(place.world.database.url_for(postgres.USER), autocommit=True) as connection:
        connection.execute("LOAD 'auto_explain'")
        for name, value in (("log_min_duration", "0"), ("log_analyze", "on"), ("log_buffers", "on")):
            connection.execute(f"SET auto_explain.{name} = {value}")
        connection.execute("SET client_min_messages = log")
        connection.add_notice_handler(lambda said: print(said.message_primary))
        for query in (WORDS[0], f"{WORDS[0]} {WORDS[1]}", "nihgt", "東京物語", "xyzzyqq"):
            library.page(connection, place.people[0], sort="added", limit=48, query=query)
        library.counts(connection, place.people[0])


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
    parser.add_argument("--box", action="store_true")
    parser.add_argument("--quick", action="store_true", help=needs.QUICK)
    wanted = parser.parse_args()
    rate = QUICK_RATE if wanted.quick else RATE
    if wanted.quick:
        wanted.titles, wanted.seconds = QUICK_TITLES, QUICK_SECONDS
    needs.install(*needs.STORES, "openssh-client")
    if wanted.box:
        took = measured(Box(needs.box()), wanted.titles, wanted.seconds, rate)
    else:
        with scratch() as place:
            took = measured(place, wanted.titles, wanted.seconds, rate)
            if wanted.plans:
                show_plans(place)
    print(f"\n{rate} calls a second for {wanted.seconds:g} s; milliseconds; promised p99: {PROMISED_MS}\n")
    print("| kind | calls | p50 | p99 |\n|---|---|---|---|")
    for kind in sorted(took):
        print(row(kind, took[kind]))
    for group in ("list", "search", "info"):
        # A short run may have no call of a kind: calls are drawn by chance.
        if values := [value for kind, each in took.items() if kind.startswith(group) for value in each]:
            print(row(f"all {group}", values))


if __name__ == "__main__":
    main()

"""What a list of titles is narrowed by: words that people type, and filters.

1. A text is folded as the titles are (the database's `folded`): no accents, no case. What is left of it are words.
2. A title matches when every word, or a word that it begins, is in its title, file name, description or tags; or when
   the title contains the text as it is.
3. Only when no title does, typing errors are forgiven: two letters that changed places, or one that is wrong, missing
   or too much (trigrams of the title). A list keeps to the way in which its first page was found.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, LiteralString

from psycopg import Connection

Way = Literal["exact", "near"]

# Beyond that many words a search is a paste by mistake.
_MOST_WORDS = 10
# Shorter ones have too many neighbours.
_SHORTEST_SWAPPED, _LONGEST_SWAPPED = 4, 24
# How much of a word's trigrams a title has to have for one wrong letter; PostgreSQL's default wants it nearer.
_SIMILARITY = "0.45"
_FOLD: LiteralString = """
SELECT folded(%(text)s),
       ARRAY(SELECT btrim(spaced(word)) FROM regexp_split_to_table(folded(%(text)s), '[^[:alnum:]]+') word
              WHERE word <> '' LIMIT %(most)s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Each narrows the list; None does not. Heights in lines, durations in seconds."""

    codec: str | None = None
    container: str | None = None
    status: str | None = None
    tag: str | None = None
    folder: str | None = None
    min_height: int | None = None
    max_height: int | None = None
    min_duration: float | None = None
    max_duration: float | None = None
    min_year: int | None = None
    max_year: int | None = None

    def scope(self, query: str | None, way: Way) -> str:
        """What a cursor is bound to besides the order; empty for the whole library."""
        wanted = {name: value for name, value in asdict(self).items() if value is not None}
        if query:
            wanted |= {"q": query, "way": way}
        if not wanted:
            return ""
        return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]


_CONDITIONS: dict[str, LiteralString] = {
    "codec": "(v.video_codec = %(codec)s OR v.audio_codec = %(codec)s)",
    "container": "v.container = %(container)s",
    "status": "v.status = %(status)s",
    "tag": "v.tags @> ARRAY[%(tag)s]",
    # All paths that begin with the folder and a slash: `0` is the byte after it.
    "folder": (
        "(substring(v.path FROM 1 FOR 512) >= %(folder_from)s AND substring(v.path FROM 1 FOR 512) < %(folder_to)s)"
    ),
    "min_height": "v.height >= %(min_height)s",
    "max_height": "v.height <= %(max_height)s",
    "min_duration": "v.duration_seconds >= %(min_duration)s",
    "max_duration": "v.duration_seconds <= %(max_duration)s",
    "min_year": "v.year >= %(min_year)s",
    "max_year": "v.year <= %(max_year)s",
}


def filtered(filters: Filters) -> tuple[list[LiteralString], dict[str, Any]]:
    """The conditions of the filters and their parameters."""
    values = {name: value for name, value in asdict(filters).items() if value is not None}
    conditions = [_CONDITIONS[name] for name in values]
    if folder := values.get("folder"):
        below = str(folder).strip("/").encode()[:510]
        values |= {"folder_from": below + b"/", "folder_to": below + b"0"}
    return conditions, values


def matching(connection: Connection[Any], query: str) -> tuple[dict[Way, LiteralString], dict[str, Any]]:
    """The condition of each way to search, and their parameters."""
    row = connection.execute(_FOLD, {"text": query, "most": _MOST_WORDS}).fetchone()
    text, words = (row[0], row[1]) if row else ("", [])
    values: dict[str, Any] = {"pattern": "%" + re.sub(r"([\\%_])", r"\\\1", text.strip()) + "%"}
    exact: list[LiteralString] = []
    near: list[LiteralString] = []
    for n, word in enumerate(words):
        # Letters, digits and spaces only, in quotes: nothing of tsquery's own syntax gets through. With spaces in it
        # (scripts without them between words) it is a phrase.
        values |= {f"word_{n}": word, f"prefix_{n}": _prefix(word), f"near_{n}": " | ".join(map(_prefix, _near(word)))}
        exact.append(_NAMED.format(n=n))
        near.append(_NEARLY.format(n=n))
    if not words:
        # Nothing but signs.
        return {"exact": _CONTAINS, "near": "false"}, values
    every_word, every_word_nearly = " AND ".join(exact), " AND ".join(near)
    # Trigrams find three letters and more; fewer are prefixes of words, or would mean to look at every title.
    contains = _CONTAINS if len(text.strip()) >= 3 else "false"
    if len(text) >= 4:
        connection.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", (_SIMILARITY,))
    return {"exact": f"({contains} OR ({every_word}))", "near": f"({every_word_nearly})"}, values


_CONTAINS: LiteralString = "v.title_folded LIKE %(pattern)s"
_NAMED: LiteralString = "v.search @@ to_tsquery('simple', %(prefix_{n})s)"
_NEARLY: LiteralString = "(v.search @@ to_tsquery('simple', %(near_{n})s) OR %(word_{n})s <%% v.title_folded)"


def _prefix(word: str) -> str:
    return f"'{word}':*"


def _near(word: str) -> list[str]:
    """The word, and the words from which it comes when two neighbours change places."""
    if not (_SHORTEST_SWAPPED <= len(word) <= _LONGEST_SWAPPED and word.isalnum()):
        return [word]
    swapped = (word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1))
    return list(dict.fromkeys([word, *swapped]))

"""What a list of titles is narrowed by: words that people type, and filters.

1. A text is folded as the titles are (the database's `folded`): no accents, no case. What is left of it are words.
2. A title matches when every word, or a word that it begins, is in its title, file name, description or tags; or when
   the title contains the text as it is.
3. Only when no title does, typing errors are forgiven: two letters that changed places, or one that is wrong, missing
   or too much. The words of the library that are likest are searched instead. A list keeps to the way in which its
   first page was found.
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
_SHORTEST_WRONG, _LONGEST_WRONG = 4, 24
_TRIGRAM = 3
# How much of its trigrams a word of five letters shares with itself when the second is wrong.
_SIMILARITY = "0.3"
# Candidates of the trigrams; of them, those with so few errors are taken: one, in a long word two.
_MOST_NEAR = 30
_LONG_WORD = 8
_CONTAINS: LiteralString = "v.title_folded LIKE %(pattern)s"
_NAMED: LiteralString = "v.search @@ to_tsquery('simple', %(query)s)"
# Words of the library that somebody may have meant: with two letters in their right places first, then the likest.
_KNOWN_WORDS: LiteralString = """
SELECT word FROM search_terms WHERE word = ANY(%(swapped)s) OR %(word)s <% word
 ORDER BY word = ANY(%(swapped)s) DESC, word_similarity(%(word)s, word) DESC, word LIMIT %(most)s
""".replace("<%", "<%%")
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
    # As videos_by_duration has it, so that a narrow range is found there.
    "min_duration": ("coalesce(v.duration_seconds, 'Infinity') >= %(min_duration)s AND v.duration_seconds IS NOT NULL"),
    "max_duration": "coalesce(v.duration_seconds, 'Infinity') <= %(max_duration)s",
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


def matching(connection: Connection[Any], query: str) -> tuple[LiteralString, dict[str, Any]]:
    """The condition of an exact search and its parameters, among them the `words`."""
    row = connection.execute(_FOLD, {"text": query, "most": _MOST_WORDS}).fetchone()
    text, words = (row[0].strip(), row[1]) if row else ("", [])
    values: dict[str, Any] = {"pattern": "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%", "words": words}
    if not words:
        # Nothing but signs.
        return _CONTAINS, values
    values["query"] = " & ".join(map(_prefix, words))
    # Trigrams find three letters and more; fewer are prefixes of words, or would mean to look at every title.
    return (f"({_CONTAINS} OR {_NAMED})" if len(text) >= _TRIGRAM else _NAMED), values


def nearly(connection: Connection[Any], values: dict[str, Any]) -> LiteralString:
    """The condition that forgives typing errors, for what `matching` answered; its parameter joins `values`."""
    connection.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", (_SIMILARITY,))
    parts = []
    for word in values["words"]:
        swapped = _swapped(word)
        known = connection.execute(_KNOWN_WORDS, {"word": word, "swapped": swapped, "most": _MOST_NEAR}).fetchall()
        errors = 2 if len(word) >= _LONG_WORD else 1
        meant = [near for (near,) in known if _errors(word, near) <= errors]
        parts.append("(" + " | ".join(map(_prefix, dict.fromkeys([word, *meant]))) + ")")
    values["query"] = " & ".join(parts)
    return _NAMED if parts else "false"


def _prefix(word: str) -> str:
    """Letters, digits and spaces only, in quotes: nothing of tsquery's own syntax gets through. With spaces in it
    (scripts without them between words) it is a phrase."""
    return f"'{word}':*"


def _errors(typed: str, known: str) -> int:
    """Letters that are wrong, missing, too many or swapped with the next, between what was typed and the nearest
    beginning of a known word (optimal string alignment; Damerau, 1964)."""
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, letter in enumerate(typed, 1):
        new = [i]
        for j, other in enumerate(known, 1):
            cost = min(row[j] + 1, new[j - 1] + 1, row[j - 1] + (letter != other))
            if before and j > 1 and letter == known[j - 2] and typed[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            new.append(cost)
        before, row = row, new
    return min(row)


def _swapped(word: str) -> list[str]:
    """What the word may have been before two neighbours changed places."""
    if not (_SHORTEST_WRONG <= len(word) <= _LONGEST_WRONG and word.isalnum()):
        return []
    return [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]

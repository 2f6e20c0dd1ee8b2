"""What a list of titles is narrowed by: words that people type, and filters.

1. A text is folded as the titles are (the database's `folded`): no accents, no case. What is left of it are words.
2. A title matches when every word, or a word that it begins, is in its title, file name, description or tags; or when
   the title contains the text as it is. Words that are typed apart match one that is written joined, if the library has
   it (`spider man`: Spiderman); the other way round the titles' own words are joined over their signs (Spider-Man).
3. The index is asked for whole words: those of the library that begin with what was typed, and those inside which the
   text begins, because of titles that contain it. Where these are too many, it is asked for beginnings of words, and
   the trigrams of the titles for the text.
4. Only when no title matches, typing errors are forgiven: two letters that changed places, or one that is wrong,
   missing or too much. The words of the library that are likest are searched instead, and what was typed joined is
   taken apart (`starwars`: Star Wars). A list keeps to the way in which its first page was found.
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
# Words of the library that one typed word stands for; of more, the index is asked for what they have in common.
_MOST_BEGUN = 64
_CONTAINS: LiteralString = "v.title_folded LIKE %(pattern)s"
# Subqueries, so that a search is read once for all titles, and planned alike however many a word has.
_NAMED: LiteralString = "v.search @@ (SELECT to_tsquery('simple', %(query)s))"
_NAMED_OR_CONTAINS: LiteralString = f"({_CONTAINS} OR {_NAMED})"
_NAMED_OR_CONTAINS_WIDER: LiteralString = (
    f"(v.search @@ (SELECT to_tsquery('simple', %(wider)s)) AND {_NAMED_OR_CONTAINS})"
)
# The words of the library that begin with `token`: no letter comes after the last one of Unicode.
_BEGUN: LiteralString = """
ARRAY(SELECT k.word FROM search_terms k WHERE k.word >= token AND k.word < token || chr(1114111)
       ORDER BY k.word LIMIT %(most_begun)s)
"""
# Words of the library that somebody may have meant: with two letters in their right places first, then the likest.
_KNOWN_WORDS: LiteralString = f"""
SELECT token, {_BEGUN} FROM (
    SELECT word AS token FROM search_terms WHERE is_guess AND (word = ANY(%(swapped)s) OR %(word)s <% word)
     ORDER BY word = ANY(%(swapped)s) DESC, word_similarity(%(word)s, word) DESC, word LIMIT %(most)s) near
""".replace("<%", "<%%")
# What was typed as one word and may be two: the first a word of the library, the second one that begins so.
_APART: LiteralString = f"""
SELECT known.word, token, {_BEGUN} FROM (
    SELECT k.word, substr(%(word)s, n + 1) AS token FROM generate_series(2, char_length(%(word)s) - 2) AS n
      JOIN search_terms k ON k.word = left(%(word)s, n)) known
"""
# The text, and for each of its words the tokens that titles have for it (several where their script writes no spaces)
# and the words of the library that begin with the last. With the first word come those that end with its first token,
# or hold it if there is nothing else: a title that contains the text where none of its words begins has one of them.
# With each word but the last come the words that begin with it and the next one, joined; with the first, those that
# begin with all of them.
_FOLD: LiteralString = f"""
WITH folded AS MATERIALIZED (SELECT btrim(folded(%(text)s)) AS text),
typed AS MATERIALIZED (
    SELECT n, word, regexp_split_to_array(btrim(spaced(word)), ' +') AS tokens
      FROM folded, regexp_split_to_table(text, '[^[:alnum:]]+') WITH ORDINALITY AS words (word, n)
     WHERE word <> '' ORDER BY n LIMIT %(most)s)
SELECT text, tokens, (SELECT {_BEGUN} FROM (SELECT tokens[cardinality(tokens)] AS token) AS last_one),
       CASE WHEN n > (SELECT min(n) FROM typed) OR spaced(tokens[1]) <> tokens[1] THEN '{{}}'
            WHEN char_length(tokens[1]) >= %(trigram)s THEN
           ARRAY(SELECT k.word FROM search_terms k
                  WHERE k.word LIKE '%%_' || tokens[1] || CASE WHEN tokens[1] = text THEN '%%' ELSE '' END
                  LIMIT %(most_begun)s) END,
       (SELECT {_BEGUN} FROM (SELECT string_agg(t.word, '' ORDER BY t.n) AS token FROM typed t
                               WHERE t.n BETWEEN typed.n AND typed.n + 1) pair WHERE n < (SELECT max(n) FROM typed)),
       (SELECT {_BEGUN} FROM (SELECT string_agg(t.word, '' ORDER BY t.n) AS token FROM typed t) whole
         WHERE n = (SELECT min(n) FROM typed) AND n + 1 < (SELECT max(n) FROM typed))
  FROM folded LEFT JOIN typed ON true ORDER BY n
"""


@dataclass(frozen=True, slots=True)
class Search:
    """The condition of a search with its parameters, and each of the typed words as the text search is asked for it."""

    condition: LiteralString
    values: dict[str, Any]
    words: dict[str, str]
    # Is it for a single word that the library knows? Only such a one may stand in every tenth title.
    is_for_a_word: bool = False


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


def matching(connection: Connection[Any], query: str) -> Search:
    """The search for what was typed as it is."""
    rows = connection.execute(
        _FOLD, {"text": query, "most": _MOST_WORDS, "most_begun": _MOST_BEGUN, "trigram": _TRIGRAM}
    ).fetchall()
    text, tokens, begun, inside, *_ = rows[0]
    values: dict[str, Any] = {"pattern": "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"}
    if not tokens:
        # Nothing but signs.
        return Search(_CONTAINS, values, {})
    words = {" ".join(row[1]): _phrase(row[1], row[2]) for row in rows}
    joined = _joined([*words.values()], [row[4] for row in rows], rows[0][5])
    values["query"] = " | ".join([" & ".join(words.values()), *joined])
    is_for_a_word = len(rows) == len(tokens) == 1 and bool(begun or inside)
    if len(text) < _TRIGRAM:
        # Trigrams find three letters and more; fewer are beginnings of words, or would mean to look at every title.
        return Search(_NAMED, values, words, is_for_a_word)
    if text != " ".join("".join(row[1]) for row in rows) or inside is None or len(inside) == _MOST_BEGUN:
        # Signs in the text, or too many words that it could begin inside of.
        return Search(_NAMED_OR_CONTAINS, values, words, is_for_a_word)
    if not inside:
        return Search(_NAMED, values, words, is_for_a_word)
    first, *others = words.values()
    if len(tokens) > 1:
        first = f"({_any([tokens[0], *inside])} <-> {_phrase(tokens[1:], begun)})"
    else:
        first = f"({first} | {_any(inside)})"
    values["wider"] = " | ".join([" & ".join([first, *others]), *joined])
    return Search(_NAMED_OR_CONTAINS_WIDER, values, words, is_for_a_word)


def nearly(connection: Connection[Any], exact: Search) -> Search | None:
    """The search that forgives typing errors, for what `matching` answered; None where nothing else can be meant."""
    connection.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", (_SIMILARITY,))
    meant: dict[str, list[str]] = {}
    for word in exact.words:
        values = {"word": word, "swapped": _swapped(word), "most": _MOST_NEAR, "most_begun": _MOST_BEGUN}
        known = connection.execute(_KNOWN_WORDS, values).fetchall()
        errors = 2 if len(word) >= _LONG_WORD else 1
        meant[word] = [_phrase([near], begun) for near, begun in known if _errors(word, near) <= errors]
        apart = connection.execute(_APART, values).fetchall() if word.isalnum() else []
        meant[word] += [_phrase([first, second], begun) for first, second, begun in apart if begun]
    if not any(meant.values()):
        return None
    parts = [f"({' | '.join([phrase, *meant[word]])})" for word, phrase in exact.words.items()]
    return Search(_NAMED, exact.values | {"query": " & ".join(parts)}, exact.words, len(parts) == 1)


def _joined(words: list[str], pairs: list[list[str] | None], whole: list[str] | None) -> list[str]:
    """The query once for each pair of neighbours that the library has as one word, with that word in their place."""
    if len(words) != len(pairs):
        # The same word twice.
        return []
    alternatives = [" & ".join([*words[:at], _any(pair), *words[at + 2 :]]) for at, pair in enumerate(pairs) if pair]
    return [*alternatives, _any(whole)] if whole else alternatives


def _phrase(tokens: list[str], begun: list[str]) -> str:
    """One token after the other, of which the last stands for the words that it begins."""
    # Without any, PostgreSQL may still take the token apart as it took the titles apart.
    last = _any(begun) if 0 < len(begun) < _MOST_BEGUN else f"{_quoted(tokens[-1])}:*"
    return f"({' <-> '.join([*map(_quoted, tokens[:-1]), last])})"


def _any(words: list[str]) -> str:
    return f"({' | '.join(map(_quoted, dict.fromkeys(words)))})"


def _quoted(word: str) -> str:
    """As it is, whatever is in it: nothing of tsquery's own syntax gets through."""
    doubled = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{doubled}'"


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

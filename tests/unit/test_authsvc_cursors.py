"""Cursors: what was given out comes back the same, and nothing else is taken."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authsvc.library.cursors import InvalidCursor, decode, encode

VIDEO = "d" * 32


def raw(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=100))
def test_any_title_comes_back(title: str) -> None:
    assert decode(encode("title", title, VIDEO), "title") == (title, VIDEO)


@given(st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_duration_comes_back(duration: float | None) -> None:
    assert decode(encode("duration", duration, VIDEO), "duration") == (duration, VIDEO)


def test_moment_comes_back() -> None:
    moment = datetime.now(UTC).isoformat()
    assert decode(encode("added", moment, VIDEO), "added") == (moment, VIDEO)


NOW = datetime.now(UTC).isoformat()
FORGED: dict[str, Any] = {
    "empty": "",
    "not base64": "!!!",
    "not JSON": base64.urlsafe_b64encode(b"{").decode(),
    "not UTF-8": base64.urlsafe_b64encode(b'["added","\xff","x"]').decode(),
    "an object": raw({}),
    "too few": raw(["added", NOW]),
    "of another list": raw(["title", "x", VIDEO]),
    "no moment": raw(["added", "yesterday", VIDEO]),
    "a moment without zone": raw(["added", "2026-01-01T00:00:00", VIDEO]),
    "a number for a moment": raw(["added", 7, VIDEO]),
    "SQL for an id": raw(["added", NOW, "' OR 1=1 --"]),
    "id in capitals": raw(["added", NOW, VIDEO.upper()]),
    "id with a newline": raw(["added", NOW, VIDEO + "\n"]),
    "id is null": raw(["added", NOW, None]),
    "nested a thousand deep": base64.urlsafe_b64encode(b"[" * 1500).decode(),
    "longer than any": raw(["added", NOW, VIDEO, "x" * 4000]),
}


@pytest.mark.parametrize("cursor", FORGED.values(), ids=FORGED.keys())
def test_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode(cursor, "added")


@pytest.mark.parametrize("key", [True, "7", [7], float("inf"), float("nan"), 10**400])
def test_forged_duration_is_refused(key: object) -> None:
    with pytest.raises(InvalidCursor):
        decode(raw(["duration", key, VIDEO]), "duration")


def test_moment_of_another_form_comes_back_as_postgresql_reads_it() -> None:
    assert decode(raw(["added", "2026-W01-1T00:00:00+01:00", VIDEO]), "added")[0] == "2025-12-28T23:00:00+00:00"


@pytest.mark.parametrize("key", [None, 7, "a\0b", "\ud800"])
def test_forged_title_is_refused(key: object) -> None:
    with pytest.raises(InvalidCursor):
        decode(raw(["title", key, VIDEO]), "title")


@given(st.text(max_size=60))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    try:
        decode(text, "added")
    except InvalidCursor:
        return
    pytest.fail(f"{text!r} was taken")

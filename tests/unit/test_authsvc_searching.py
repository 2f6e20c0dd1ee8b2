"""How many typing errors lie between what was typed and a word."""

import pytest

from authsvc.library.search import Filters, _errors


@pytest.mark.parametrize(
    ("typed", "known", "errors"),
    [
        ("night", "night", 0), ("nihgt", "night", 1), ("nxght", "night", 1), ("nght", "night", 1),
        ("niight", "night", 1),
        ("nig", "night", 0), ("metrp", "metropolis", 1), ("thgin", "night", 4), ("", "night", 0), ("night", "", 5),
    ],
)  # fmt: skip
def test_errors_up_to_the_nearest_beginning(typed: str, known: str, errors: int) -> None:
    assert _errors(typed, known) == errors


def test_scope_of_a_cursor_is_the_search_and_the_filters() -> None:
    scopes = [
        Filters().scope(None, "exact"), Filters(tag="a").scope(None, "exact"), Filters(tag="b").scope(None, "exact"),
        Filters().scope("a", "exact"), Filters().scope("a", "near"), Filters(tag="a").scope("a", "exact"),
    ]  # fmt: skip
    assert scopes[0] == ""
    assert len(set(scopes)) == len(scopes)

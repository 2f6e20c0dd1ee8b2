"""Which of a title's subtitles a viewer's language means."""

import pytest

from authsvc.watching.preferences import subtitle
from catalog.contract.words import TEXT_SUBTITLES
from media.subtitles import MADE_OF

NAMES = ["source.mkv", "sub-de-forced.vtt", "sub-de-sdh.vtt", "sub-en-2.vtt", "sub-en-10.vtt", "sub-en.ass",
         "sub-fr-forced.vtt", "sub-pt.vtt", "sub-fil.vtt", "storyboard.vtt"]  # fmt: skip


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "sub-en-2.vtt"),
        ("en-GB", "sub-en-2.vtt"),
        ("de", "sub-de-sdh.vtt"),
        ("fr", None),
        ("pt-BR", "sub-pt.vtt"),
        ("fil", "sub-fil.vtt"),
        ("sv", None),
        (None, None),
    ],
)
def test_plain_subtitles_come_first_and_forced_ones_are_none(language: str | None, name: str | None) -> None:
    assert subtitle(NAMES, language) == name
    assert subtitle([*NAMES, "sub-en.vtt"], "en") == "sub-en.vtt"


def test_the_codecs_that_are_told_as_text_are_those_that_are_taken_out() -> None:
    assert set(MADE_OF) == set(TEXT_SUBTITLES)

"""Which subtitle file belongs to which film, what its name says, and what its bytes mean."""

import pytest

from media.charsets import decoded
from media.sidecars import Described, by_stem, described, digest


def test_a_sidecar_belongs_to_the_film_with_the_longest_name() -> None:
    names = [b"Film.srt", b"Film.en.srt", b"Film.en.forced.ASS", b"Filmed.srt", b"Film.jpg", b"Film.nfo", b"other.vtt"]
    assert by_stem(names, {b"Film", b"Film.en"}) == {
        b"Film": [b"Film.srt"],
        b"Film.en": [b"Film.en.forced.ASS", b"Film.en.srt"],
    }
    assert by_stem([b"Film" + b".x" * 50 + b".srt"], {b"Film"}) == {}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (b"Film.srt", Described()),
        (b"Film.en.srt", Described("en")),
        (b"Film.eng.forced.srt", Described("en", is_forced=True)),
        (b"Film.forced.de.srt", Described("de", is_forced=True)),
        (b"Film.de.sdh.default.srt", Described("de", is_default=True, is_hearing_impaired=True)),
        (b"Film.hi.srt", Described("hi")),
        (b"Film.en.hi.srt", Described("en", is_hearing_impaired=True)),
        (b"Film.zh-Hans.srt", Described("zh", "zh-Hans")),
        (b"Film.German.srt", Described("de")),
        (b"Film.en.Director's cut.srt", Described("en", "Director's cut")),
        (b"Film.x\xff\n\x1b.srt", Described("und", "x\N{REPLACEMENT CHARACTER}")),
    ],
)
def test_a_name_says_language_and_use(name: bytes, said: Described) -> None:
    assert described(name, b"Film") == said


def test_a_digest_changes_with_name_size_and_time_of_any_sidecar() -> None:
    some = [(b".en.srt", 10, 20), (b".de.srt", 1, 2)]
    assert digest(some) == digest(reversed(some)) != b""
    others = (
        [(b".en.srt", 10, 21), some[1]],
        [(b".en.srt", 11, 20), some[1]],
        [(b".fr.srt", 10, 20), some[1]],
        some[:1],
    )
    assert len({digest(some), *map(digest, others)}) == 5
    assert digest([]) == b""


GREEK = "1\n00:00:01,000 --> 00:00:02,000\nΔεν ξέρω τι να κάνω. Πού ήσουν όλη τη νύχτα;\nΈλα, Άννα.\n"  # noqa: RUF001
CZECH = "1\n00:00:01,000 --> 00:00:02,000\nNevím, co mám dělat. Kde jsi byl celou noc?\nPříliš žluťoučký kůň.\n"
KOREAN = "1\n00:00:01,000 --> 00:00:02,000\n무엇을 해야 할지 모르겠어요. 밤새 어디 있었어요?\n정말 걱정했어요.\n"
FRENCH = "1\n00:00:01,000 --> 00:00:02,000\nOù étais-tu toute la nuit ? J’ai eu très peur.\nÇa va ?\n"  # noqa: RUF001
SPANISH = "1\n00:00:01,000 --> 00:00:02,000\n¿Dónde estuviste? ¡Tenía mucho miedo! Mañana, señor.\n"


@pytest.mark.parametrize(
    ("text", "encoding", "language"),
    [
        (GREEK, "cp1253", "und"),
        (GREEK, "cp1253", "el"),
        (CZECH, "cp1250", "und"),
        (CZECH, "utf-16-le", "und"),
        (CZECH, "utf-16-be", "cs"),
        (CZECH, "utf-16", "und"),
        (CZECH, "utf-32", "und"),
        (CZECH, "utf-8", "el"),
        (CZECH, "utf-8-sig", "und"),
        (KOREAN, "euc-kr", "und"),
        (KOREAN, "euc-kr", "ko"),
        (KOREAN, "utf-16-le", "ko"),
        (FRENCH, "cp1252", "und"),
        (FRENCH, "cp1252", "fr"),
        (SPANISH, "cp1252", "es"),
    ],
)
def test_text_is_read_in_the_encoding_it_is_in(text: str, encoding: str, language: str) -> None:
    assert decoded(text.encode(encoding), language) == text


def test_bytes_of_no_encoding_do_no_harm() -> None:
    assert decoded(b"", "und") == ""
    assert decoded(b"\xff\xfe\x00", "und")
    assert isinstance(decoded(bytes(range(256)) * 40, "ko"), str)
    assert isinstance(decoded(b"\x81\x8d\x8f\x90\x9d" * 50, "und"), str)

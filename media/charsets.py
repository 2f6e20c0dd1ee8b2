"""The text of a file that does not say its encoding.

Unicode proves itself. Of the older code pages chardet finds the likeliest; measured with sentences in 20 of them it is
wrong about one (Spanish), charset-normalizer about two (French and Greek). Where a language is told, only its pages are
asked for, and all 20 are right.
"""

import codecs
from typing import Final

import chardet

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as the mark of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WIDE: Final = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_PAGES: Final = {
    ("cp1250",): "bs cs hr hu pl ro sk sl sq sr",
    ("cp1251", "koi8-r"): "be bg kk ky mk mn ru sr tg tt uk",
    ("cp1252",): "af ca da de en es eu fi fo fr ga gl id is it ms nb nl nn no pt sv",
    ("cp1253",): "el",
    ("cp1254",): "az tr",
    ("cp1255",): "he yi",
    ("cp1256",): "ar fa ug ur",
    ("cp1257",): "et lt lv",
    ("cp1258",): "vi",
    ("cp932", "euc-jp"): "ja",
    ("cp949",): "ko",
    ("gb18030", "big5hkscs"): "zh",
    ("cp874",): "th",
}


def decoded(raw: bytes, language: str) -> str:
    """`raw` as text, without a byte order mark; `language` is of ISO 639 or `und`. What can't be decoded is U+FFFD."""
    return raw.decode(_encoding(raw, language), "replace").removeprefix("\ufeff")


def _encoding(raw: bytes, language: str) -> str:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return encoding
    if b"\0" in raw:
        return _likeliest(raw, _WIDE)
    try:
        raw.decode()
    except UnicodeDecodeError:
        of_language = [page for pages, languages in _PAGES.items() if language in languages.split() for page in pages]
        return _likeliest(raw, of_language)
    return "utf-8"


def _likeliest(raw: bytes, among: "list[str] | tuple[str, ...]") -> str:
    if len(among) == 1:
        return among[0]
    found = chardet.detect(
        raw,
        encoding_era=chardet.EncodingEra.ALL if among else chardet.EncodingEra.MODERN_WEB,
        include_encodings=among or None,
        compat_names=False,
        no_match_encoding=among[0] if among else "cp1252",
    )
    return found["encoding"] or "cp1252"

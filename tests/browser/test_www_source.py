"""Rules that the client's source keeps, seen without a browser."""

import re
from pathlib import Path

import pytest

WWW = Path(__file__).parents[2] / "nginx" / "www"
MODULES = sorted((WWW / "js").glob("*.js"))
ALL_MODULES = sorted(WWW.rglob("*.js"))
STYLES = sorted(WWW.rglob("*.css"))
PAGES = sorted(WWW.rglob("*.html"))
# Ways to make markup or code out of a string. Names of files are hostile: text becomes text nodes only.
FORBIDDEN = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|Function|DOMParser|srcdoc|setHTMLUnsafe)\b"
)
TYPES_ONLY = "types.js"


def test_the_page_preloads_every_module_it_will_need() -> None:
    index = (WWW / "index.html").read_text()
    listed = re.findall(r'rel="modulepreload" href="/js/([\w.]+)"', index)
    assert listed == sorted(module.name for module in MODULES if module.name not in {"main.js", TYPES_ONLY})
    assert '<script type="module" src="/js/main.js"></script>' in index


@pytest.mark.parametrize("module", ALL_MODULES, ids=lambda path: path.name)
def test_a_module_is_small_and_makes_no_markup_of_strings(module: Path) -> None:
    text = module.read_text()
    assert text.startswith("/**"), "a module says first what it is for"
    assert text.count("\n") <= 260
    assert not FORBIDDEN.search(text)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text), "an address of somebody else"
    for imported in re.findall(r"from '\./([\w.]+)'", text):
        assert (module.parent / imported).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_has_no_inline_code_and_no_foreign_address(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", text)
    for address in re.findall(r'(?:href|src)="(/(?!api/)[^"]+)"', text):
        assert (WWW / address.lstrip("/")).is_file(), address


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_a_style_sheet_fetches_nothing_from_elsewhere(style: Path) -> None:
    text = style.read_text()
    assert "@import" not in text
    for address in re.findall(r"url\(\"?([^\")]+)", text):
        assert address.startswith("/"), address
        assert (WWW / address.lstrip("/")).is_file(), address

"""Password fields of the web client: hidden while typed, known to password managers, open to pasting."""

import re

from tests.policy.repository import ROOT

SOURCES = {
    path.name: path.read_text() for path in sorted((ROOT / "nginx/www").rglob("*")) if path.suffix in {".js", ".html"}
}
FIELD = re.compile(r"new Field\([^{]*\{(?P<attributes>[^}]*)\}")


def test_each_password_field_hides_its_text_and_names_itself_to_password_managers() -> None:
    fields = [(name, found) for name, text in SOURCES.items() for found in FIELD.finditer(text)]
    secret = [(name, field["attributes"]) for name, field in fields if "password" in field[0].lower()]
    assert [name for name, _ in secret] == ["credentials.js"] * 2, "the one that is shown and the one that is chosen"
    for _, field in secret:
        assert "type: 'password'" in field, field
        assert re.search(r"autocomplete: '(?:current|new)-password'", field), field


def test_nothing_stands_in_the_way_of_pasting() -> None:
    for name, text in SOURCES.items():
        assert not re.search(r"\bonpaste\b|['\"](?:paste|beforeinput)['\"]", text), name

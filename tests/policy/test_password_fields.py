"""Password fields of the web client: hidden while typed, known to password managers, open to pasting."""

import re

from tests.policy.repository import ROOT

SOURCES = {
    path.name: path.read_text() for path in sorted((ROOT / "nginx/www").rglob("*")) if path.suffix in {".js", ".html"}
}
FIELD = re.compile(r"new Field\('(?P<id>[^']*)',[^{]*\{(?P<attributes>[^}]*)\}")


def test_each_password_field_hides_its_text_and_names_itself_to_password_managers() -> None:
    fields = [found for text in SOURCES.values() for found in FIELD.finditer(text)]
    secret = [field["attributes"] for field in fields if "password" in field["id"]]
    assert len(secret) >= 4, "signing in, registering, changing, proving: one of them was not found"
    for field in secret:
        assert "type: 'password'" in field, field
        assert re.search(r"autocomplete: '(?:current|new)-password'", field), field


def test_nothing_stands_in_the_way_of_pasting() -> None:
    for name, text in SOURCES.items():
        assert not re.search(r"\bonpaste\b|['\"](?:paste|beforeinput)['\"]", text), name

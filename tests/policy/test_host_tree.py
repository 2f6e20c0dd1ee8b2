"""Nothing in the tree that belongs to one machine, to one network, or to nobody else."""

import configparser
import re
from pathlib import Path

import pytest

from tests.policy.repository import ROOT, files, load, relative, text_of

LONGEST_MODULE = 400  # lines
GENERATED = {"requirements", "vendor"}

FORBIDDEN = {
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"),
    "token": re.compile(r"\b(?:ghp_[A-Za-z0-9]{36}|glpat-[\w-]{20}|AKIA[0-9A-Z]{16}|xox[bp]-[\w-]{20,})\b"),
    "address of a package index": re.compile(
        r"https?://[^\s\"'`]*(?:pypi|pythonhosted|npmjs|artifactory|nexus|jfrog|/simple\b)", re.IGNORECASE
    ),
    "choice of a package index": re.compile(r"--(?:extra-)?index-url[= ]+\S*//"),
    "folder of one machine": re.compile(r"(?<![\w./-])/(?:work|home/[a-z]\w*|Users/\w+)/"),
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_tree_is_free_of(what: str) -> None:
    this = Path(__file__)
    found = [
        f"{relative(path)}:{text_of(path)[: match.start()].count(chr(10)) + 1}: {match.group()[:60]}"
        for path in files()
        if path != this and not GENERATED & {"vendor"} & set(path.parts)
        for match in FORBIDDEN[what].finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert not found


def test_no_module_is_longer_than_a_person_reads() -> None:
    lengths = {
        relative(path): text_of(path).count("\n")
        for path in files()
        if path.suffix in {".py", ".js", ".css", ".yml", ".j2", ".sh"} and not GENERATED & set(path.parts)
    }
    assert not {name: length for name, length in lengths.items() if length > LONGEST_MODULE}


def test_modules_are_named_after_nouns_of_the_field() -> None:
    vague = re.compile(r"^(utils?|helpers?|managers?|misc)\b")
    assert not [relative(path) for path in files() if vague.match(path.stem)]


def test_ansible_lint_skips_nothing() -> None:
    settings = load(ROOT / ".ansible-lint")
    assert settings["profile"] == "production"
    assert not settings.keys() & {"skip_list", "warn_list", "enable_list"}
    assert not (ROOT / ".ansible-lint-ignore").exists()


def test_yaml_is_never_excused_from_lint() -> None:
    excused = [
        relative(path)
        for path in files()
        if path.suffix in {".yml", ".yaml"} and re.search(r"#\s*(?:noqa|yamllint\s+disable)", text_of(path))
    ]
    assert not excused


def test_ansible_keeps_its_default_output() -> None:
    """Molecule's idempotence step reads the words of the default callback."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "ansible.cfg")
    assert settings.get("defaults", "stdout_callback", fallback="default") == "default"


def test_no_list_is_in_another_order_at_each_run() -> None:
    """Ansible's `union` makes a set of it: a setting made from that changes at the next play, and is restarted for."""
    sources = [path for path in files() if path.suffix in {".yml", ".j2"} and "| union(" in text_of(path)]
    assert not sources, [relative(path) for path in sources]

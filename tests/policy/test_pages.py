"""The pages for people: what they name is there."""

import re
import shlex

import click
import pytest

from authsvc.cli.commands import main
from tests.policy.repository import ROOT, text_of

PAGES = ["README.md", "docs/architecture.md", "docs/adding.md", "docs/operating.md"]
COMMANDS = sorted(
    {
        command
        for page in PAGES
        for command in re.findall(r"`kinetoscope (\w[^`]*)`", text_of(ROOT / page))
    }
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_that_is_named_exists_with_its_options(command: str) -> None:
    at: click.Command = main
    words = shlex.split(re.sub(r"<[^>]*>", "x", command))
    for number, word in enumerate(words):
        if isinstance(at, click.Group):
            assert word in at.commands, f"{command}: there is no {word}"
            at = at.commands[word]
        elif word.startswith("--"):
            known = {option for parameter in at.params for option in parameter.opts}
            assert word in known | {"--json", "--help"}, f"{command}: {' '.join(words[:number])} has no {word}"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_every_path_that_is_named_leads_somewhere(page: str) -> None:
    text = text_of(ROOT / page)
    links = [target for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text) if target]
    assert all((ROOT / page).parent.joinpath(target).exists() for target in links), links
    tops = "authsvc|catalog|indexer|testbed|bench|tests|nginx|roles|ansible|docs|tools|inventory|molecule"
    paths = re.findall(rf"`((?:{tops})/[\w./-]+)`", text)
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_every_setting_that_operating_names_is_a_variable_of_a_role() -> None:
    known = "\n".join(
        text_of(path) for path in [*ROOT.glob("roles/*/README.md"), ROOT / "ansible/group_vars/all/main.yml"]
    )
    named = set(
        re.findall(
            r"`((?:authsvc|nginx|base|tls|indexer|postgres|redis)_[a-z_]+)`", text_of(ROOT / "docs/operating.md")
        )
    )
    assert len(named) > 5
    assert not {name for name in named if not re.search(rf"\b{name}\b", known)}

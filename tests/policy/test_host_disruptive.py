"""`make smoke` is harmless on a host that people use: whatever stops, kills, wipes or sets the clock says so."""

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.policy.repository import ROOT, relative

# What nobody wants on a running host. A unit named ks-... is the test's own.
DISRUPTS = re.compile(
    r"systemctl\s+(?:--\S+\s+)*(?:stop|restart|try-restart|reload|kill|mask|isolate)\b(?!\s+ks-)"
    r"|\b(?:pkill|killall|reboot|poweroff|halt|shutdown)\b|\bkill\s+-"
    r"|\b(?:FLUSHALL|FLUSHDB|TRUNCATE|DROP\s+(?:TABLE|DATABASE|ROLE))\b"
    r"|\brm\s+-\w*r\w*\s+/(?:var/lib|etc|srv|opt)\b"
    r"|\bdate\s+(?:-s|--set)\b|\btimedatectl\s+set|\bnft\s+(?:flush|add|delete|destroy)\b"
    r"|\blogrotate\s+(?:-f|--force)\b|\b(?:fallocate|mkswap|umount|losetup)\b",
    re.IGNORECASE,
)
MARKED = "pytest.mark.disruptive"


def texts_of(node: ast.AST) -> str:
    """Every string in it, without the docstring."""
    strings = [each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    said = ast.get_docstring(node, clean=False) if isinstance(node, ast.FunctionDef) else None
    return "\n".join(text for text in strings if text != said)


def unmarked(source: str) -> list[str]:
    """Tests of a module that disrupt, themselves or by a function of the module that they name, and don't say so."""
    tree = ast.parse(source)
    if any(
        isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
        and MARKED in ast.unparse(node.value)
        for node in tree.body
    ):
        return []
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    texts = {
        target.id: texts_of(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    } | {name: texts_of(node) for name, node in functions.items()}

    def reached(node: ast.FunctionDef, seen: set[str]) -> set[str]:
        names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)} | {
            each.arg for each in node.args.args
        }
        for name in names & texts.keys() - seen:
            seen.add(name)
            if name in functions:
                reached(functions[name], seen)
        return seen

    return [
        name
        for name, node in functions.items()
        if name.startswith("test_")
        and any(DISRUPTS.search(texts[each]) for each in reached(node, {name}))
        and not any(ast.unparse(decorator).startswith(MARKED) for decorator in node.decorator_list)
    ]


def test_every_host_test_that_disrupts_says_so() -> None:
    found = {
        relative(path): names
        for path in (ROOT / "tests/host").glob("test_*.py")
        if (names := unmarked(path.read_text()))
    }
    assert not found, "mark them with @pytest.mark.disruptive"


@pytest.mark.parametrize(
    "body",
    [
        "host.run('systemctl stop kinetoscope-authz.service')",
        "shell('systemctl kill --signal KILL kinetoscope-ledger')",
        "host.run('redis-cli FLUSHALL')",
        "host.run('date --set @0')",
        "wipe(host)",
    ],
)
def test_the_rule_sees_what_disrupts(body: str) -> None:
    helper = "def wipe(host):\n    host.run('rm -rf /var/lib/redis-live/*')\n\n"
    assert unmarked(f"{helper}def test_it(host):\n    {body}\n") == ["test_it"]
    assert not unmarked(f"{helper}@pytest.mark.disruptive\ndef test_it(host):\n    {body}\n")


@pytest.mark.parametrize("body", ["host.run('systemctl stop ks-listener')", "host.run('systemctl start x')", "pass"])
def test_the_rule_lets_the_harmless_be(body: str) -> None:
    assert not unmarked(f"def test_it(host):\n    {body}\n")


@pytest.fixture
def smoke(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """tools/smoke against a host that exists on paper; what it gives to pytest."""
    host = f"ks-on-paper-{os.getpid()}"
    for name, script in {"ansible-playbook": ":", "ssh": "echo 0", "pytest": 'echo "$@"'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    access = ROOT / ".cache/access" / host
    access.mkdir(parents=True)
    known = {"url": "https://localhost", "address": "127.0.0.1", "ssh_command": str(tmp_path / "ssh")}
    (access / "access.json").write_text(json.dumps(known))

    def run(*arguments: str, **environment: str) -> str:
        return subprocess.run(
            [ROOT / "tools/smoke", "inventory/example", host, *arguments], capture_output=True, text=True, check=True,
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **environment},
        ).stdout  # fmt: skip

    yield run
    shutil.rmtree(access)


def test_smoke_leaves_them_out_unless_asked(smoke: Callable[..., str]) -> None:
    assert "-m not disruptive -k doors" in smoke("-k", "doors")
    assert "disruptive" not in smoke("-k", "doors", DISRUPTIVE="yes")
    assert "-m not disruptive" in smoke(DISRUPTIVE="no")

"""Each problem's code is in the one list: those that the services raise, and those in Nginx's own bodies."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

from catalog.contract import codes as problem_codes
from catalog.contract import words
from catalog.contract.refusals import Deny
from tests.policy.repository import ROOT, relative

SOURCES = sorted((ROOT / "authsvc").rglob("*.py"))
TEMPLATES = sorted((ROOT / "nginx/kinetoscope").glob("*.j2"))
RAISERS = {"Problem": None, "unauthorized": 401}
# `code=title.status` and the like: a title that is not ready is one of these.
STATUSES_OF_TITLES = {"waiting", "broken"}
# Reasons of ends that the database keeps as text; problem_codes.known() answers for the others.
REASONS_OF_ENDS = {"gone", *words.PLAYBACK_ENDS}


def raised() -> Iterator[tuple[str, int | None, str]]:
    """Place, status (None when it is not a literal) and code of each problem that is raised with a code of its own."""
    for path in SOURCES:
        if path.name == "problems.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISERS):
                continue
            status = RAISERS[node.func.id]
            if status is None and node.args and isinstance(node.args[0], ast.Constant):
                status = node.args[0].value
            for keyword in node.keywords:
                if keyword.arg == "code":
                    for code in codes_of(keyword.value):
                        yield f"{relative(path)}:{node.lineno}", status, code


def codes_of(value: ast.expr) -> list[str]:
    """The codes that an expression can have."""
    match value:
        case ast.Constant(value=str(code)):
            return [code]
        case ast.IfExp(body=one, orelse=other):
            return codes_of(one) + codes_of(other)
        case ast.Attribute(attr="status"):
            return sorted(STATUSES_OF_TITLES)
        case ast.Call(func=ast.Name(id="known")):
            return []
        case _:
            raise AssertionError(f"a code that can't be read here: {ast.unparse(value)}; give a literal, or known(..)")


def of_nginx() -> Iterator[tuple[str, int, str, str]]:
    """Place, status, title and code of each body that Nginx makes."""
    for path in TEMPLATES:
        text = path.read_text()
        for status, title, code in re.findall(r"\((\d{3}), '([^']+)', '(\w+)', '", text):
            yield relative(path), int(status), title, code
        for status, title, code in re.findall(
            r'return (\d{3}) \'\{"type[^}]*"title":"([^{"]+)"[^}]*"code":"(\w+)"', text
        ):
            yield relative(path), int(status), title, code


def test_every_code_that_the_services_raise_is_in_the_list_with_its_status() -> None:
    found = list(raised())
    assert len(found) > 10
    for place, status, code in found:
        assert code in problem_codes.CODES, f"{place}: describe `{code}` in catalog/contract/codes.py"
        if status is not None:
            assert status in problem_codes.CODES[code].statuses, f"{place}: `{code}` does not come with {status}"


def test_every_code_of_nginx_is_in_the_list_with_its_status() -> None:
    found = list(of_nginx())
    assert len(found) > 15
    for place, status, title, code in found:
        assert status in problem_codes.CODES[code].statuses, f"{place}: {code} with {status}"
        assert title == problem_codes.phrase(status), place


def test_every_reason_of_authz_has_a_body() -> None:
    said = (ROOT / "nginx/kinetoscope/problems.conf.j2").read_text()
    for reason in Deny:
        assert f"if ($deny = {reason})" in said, reason


def test_every_code_of_the_list_is_used_somewhere() -> None:
    used = {code for _, _, code in raised()} | {code for *_, code in of_nginx()} | REASONS_OF_ENDS
    used |= set(problem_codes.OF_STATUS.values())
    assert set(problem_codes.CODES) - used == set()


def test_every_status_has_a_code_of_its_own_status() -> None:
    for status, code in problem_codes.OF_STATUS.items():
        assert status in problem_codes.CODES[code].statuses


def test_the_list_in_the_docs_is_the_list_in_the_code() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/render_problems.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_codes_and_sentences_have_their_form() -> None:
    for name, code in problem_codes.CODES.items():
        assert re.fullmatch(r"[a-z][a-z_]{2,24}", name)
        for sentence in (code.meaning, code.remedy):
            assert re.fullmatch(r"[A-Z].*\.", sentence), sentence
            assert "|" not in sentence


def written_reasons() -> set[str]:
    """The ends of playbacks that our SQL and Python write, as far as they stand there as literals."""
    found: set[str] = set()
    for path in [*SOURCES, *sorted((ROOT / "catalog").rglob("*.py"))]:
        text = path.read_text()
        for statement in re.findall(r"UPDATE playbacks\b.*?\bWHERE\b", text, re.DOTALL):
            if written := re.search(r"\bend_reason\s*=(.*)", statement, re.DOTALL):
                found |= set(re.findall(r"'(\w+)'", written[1]))
        if "playbacks.end(" in text or "UPDATE playbacks" in text:
            found |= set(re.findall(r"^REASON(?:: \w+)? = \"(\w+)\"", text, re.MULTILINE))
        found |= set(re.findall(r"\bplaybacks\.end\(connection, [\w.]+, \"(\w+)\"", text))
        # playbacks.py itself.
        found |= set(re.findall(r"= end\(connection, playback_id, \"(\w+)\"", text))
    return found


def test_every_end_of_a_playback_is_in_the_list() -> None:
    assert written_reasons() == set(words.PLAYBACK_ENDS)
    for reason in words.PLAYBACK_ENDS:
        assert 410 in problem_codes.CODES[reason].statuses, reason


def test_the_web_client_has_a_sentence_for_every_end_of_a_playback() -> None:
    client = (ROOT / "nginx/www/js/endings.js").read_text()
    sentences = dict(re.findall(r"^  \['(\w+)', '([A-Z][^']+\.)'\],$", client, re.MULTILINE))
    assert set(sentences) == set(words.PLAYBACK_ENDS)
    assert len(set(sentences.values())) == len(sentences)

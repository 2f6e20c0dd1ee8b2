"""After everything else: no token, MAC or password in any log of the box."""

from typing import Any

import pytest

from testbed.viewers.box import SECRETS, Viewer

SEARCH = """
set -eu
needles=$(mktemp -p /run); trap 'rm -f "$needles"' EXIT; cat > "$needles"
journalctl --sync
grep --recursive --files-with-matches --text --fixed-strings --file "$needles" /var/log --exclude-dir journal || true
journalctl --no-pager --output json | grep --text --fixed-strings --file "$needles" | head -c 2000 || true
"""


@pytest.mark.looks_back
def test_no_secret_is_in_any_log(bob: Viewer, shell: Any) -> None:
    # A JWT's signature is the part that makes it a credential; a search for it finds the whole too.
    needles = sorted(secret.rsplit(".", 1)[-1] for secret in SECRETS if len(secret) >= 16)
    assert len(needles) > 3
    assert shell(f"sh -c {_quoted(SEARCH)}", "\n".join(needles)) == ""


def test_the_search_for_secrets_would_find_one(shell: Any) -> None:
    shell("logger --tag ks-needle-test canary-4f1f6a1e-in-the-journal")
    assert "ks-needle-test" in shell(f"sh -c {_quoted(SEARCH)}", "canary-4f1f6a1e-in-the-journal")


def _quoted(script: str) -> str:
    return "'" + script.replace("'", "'\\''") + "'"

"""schemathesis over the document, with every check, against the whole stack: as guest, user and admin."""

from collections.abc import Iterator

import psycopg
import pytest

from authsvc.api.protocol.quotas import CallClass
from authsvc.people import accounts
from authsvc.signin import passwords
from testbed.servers.postgres import PostgresServer
from testbed.stack import PASSWORD, Stack
from tests.contract import tried

# Nothing but the calls themselves is looked at here.
WIDE = {
    "nginx_api_rate": "100000r/s", "nginx_api_burst": 100_000, "nginx_login_rate": "100000r/s",
    "nginx_login_burst": 100_000,
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer) -> Iterator[Stack]:
    quotas = {f"{name}_calls_per_minute": 1_000_000 for name in CallClass}
    with Stack.running(postgres, settings=quotas, **WIDE) as stack:
        with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
            hashed = passwords.hash_password(PASSWORD)
            accounts.create(owner, username="visitor", email=None, password_hash=hashed, role="guest")
        yield stack


@pytest.mark.parametrize(
    ("who", "phases"),
    [
        ("alice", "examples,coverage,stateful"), ("bob", "examples,fuzzing"), ("visitor", "examples,fuzzing"),
        ("", "examples,fuzzing"),
    ],
    ids=["admin", "user", "guest", "nobody"],
)  # fmt: skip
def test_every_call_keeps_the_document(stack: Stack, who: str, phases: str) -> None:
    token = stack.sign_in(who)["access_token"] if who else None
    report = tried(stack.url, stack.nginx.ca_file, token, examples=2 if who == "alice" else 1, seed=1, phases=phases)
    assert not report.failed, report.text
    assert report.cases > 50, report.text
    faults = [line for line in (stack.nginx.logs / "api.log").read_text().splitlines() if "request_failed" in line]
    assert faults == []

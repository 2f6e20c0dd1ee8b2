"""Passkeys, and what else of signing in needs a hand on the database: against the whole product under a name.

Browsers make passkeys for names alone (WebAuthn, 5.1.3), and the box under test has an address. So this is Nginx and
the services as child processes at `localhost`, and an authenticator that Chromium plays. Chromium also wants a
certificate that it trusts: it is told this one's key, where the other tests accept any.
"""

import base64
import hashlib
import secrets
from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, Page, Playwright, expect

from testbed.browser.box import Box, Program
from testbed.browser.chromium import ARGUMENTS, CHROMIUM
from testbed.browser.people import Person
from testbed.browser.steps import factors, inside, knock, leave, settled, visit
from testbed.servers.postgres import PostgresServer
from testbed.stack import Stack
from tests.browser.soundness import sound_at_both_widths
from tests.browser.watch import Watch

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()
    settings = {"second_factor_key": key, "sessions_per_user": 3, "session_limit_policy": "refuse"}
    with PostgresServer.started() as postgres:
        postgres.prepare_template()
        with Stack.running(postgres, settings=settings) as running:
            yield running


@pytest.fixture(scope="module")
def box(stack: Stack) -> Box:
    return Box(stack.url, str(stack.nginx.ca_file), stack.username, stack.password)


@pytest.fixture(scope="module")
def program(box: Box) -> Iterator[Program]:
    program = Program(box)
    yield program
    program.close()


@pytest.fixture(scope="module")
def chromium(stack: Stack, playwright: Playwright) -> Iterator[Browser]:
    certificate = x509.load_pem_x509_certificate((stack.nginx.folder / "tls/server.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=[*ARGUMENTS, f"--ignore-certificate-errors-spki-list={trusted}"]
    )
    yield browser
    browser.close()


@pytest.fixture
def page(stranger: Page) -> Page:
    """Of somebody who is not signed in."""
    return stranger


class Authenticator:
    """Of the page; it says yes at once."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self._id = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"]

    def refuse(self) -> None:
        """Know the person no more."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": False})


@pytest.fixture(autouse=True)
def authenticator(page: Page) -> Authenticator:
    return Authenticator(page)


@pytest.fixture
def watch(stranger_watch: Watch) -> Watch:
    return stranger_watch


def add_passkey(page: Page, name: str) -> None:
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make the passkey").click()


def test_a_passkey_is_the_second_step_and_then_the_only_one(page: Page, watch: Watch, box: Box, person: Person) -> None:
    watch.expect(401)
    settled(page, box, person)
    add_passkey(page, "My telephone")
    # With the first factor come the codes.
    expect(page.get_by_role("list", name="Recovery codes").get_by_role("listitem")).to_have_count(10)
    page.get_by_role("button", name="I have kept them").click()
    assert "Remove the passkey My telephone" in factors(page)

    leave(page)
    knock(page, box, person.username, person.password)
    expect(page.get_by_role("button", name="Use a passkey")).to_be_focused()
    page.keyboard.press("Enter")
    inside(page)

    leave(page)
    page.get_by_role("button", name="Use a passkey").click()
    inside(page)

    visit(page, f"{box.url}/#/account")
    page.get_by_role("button", name="Remove the passkey My telephone").click()
    expect(page.get_by_text("Your password alone signs you in.")).to_be_visible()
    leave(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("This passkey is not known here.").first).to_be_visible()


def test_a_passkey_that_is_not_shown_leaves_another_way(
    page: Page, watch: Watch, box: Box, person: Person, authenticator: Authenticator
) -> None:
    watch.expect(401)
    settled(page, box, person)
    add_passkey(page, "My key")
    code = page.get_by_role("list", name="Recovery codes").get_by_role("listitem").first.inner_text()
    page.get_by_role("button", name="I have kept them").click()
    leave(page)
    knock(page, box, person.username, person.password)
    page.get_by_role("heading", name="One more step").wait_for()
    authenticator.refuse()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#second-problem")).to_contain_text("No passkey was used")
    page.get_by_role("button", name="Use a recovery code").click()
    page.get_by_label("Recovery code").fill(code)
    page.keyboard.press("Enter")
    inside(page)

    # Last of all: who looks at the tree of accessibility and goes takes the authenticator along.
    visit(page, f"{box.url}/#/account")
    assert "Remove the passkey My key" in factors(page)
    assert sound_at_both_widths(page) == []
    leave(page)
    knock(page, box, person.username, person.password)
    page.get_by_role("heading", name="One more step").wait_for()
    assert sound_at_both_widths(page) == []


def test_a_second_step_out_of_time_leads_back_to_the_password(
    page: Page, watch: Watch, box: Box, person: Person, stack: Stack
) -> None:
    watch.expect(401)
    app, _ = person.add_app()
    knock(page, box, person.username, person.password)
    page.get_by_label("Code", exact=True).fill(app.now())
    _database(stack, "UPDATE challenges SET expires_at = now()")
    page.keyboard.press("Enter")
    expect(page.get_by_text("This sign-in took too long").first).to_be_visible()
    expect(page.get_by_label("Name")).to_be_focused()


def test_what_changes_who_may_sign_in_asks_for_the_password_when_it_was_long_ago(
    page: Page, watch: Watch, box: Box, person: Person, stack: Stack
) -> None:
    watch.expect(403)
    settled(page, box, person)
    _database(stack, "UPDATE sessions SET proved_at = now() - interval '1 hour'")
    page.get_by_role("button", name="Add an authenticator app").click()
    dialog = page.get_by_role("dialog", name="Is it you?")
    password = dialog.get_by_label("Password", exact=True)
    expect(password).to_be_focused()
    assert sound_at_both_widths(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Key", exact=True)).to_have_count(0)

    page.get_by_role("button", name="Add an authenticator app").click()
    password.fill("not the password")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("This is not your password.")).to_be_visible()
    password.fill(person.password)
    page.keyboard.press("Enter")
    expect(page.get_by_label("Key", exact=True)).to_be_visible()


def test_who_is_signed_in_in_too_many_places_ends_one_to_come_in(
    page: Page, watch: Watch, box: Box, person: Person
) -> None:
    watch.expect(401, 409)
    others = [Person(box, person.username, person.password) for _ in range(2)]
    knock(page, box, person.username, person.password)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem")).to_have_count(3)
    dialog.get_by_role("button", name="Keep them").click()
    expect(page.locator("#signin-problem")).to_contain_text("signed in in as many places as you may")
    page.get_by_role("button", name="Sign in").click()
    dialog.get_by_role("button", name="End this one").last.click()
    inside(page)
    leave(page)

    # A code is used up by the attempt that was one too many.
    others.append(Person(box, person.username, person.password))
    _, codes = others[-1].add_app()
    for code in codes[:2]:
        knock(page, box, person.username, person.password)
        page.get_by_role("button", name="Use a recovery code").click()
        page.get_by_label("Recovery code").fill(code)
        page.keyboard.press("Enter")
        if code == codes[0]:
            dialog.get_by_role("button", name="End this one").last.click()
            page.get_by_text("Now sign in once more").first.wait_for()
    inside(page)
    for other in others:
        other.http.close()


def _database(stack: Stack, statement: LiteralString) -> None:
    with psycopg.connect(stack.database.owner_url, autocommit=True) as owner:
        owner.execute(statement)

"""Ways into the box and one's own account: second step, links that people are sent, guests, sessions, factors."""

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Page, expect

from testbed.browser.box import Box, Program
from testbed.browser.people import Person, forget, new_name, new_password
from testbed.browser.steps import PHONE, WIDE, factors, inside, knock, leave, read_qr, settled, visit
from tests.browser.soundness import sound_at_both_widths
from tests.browser.watch import Watch

STEP_SECONDS = 30


# -- The second step --


def test_the_second_step_takes_a_code_once_and_then_a_recovery_code(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(401)
    app, recovery = person.add_app()
    knock(stranger, box, person.username, person.password)
    code = stranger.get_by_label("Code", exact=True)
    expect(code).to_be_focused()
    expect(code).to_have_accessible_description(re.compile("six digits that your authenticator app shows"))
    assert sound_at_both_widths(stranger) == []

    code.fill("12345")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#second-problem")).to_have_text("The code has six digits.")
    code.fill("000000")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#second-problem")).to_contain_text("not a good answer")
    expect(stranger.locator("#urgent")).to_contain_text("not a good answer")
    expect(code).to_be_focused()
    expect(code).to_have_attribute("aria-invalid", "true")

    # The app's next code: it is good already, and the one that confirmed the app was used then.
    good = app.at(int(time.time()) + STEP_SECONDS)
    code.fill(f"{good[:3]} {good[3:]}")
    stranger.keyboard.press("Enter")
    inside(stranger)
    leave(stranger)

    knock(stranger, box, person.username, person.password)
    stranger.get_by_label("Code", exact=True).fill(good)
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#second-problem")).to_contain_text("A code serves once")
    stranger.get_by_role("button", name="Use a recovery code").click()
    stranger.get_by_label("Recovery code").fill(recovery[0].upper())
    stranger.keyboard.press("Enter")
    inside(stranger)


def test_a_second_step_that_is_over_leads_back_to_the_password(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(401)
    person.add_app()
    knock(stranger, box, person.username, person.password)
    code = stranger.get_by_label("Code", exact=True)
    for attempt in range(5):
        code.fill(f"00000{attempt}")
        stranger.keyboard.press("Enter")
        expect(stranger.locator("#second-problem")).to_be_visible()
        expect(stranger.get_by_role("button", name="Go on")).to_be_enabled()
    code.fill("000009")
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("Start over with your password.").first).to_be_visible()
    expect(stranger.get_by_label("Name")).to_be_focused()


def test_the_second_step_is_left_by_starting_over(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(401)
    person.add_app()
    knock(stranger, box, person.username, person.password)
    stranger.get_by_role("button", name="Start over").click()
    expect(stranger.get_by_label("Name")).to_be_focused()
    # Half a sign-in is none.
    stranger.reload()
    expect(stranger.get_by_role("button", name="Sign in")).to_be_visible()


# -- Links that people are sent --


def test_an_invitation_is_a_link_that_makes_an_account_and_leaves_no_trace(
    stranger: Page, stranger_watch: Watch, box: Box, program: Program
) -> None:
    stranger_watch.expect(401, 403, 409, 422)
    given = program.call("POST", "/admin/invitations", {})
    username, password = new_name(), new_password()
    assert given["link"] == f"{box.url}/#/invitation/{given['token']}"
    visit(stranger, given["link"])
    assert stranger.url == f"{box.url}/#/invitation"
    expect(stranger.get_by_text("At least 15 characters.")).to_be_visible()
    assert sound_at_both_widths(stranger) == []

    stranger.get_by_label("Name").fill(box.admin_username)
    stranger.get_by_label("E-mail address").fill("nobody")
    stranger.get_by_label("Password", exact=True).fill("password")
    stranger.keyboard.press("Enter")
    email = stranger.get_by_label("E-mail address")
    expect(email).to_have_accessible_description(re.compile("An e-mail address is name@domain"))
    expect(email).to_be_focused()
    email.fill(f"{username}@example.org")
    stranger.keyboard.press("Enter")
    field = stranger.get_by_label("Password", exact=True)
    expect(field).to_have_accessible_description(re.compile("A password has 15 to 1024 characters"))
    field.fill(password)
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#register-problem")).to_contain_text("is taken")
    expect(stranger.get_by_label("Name")).to_be_focused()

    stranger.get_by_label("Name").fill(username)
    stranger.keyboard.press("Enter")
    try:
        inside(stranger)
    finally:
        forget(program, username)
    for request in stranger_watch.requests:
        assert given["token"] not in request.url.partition("#")[0]
        assert "referer" not in request.all_headers()
    kept = stranger.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href])")
    assert given["token"] not in kept

    # The account is gone, and the invitation used up.
    stranger.context.clear_cookies()
    again = stranger.context.new_page()
    visit(again, given["link"])
    again.get_by_label("Name").fill(new_name())
    again.get_by_label("E-mail address").fill("somebody@example.org")
    again.get_by_label("Password", exact=True).fill(password)
    again.keyboard.press("Enter")
    expect(again.locator("#register-problem")).to_contain_text("This invitation was used")


def test_a_reset_is_a_link_that_sets_the_password_once(
    stranger: Page, stranger_watch: Watch, box: Box, program: Program, person: Person
) -> None:
    stranger_watch.expect(401, 410, 422)
    me = person.call("GET", "/users/me")
    given = program.call("POST", f"/admin/users/{me['id']}/reset")
    password = new_password()
    visit(stranger, given["link"])
    assert stranger.url == f"{box.url}/#/reset"
    assert sound_at_both_widths(stranger) == []
    field = stranger.get_by_role("textbox", name="New password")
    expect(field).to_be_focused()
    field.fill(person.username * 3)
    stranger.keyboard.press("Enter")
    expect(field).to_have_accessible_description(re.compile("first that a guesser tries"))
    field.fill(password)
    stranger.keyboard.press("Enter")
    expect(stranger.get_by_text("Your password is changed").first).to_be_visible()
    stranger.get_by_label("Name").fill(person.username)
    stranger.get_by_label("Password", exact=True).fill(password)
    stranger.keyboard.press("Enter")
    inside(stranger)
    # It did not only say so.
    assert person.http.get(f"{box.url}/api/v1/users/me", timeout=20).status_code == 401

    leave(stranger)
    visit(stranger, given["link"])
    stranger.reload()
    expect(stranger.get_by_role("heading", name="New password")).to_be_focused()
    expect(stranger.get_by_text("Open it again from your message.")).to_be_visible()
    other = stranger.context.new_page()
    visit(other, given["link"])
    other.get_by_role("textbox", name="New password").fill(new_password())
    other.keyboard.press("Enter")
    expect(other.locator("#reset-problem")).to_contain_text("This link was used")


# -- One's own account --


def test_the_account_page_ends_sessions_and_changes_the_password(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(403)
    settled(stranger, box, person)
    rows = stranger.locator("section", has_text="Where you are signed in").get_by_role("listitem")
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("This one")
    assert factors(stranger)[0] == "Add an authenticator app"
    assert sound_at_both_widths(stranger) == []
    rows.last.get_by_role("button", name="End ").click()
    expect(rows).to_have_count(1)
    expect(stranger.get_by_role("heading", name="Where you are signed in")).to_be_focused()
    assert person.http.get(f"{box.url}/api/v1/users/me", timeout=20).status_code == 401

    person.sign_in()
    stranger.reload()
    stranger.get_by_role("button", name="End all others").click()
    expect(rows).to_have_count(1)
    assert person.http.get(f"{box.url}/api/v1/users/me", timeout=20).status_code == 401

    password = new_password()
    stranger.get_by_label("Current password").fill("not the password")
    stranger.get_by_label("New password").fill(password)
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#password-form-problem")).to_have_text("The current password is wrong.")
    stranger.get_by_label("Current password").fill(person.password)
    stranger.get_by_role("button", name="Change the password").click()
    expect(stranger.get_by_text("Your password is changed.").first).to_be_visible()
    rows.first.get_by_role("button", name="End this session, here").click()
    stranger.get_by_role("button", name="Sign in").wait_for()
    knock(stranger, box, person.username, password)
    inside(stranger)


def test_an_authenticator_app_is_added_with_codes_that_are_shown_once(
    stranger: Page, stranger_watch: Watch, box: Box, person: Person
) -> None:
    stranger_watch.expect(403)
    settled(stranger, box, person)
    stranger.get_by_role("button", name="Add an authenticator app").click()
    key = stranger.get_by_label("Key", exact=True)
    key.wait_for()
    app = pyotp.TOTP(key.input_value().replace(" ", ""))
    link = stranger.get_by_role("link", name="Open in an authenticator app").get_attribute("href")
    linked = pyotp.parse_uri(str(link))
    assert isinstance(linked, pyotp.TOTP)
    assert linked.secret == app.secret
    code = stranger.get_by_role("img", name="The key as a QR code")
    for size in (PHONE, WIDE):
        stranger.set_viewport_size(size)
        assert read_qr(code) == link
    assert sound_at_both_widths(stranger) == []
    stranger.get_by_label("Code").fill("000000")
    stranger.keyboard.press("Enter")
    expect(stranger.locator("#app-form-problem")).to_contain_text("not a good answer")
    stranger.get_by_label("Code").fill(app.now())
    stranger.keyboard.press("Enter")
    codes = stranger.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    expect(stranger.get_by_role("heading", name="Keep your recovery codes")).to_be_focused()
    assert sound_at_both_widths(stranger) == []
    first = codes.first.inner_text()
    stranger.get_by_role("button", name="I have kept them").click()
    assert factors(stranger)[0] == "Remove the authenticator app"
    expect(stranger.get_by_text(first)).to_have_count(0)
    stranger.reload()
    expect(stranger.get_by_text("10 left")).to_be_visible()

    stranger.get_by_role("button", name="Renew the recovery codes").click()
    expect(codes).to_have_count(10)
    assert first not in codes.all_inner_texts()
    stranger.get_by_role("button", name="I have kept them").click()
    stranger.get_by_role("button", name="Remove the authenticator app").click()
    expect(stranger.get_by_role("button", name="Add an authenticator app")).to_be_visible()


def test_a_box_without_a_name_says_why_it_has_no_passkeys(stranger: Page, box: Box, person: Person) -> None:
    if re.search("[a-z]$", box.url.partition("//")[2].partition(":")[0]):
        pytest.skip("this box has a name: test_www_passkeys.py is about that")
    visit(stranger, box.url)
    stranger.get_by_role("button", name="Watch as guest").wait_for()
    expect(stranger.get_by_role("button", name="Use a passkey")).to_have_count(0)
    settled(stranger, box, person)
    factors(stranger)
    expect(stranger.get_by_text("Browsers make passkeys for names alone")).to_be_visible()
    expect(stranger.get_by_role("button", name="Add a passkey")).to_have_count(0)


# -- Guests --


def test_the_account_page_tells_how_to_trust_a_box_of_its_own_authority(
    stranger: Page, box: Box, person: Person
) -> None:
    settled(stranger, box, person)
    section = stranger.get_by_role("region", name="Trusting this box")
    expect(section).to_be_visible()
    for program in ("VLC", "mpv", "Kodi", "Firefox", "Chrome"):
        expect(section.get_by_text(program, exact=True)).to_be_visible()
    assert sound_at_both_widths(stranger) == []
    with stranger.expect_download() as download:
        section.get_by_role("link", name="Download the certificate").click()
    assert download.value.suggested_filename == "ca.pem"
    assert download.value.path().read_text().strip() == Path(box.ca_file).read_text().strip()


def test_a_guest_looks_around_and_has_no_account(stranger: Page, box: Box) -> None:
    visit(stranger, box.url)
    stranger.get_by_role("button", name="Watch as guest").click()
    inside(stranger)
    expect(stranger.get_by_role("link", name="Account")).to_have_count(0)
    visit(stranger, f"{box.url}/#/account")
    expect(stranger.get_by_role("heading", name="Nothing here")).to_be_visible()
    leave(stranger)

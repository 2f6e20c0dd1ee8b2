"""Each word of the contract stands once: what is rendered from it is fresh, and the rest uses only its words."""

import re
import subprocess
import sys

import yaml

from authsvc.events.settings import EventsSettings
from catalog import roles
from catalog.contract import forms, refusals, words
from catalog.contract.codes import CODES
from tests.policy.repository import ROOT, load, relative

LUA = sorted((ROOT / "authsvc/stores/lua").glob("*.lua"))


def test_what_is_rendered_from_the_contract_is_fresh() -> None:
    run = subprocess.run(
        [sys.executable, ROOT / "docs/render_contract.py", "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_each_end_of_a_playback_is_the_code_of_its_410() -> None:
    for end in words.PLAYBACK_ENDS:
        assert 410 in CODES[end].statuses, end


def test_each_refusal_of_authz_has_its_code_and_its_body_in_nginx() -> None:
    bodies = (ROOT / "nginx/kinetoscope/problems.conf.j2").read_text()
    made = {
        reason: (int(status), code)
        for reason, status, code in re.findall(
            r"if \(\$deny = (\w+)\) \{\s*\{\{ problem\((\d+), '[^']+', '(\w+)'", bodies
        )
    }
    session = re.search(r"set session_ended = problem\((\d+), '[^']+', '(\w+)'", bodies)
    assert session
    made[refusals.Deny.SESSION] = (int(session[1]), session[2])
    assert made == {deny.value: answer for deny, answer in refusals.ANSWERS.items()}
    for status, code in refusals.ANSWERS.values():
        assert status in CODES[code].statuses


def test_scripts_of_redis_refuse_for_reasons_that_nginx_knows() -> None:
    for path in LUA:
        for reason in re.findall(r"\{\s*'deny',\s*'(\w+)'", path.read_text()):
            assert reason in set(refusals.Deny), f"{relative(path)}: {reason}"


def test_scripts_of_redis_know_the_roles_and_visibilities_of_the_contract() -> None:
    """`s[3]` is the role and `v[1]` the visibility in decide.lua; 'none' stands for a title that is not there."""
    for path in LUA:
        text = path.read_text()
        for role in re.findall(r"s\[3\]\s*[=~]=\s*'(\w+)'", text):
            assert role in words.ROLES, f"{relative(path)}: {role}"
        for visibility in re.findall(r"v\[1\]\s*[=~]=\s*'(\w+)'", text):
            assert visibility in {*words.VISIBILITIES, "none"}, f"{relative(path)}: {visibility}"
        for end in re.findall(r"end_playback\([^)]*'(\w+)'", text):
            assert end in words.PLAYBACK_ENDS, f"{relative(path)}: {end}"


def test_each_name_of_the_published_tree_has_one_kind() -> None:
    pairs = [(one.stem, suffix) for one in (*forms.PUBLISHED, *forms.MADE_NOW) for suffix in one.suffixes]
    assert len(pairs) == len(set(pairs))
    names = re.compile(forms.NAME)
    for one in forms.PUBLISHED:
        example = one.pattern.split("(?:")[0]
        assert example.startswith(one.stem)
    for name in ("source.mkv", "v1080-0123abcd.mp4", "a-de-0123abcd.mp4", "thumb-01.jpg", "sub-eng.vtt", "master.m3u8"):
        assert names.fullmatch(name), name
    for name in ("v360-0123abcd.m3u8", "a-und-0123abcd.m3u8", "iframes-720-0123abcd.m3u8"):
        assert names.fullmatch(name), name
    for name in ("iframes-0123abcd.m3u8", "v720.m3u8", "a-0123abcd.m3u8", "master-0123abcd.m3u8"):
        assert not names.fullmatch(name), name
    for name in ("storyboard-1.jpg", "sub-de-sdh.vtt", "sub-de-forced-2.ass", "sub-und-12.sup", "font-10.otf"):
        assert names.fullmatch(name), name
    for name in ("sub-de.m3u8", "sub-de-forced-2.m3u8", "sub-de-0123abcd.mp4", "sub-de-sdh-2-0123abcd.mp4"):
        assert names.fullmatch(name), name
    for name in ("sub-de.mp4", "sub-de-0123abcd.m3u8", "sub-0123abcd.mp4", "sub-de-0123abcd.vtt"):
        assert not names.fullmatch(name), name
    for name in ("source.exe", "v999-0123abcd.mp4", "v1080.mp4", "thumb-1.jpg", "x.jpg", "source.mp4\n", "Source.mp4"):
        assert not names.fullmatch(name), name
    for name in ("storyboard.jpg", "sub-de-x.vtt", "sub-de-100.vtt", "sub-de.srt", "font-1.woff2", "font-arial.ttf"):
        assert not names.fullmatch(name), name


def test_names_of_what_is_made_now_are_none_of_the_others() -> None:
    now, names = re.compile(forms.NAME_MADE_NOW), re.compile(forms.NAME)
    for name in (
        "now.m3u8", "n720-0123abcd.m3u8", "n720-0123abcd.mp4", "n360-0123abcd-00000.m4s", "sound-0-0123abcd.m3u8",
        "sound-15-0123abcd-12345.m4s",
    ):  # fmt: skip
        assert now.fullmatch(name), name
        assert not names.fullmatch(name), name
    for name in (
        "n720.m3u8", "n1080-0123abcd.m3u8", "n720-0123abcd-1.m4s", "n720-0123abcd-00001.mp4", "sound-0123abcd.m3u8",
        "now-0123abcd.m3u8", "now.m3u8\n", ".now.m3u8", "now/now.m3u8",
    ):  # fmt: skip
        assert not now.fullmatch(name), name


def test_units_of_the_redis_role_are_services_of_the_catalog() -> None:
    instances = load(ROOT / "roles/redis/defaults/main.yml")
    named = set(re.findall(r"kinetoscope-[a-z]+", yaml.safe_dump(instances)))
    assert named, "no user is named"
    assert named <= set(roles.SERVICE_ROLES)


def test_every_service_of_the_catalog_has_a_user_and_a_role() -> None:
    wiring = load(ROOT / "ansible/group_vars/all/wiring.yml")
    assert set(wiring["postgres_roles"]) == set(roles.SERVICE_ROLES)
    users = {user["name"] for user in load(ROOT / "roles/base/defaults/main.yml")["base_users"]}
    assert users >= {*roles.SERVICE_ROLES, roles.OWNER}


def test_workers_take_every_kind_of_job_between_them_and_none_twice() -> None:
    kinds = load(ROOT / "roles/worker/vars/main.yml")
    taken = [*kinds["__worker_kinds"], *kinds["__worker_instant_kinds"], *kinds["__worker_extra_kinds"]]
    assert sorted(taken) == sorted(words.JOB_KINDS)


def test_nginx_is_more_patient_than_what_it_asks() -> None:
    service = load(ROOT / "roles/authsvc/defaults/main.yml")["authsvc_instant_wait_seconds"]
    assert EventsSettings.model_fields["instant_wait_seconds"].default == service
    assert load(ROOT / "roles/nginx/defaults/main.yml")["nginx_made_now_seconds"] >= service + 5


def test_the_page_has_no_pattern_of_an_id_of_its_own() -> None:
    for path in (ROOT / "nginx/www").rglob("*.js"):
        if path.name != "contract.js":
            assert "[0-9a-f]{32}" not in path.read_text(), relative(path)


def test_python_has_no_pattern_of_an_id_of_its_own() -> None:
    """The redactor stands alone on the box: its test compares it with the contract instead."""
    for package in ("authsvc", "indexer", "media", "worker"):
        for path in (ROOT / package).rglob("*.py"):
            assert "[0-9a-f]{32}" not in path.read_text(), relative(path)

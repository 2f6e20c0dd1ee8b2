"""Players without a browser: lists of entries that name a device session, and the redirect of an entry."""

import re
import threading
import uuid
from typing import Any

import pytest

from authsvc.library import playlists
from authsvc.people import accounts
from authsvc.sessions import sessions
from authsvc.watching import playbacks, preferences
from authsvc.watching.delivery import Preferences
from testbed.services.devices import new_device
from testbed.services.world import PLAY_SECRET, Asker, World


class Player:
    """VLC on somebody's device."""

    def __init__(self, world: World, name: str, role: str = "user") -> None:
        self.world, self.user = world, world.user(name, role=role)
        self.session_id, self.token = new_device(world.owner, self.user.id)

    def get(self, path: str, method: str = "GET", program: str = "VLC/3.0.21 LibVLC/3.0.21") -> Any:
        return self.world.client().open(
            f"/play/{self.token}/{path}",
            method=method,
            headers={"X-Real-IP": "192.0.2.7", "Host": "box.test", "User-Agent": program},
            # Read to its end and closed, as gunicorn does.
            buffered=True,
        )

    def playback(self, video: str) -> str:
        """Play an entry; the playback of the link that it led to."""
        answer = self.get(video)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["Location"].split("/")[4])


@pytest.fixture
def kitchen(world: World) -> Player:
    return Player(world, "alice")


def _film(world: World, title: str = "Sunrise", **columns: Any) -> str:
    video = world.video(title, **columns)
    world.publish(video, "source.mkv", "poster.jpg")
    return video


def _leases(world: World) -> int:
    return int(world.redis_live.client().zcard("ks:leases:box"))


def test_an_entry_leads_to_a_fresh_link_of_the_signed_door(world: World, kitchen: Player) -> None:
    video = _film(world)
    answer = kitchen.get(video)
    assert answer.status_code == 302
    link = answer.headers["Location"]
    assert re.fullmatch(rf"/m/k1/[0-9]{{10}}/[0-9a-f]{{32}}/[A-Za-z0-9_-]{{21}}[AQgw]/{video}/source\.mkv", link)
    assert answer.headers["Cache-Control"] == "no-store"
    assert kitchen.token not in str(answer.headers) + answer.text
    assert Asker(world.authz_app).signed(video, link.split("/")[4]).status_code == 204
    row = world.owner.execute("SELECT door, device, host(client) FROM playbacks").fetchone()
    assert row == ("signed", "kitchen", "192.0.2.7")


def test_neither_a_list_nor_a_redirect_takes_a_slot_but_the_first_bytes_do(world: World, kitchen: Player) -> None:
    videos = [_film(world, f"Title {number}") for number in range(5)]
    assert kitchen.get("library.m3u").status_code == 200
    links = [kitchen.playback(video) for video in videos]
    assert _leases(world) == 0
    ask = Asker(world.authz_app)
    first = [ask.signed(video, playback).status_code for video, playback in zip(videos[:3], links[:3], strict=True)]
    assert (first, _leases(world)) == ([204] * 3, 3)
    fourth = ask.signed(videos[3], links[3])
    assert (fourth.status_code, fourth.headers["X-Deny"]) == (403, "streams")


def test_an_entry_asked_again_goes_on_with_its_playback(world: World, kitchen: Player) -> None:
    video, ask = _film(world), Asker(world.authz_app)
    playback = kitchen.playback(video)
    assert ask.signed(video, playback).status_code == 204
    assert {kitchen.playback(video) for _ in range(20)} == {playback}
    assert kitchen.get(video, "HEAD").headers["Location"].split("/")[4] == playback
    assert _leases(world) == 1


def test_racing_calls_of_one_entry_get_one_playback(world: World, kitchen: Player) -> None:
    video = _film(world)
    kitchen.get("library.m3u")
    start, found = threading.Barrier(8), set()

    def ask() -> None:
        start.wait()
        found.add(kitchen.playback(video))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_another_device_and_another_title_are_other_playbacks(world: World, kitchen: Player) -> None:
    video, other = _film(world), _film(world, "Metropolis")
    bedroom = object.__new__(Player)
    bedroom.world, bedroom.user = world, kitchen.user
    bedroom.session_id, bedroom.token = new_device(world.owner, kitchen.user.id, "bedroom")
    assert len({kitchen.playback(video), kitchen.playback(other), bedroom.playback(video)}) == 3


def test_a_playback_that_ended_is_followed_by_a_new_one(world: World, kitchen: Player) -> None:
    video = _film(world)
    first = kitchen.playback(video)
    playbacks.end(world.owner, first, "left")
    assert kitchen.playback(video) != first


def test_what_an_admin_stopped_does_not_come_back_by_itself(world: World, kitchen: Player) -> None:
    video = _film(world)
    playbacks.end(world.owner, kitchen.playback(video), "stopped")
    answer = kitchen.get(video)
    assert (answer.status_code, answer.get_json()["code"]) == (410, "stopped")
    world.owner.execute("UPDATE playbacks SET ended_at = now() - interval '1 hour'")
    assert kitchen.get(video).status_code == 302


@pytest.mark.parametrize("path", ["library.m3u", "{video}", "{video}.m3u"])
def test_a_device_that_was_signed_out_is_refused_at_once(world: World, kitchen: Player, path: str) -> None:
    path = path.format(video=_film(world))
    assert kitchen.get(path).status_code in {200, 302}
    sessions.end(world.owner, kitchen.session_id, "ended")
    answer = kitchen.get(path)
    assert (answer.status_code, answer.get_json()["code"]) == (410, "session")


def test_a_disabled_user_and_an_expired_device_are_refused(world: World, kitchen: Player) -> None:
    world.owner.execute("UPDATE users SET is_active = false")
    assert kitchen.get("library.m3u").status_code == 410
    world.owner.execute("UPDATE users SET is_active = true")
    world.owner.execute(
        "UPDATE sessions SET created_at = now() - interval '2 days', expires_at = now() - interval '1 s'"
    )
    assert kitchen.get("library.m3u").status_code == 410


@pytest.mark.parametrize("token", ["x" * 43, "A" * 42, "A" * 44, "..", "%00" * 43])
def test_a_token_that_nobody_has_is_refused(world: World, token: str) -> None:
    video = _film(world)
    for path in ("library.m3u", video, f"{video}.m3u"):
        answer = world.client().get(f"/play/{token}/{path}")
        assert answer.status_code in {401, 404}
        assert "Location" not in answer.headers


def test_a_refresh_or_access_token_is_no_device_token(world: World, kitchen: Player) -> None:
    started = sessions.start(
        world.owner, user_id=kitchen.user.id, kind="program", device="", client=None, life_seconds=600
    )
    kitchen.token = started.refresh_token
    assert kitchen.get("library.m3u").status_code == 401


def test_a_guests_device_neither_lists_nor_plays_what_is_for_members(world: World) -> None:
    guest = Player(world, "visitor", "guest")
    members, public = _film(world), _film(world, "Open", visibility="public")
    text = guest.get("library.m3u").text
    assert public in text
    assert members not in text
    assert guest.get(public).status_code == 302
    assert guest.get(members).status_code == guest.get(f"{members}.m3u").status_code == 404
    assert guest.get(uuid.uuid4().hex).status_code == 404


def test_an_admin_who_owes_a_second_factor_sees_at_a_player_what_any_user_sees(world: World) -> None:
    world.with_settings(second_factor_required_for_admins=True)
    player = Player(world, "root", role="admin")
    seen, named = _film(world), _film(world, "Not hers", visibility="named")
    made = _playlist(world, "Both", [seen, named], is_public=True)
    assert player.get(seen).status_code == 302
    assert [player.get(path).status_code for path in (named, f"{named}.m3u")] == [404, 404]
    for path in ("library.m3u", f"playlists/{made}.m3u"):
        assert "Sunrise" in player.get(path).text
        assert "Not hers" not in player.get(path).text, path
    assert Asker(world.authz_app).header(named, world.token(player.user, player.session_id.hex)).status_code == 403


def test_an_admin_sees_everything_at_a_player_where_no_second_factor_is_asked_for(world: World) -> None:
    player, named = Player(world, "root", role="admin"), _film(world, "Not hers", visibility="named")
    assert player.get(named).status_code == 302
    assert "Not hers" in player.get("library.m3u").text


def test_a_title_that_is_not_ready_is_409_and_not_listed(world: World, kitchen: Player) -> None:
    video = _film(world, status="broken", status_reason="no moov")
    answer = kitchen.get(video)
    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["detail"]) == (409, "broken", "no moov")
    assert video not in kitchen.get("library.m3u").text


def test_a_title_as_a_playlist_begins_where_its_viewer_left_off(world: World, kitchen: Player) -> None:
    video = _film(world)
    root = f"https://box.test/play/{kitchen.token}/{video}"
    answer = kitchen.get(f"{video}.m3u")
    assert answer.headers["Content-Type"] == "audio/x-mpegurl; charset=utf-8"
    assert answer.text == f"#EXTM3U\n#EXTINF:600,Sunrise\n{root}\n"
    world.owner.execute(
        "INSERT INTO progress (user_id, video_id, position_seconds) VALUES (%s, %s, 123.4)", (kitchen.user.id, video)
    )
    assert kitchen.get(f"{video}.m3u").text == f"#EXTM3U\n#EXTINF:600,Sunrise\n#EXTVLCOPT:start-time=123\n{root}\n"


def test_the_whole_library_is_listed_by_title_through_every_page(world: World) -> None:
    world.with_settings(m3u_page_entries=3)
    player = Player(world, "alice")
    titles = [f"Film {number:02}" for number in range(10)] + ["Film 05"]
    for title in reversed(titles):
        _film(world, title)
    lines = player.get("library.m3u").text.splitlines()
    assert lines[0] == "#EXTM3U"
    assert [line.partition(",")[2] for line in lines[1::2]] == sorted(titles)
    assert len(set(lines[2::2])) == len(titles)


def test_a_list_that_is_cut_says_so(world: World) -> None:
    world.with_settings(m3u_page_entries=2, m3u_entries=4)
    player = Player(world, "alice")
    for number in range(4):
        _film(world, f"Film {number}")
    assert "# Only" not in player.get("library.m3u").text
    _film(world, "Film 4")
    text = player.get("library.m3u").text
    assert text.count("#EXTINF") == 4
    assert text.endswith("\n# Only the first 4 titles are listed.\n")


def test_a_title_cannot_add_an_entry_of_its_own(world: World, kitchen: Player) -> None:
    evil = "Film\r\nhttps://evil.example/x\u2028#EXTVLCOPT:sout=file\x85x"
    video = _film(world, evil)
    for path in ("library.m3u", f"{video}.m3u"):
        text = kitchen.get(path).text
        assert len(text.splitlines()) == 3, text
        assert [line for line in text.splitlines() if line.startswith("http")] == [
            f"https://box.test/play/{kitchen.token}/{video}"
        ]


def test_lists_are_written_a_few_at_a_time(world: World) -> None:
    world.with_settings(m3u_at_once=1)
    player = Player(world, "alice")
    lists = world.api_app.extensions["kinetoscope"].lists
    assert lists.acquire(blocking=False)
    answer = player.get("library.m3u")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    lists.release()
    for _ in range(3):
        assert player.get("library.m3u").status_code == 200
    assert player.get("library.m3u", "HEAD").status_code == 200


def test_a_hundred_thousand_titles_are_streamed_in_bounded_time_and_memory(world: World, kitchen: Player) -> None:
    world.owner.execute(
        "INSERT INTO videos (library_root, path, fingerprint, size_bytes, mtime_ns, filename, title, status, container,"
        " duration_seconds) SELECT '/l', n::text::bytea, 'f', 1, 1, n || '.mp4', 'Film ' || n, 'ready', 'mp4', 60"
        " FROM generate_series(1, 100000) n"
    )
    world.owner.execute("ANALYZE videos")
    answer = world.client().get(f"/play/{kitchen.token}/library.m3u", buffered=False, headers={"Host": "box.test"})
    largest, entries = 0, 0
    for piece in answer.iter_encoded():
        largest, entries = max(largest, len(piece)), entries + piece.count(b"#EXTINF")
    answer.close()
    assert entries == 100_000
    assert largest < 256 << 10


def test_no_bearer_and_no_cookie_is_looked_at(world: World, kitchen: Player) -> None:
    _, token = world.session(kitchen.user)
    answer = world.client().get(f"/play/{'x' * 43}/library.m3u", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert PLAY_SECRET not in answer.text


def _playlist(world: World, name: str, videos: list[str], **columns: Any) -> str:
    owner = accounts.by_name(world.owner, "alice") or world.user("alice")
    made = playlists.create(
        world.owner, owner.id.hex, name=name, description="", is_public=bool(columns.get("is_public")), most=9
    ).hex
    for video in videos:
        playlists.add(world.owner, made, video, most=9)
    return made


def test_a_playlist_is_listed_in_its_order_and_takes_no_slot(world: World, kitchen: Player) -> None:
    sunrise, metropolis = _film(world), _film(world, "Metropolis")
    waiting, not_hers = world.video("Waits", status="waiting"), _film(world, "Not hers", visibility="named")
    made = _playlist(world, "Two\nlines", [metropolis, waiting, sunrise, not_hers, metropolis])
    answer = kitchen.get(f"playlists/{made}.m3u")
    assert (answer.status_code, answer.content_type) == (200, "audio/x-mpegurl; charset=utf-8")
    root = f"https://box.test/play/{kitchen.token}/"
    assert answer.text.splitlines() == [
        "#EXTM3U", "#PLAYLIST:Two lines",
        "#EXTINF:600,Metropolis", root + metropolis, "#EXTINF:600,Sunrise", root + sunrise,
        "#EXTINF:600,Metropolis", root + metropolis,
    ]  # fmt: skip
    assert [kitchen.get(video).status_code for video in (metropolis, sunrise)] == [302, 302]
    assert _leases(world) == 0


def test_somebody_elses_playlist_is_there_when_it_is_public(world: World, kitchen: Player) -> None:
    video = _film(world)
    private, public = _playlist(world, "Mine", [video]), _playlist(world, "Ours", [video], is_public=True)
    other = Player(world, "bob")
    assert [other.get(f"playlists/{made}.m3u").status_code for made in (private, public)] == [404, 200]
    assert other.get(f"playlists/{uuid.uuid4().hex}.m3u").status_code == 404
    sessions.end(world.owner, other.session_id, "logout")
    assert other.get(f"playlists/{public}.m3u").status_code == 410


@pytest.mark.parametrize(
    ("program", "quality", "name"),
    [
        ("VLC/3.0.21 LibVLC/3.0.21", "auto", "source.mkv"),
        ("VLC/3.0.21 LibVLC/3.0.21", "480p", "master.m3u8"),
        # It can't seek in such a manifest.
        ("mpv 0.40.0", "480p", "source.mkv"),
        ("Kodi/21.2 (X11; Linux x86_64)", "auto", "source.mkv"),
        ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) AppleWebKit/537.36", "auto", "master.m3u8"),
    ],
)
def test_an_entry_leads_to_what_its_player_plays(
    world: World, kitchen: Player, program: str, quality: str, name: str
) -> None:
    preferences.save(world.owner, kitchen.user.id.hex, Preferences(quality=quality))
    sound = {"video_codec_string": "avc1.640028", "audio_codec": "dts", "audio_codec_string": "dtsc"}
    video = _film(world, container="mkv", height=1080, **sound)
    world.publish(video, "master.m3u8", "manifest.mpd")
    assert kitchen.get(video, program=program).headers["Location"].endswith(f"/{video}/{name}")


def test_a_television_gets_what_is_made_now_and_else_the_file(world: World, kitchen: Player) -> None:
    television = "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36"
    for policy, name in (("as_needed", "now.m3u8"), ("none", "source.mkv")):
        video = _film(world, video_codec="vc1", container="mkv", renditions=policy)
        assert kitchen.get(video, program=television).headers["Location"].endswith(f"/{video}/{name}")


def test_an_entry_is_sent_no_faster_than_its_viewer_wants(world: World, kitchen: Player) -> None:
    video, ask = _film(world), Asker(world.authz_app)

    def rate() -> str | None:
        return ask.signed(video, kitchen.playback(video)).headers.get("X-Rate")

    assert rate() in (None, "0")
    for bandwidth, expected in ((800_000, "100000"), (1_600_000, "200000")):
        preferences.save(world.owner, kitchen.user.id.hex, Preferences(bandwidth_bps=bandwidth))
        kitchen.playback(video)
        # The doors look again within `fresh_seconds`.
        world.redis_live.client().flushall()
        assert rate() == expected
    other = _film(world, "Metropolis")
    assert ask.signed(other, kitchen.playback(other)).headers["X-Rate"] == "200000"

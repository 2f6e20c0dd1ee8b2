"""Channels: which playback a connection carries, and when one that has no business is cut."""

from authsvc.ledger.channels import Channel, Channels, Note
from authsvc.ledger.sockets import Socket

FILM, OTHER = "a" * 32, "b" * 32
PEER = "192.0.2.7 40000"


def socket(acked: int = 0, waiting: int = 0, *, cookie: int = 1, peer: str = PEER) -> Socket:
    return Socket("192.0.2.1", peer, cookie, True, acked, waiting)


def note(playback: str = FILM, *, serial: int = 8, at: int = 1000, http2: bool = False) -> Note:
    return Note(serial, playback, http2, at)


def only(channels: Channels) -> Channel:
    (channel,) = channels
    return channel


def test_a_note_survives_its_own_text() -> None:
    assert Note.parse(str(note(http2=True))) == note(http2=True)


def test_a_connection_carries_the_playback_it_was_last_let_in_for() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note()]}, {})
    assert only(channels).playbacks == [FILM]
    channels.look([socket()], {PEER: [note(OTHER, at=2000)]}, {})
    assert only(channels).playbacks == [OTHER]


def test_over_http2_a_connection_carries_all_it_was_let_in_for() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note(OTHER, at=2000, http2=True), note(http2=True)]}, {})
    assert only(channels).playbacks == [FILM, OTHER]
    assert only(channels).latest == OTHER


def test_a_port_used_again_does_not_inherit_the_playback() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note()]}, {})
    channels.look([socket(cookie=2)], {PEER: [note()]}, {})
    assert only(channels).playbacks == []
    channels.look([socket(cookie=2)], {PEER: [note(OTHER, serial=9, at=3000)]}, {})
    assert only(channels).playbacks == [OTHER]


def test_neither_does_it_after_a_restart() -> None:
    channels = Channels()
    channels.restore(1, socket(), [note()])
    channels.look([socket(cookie=2)], {PEER: [note()]}, {})
    assert only(channels).playbacks == []


def test_notes_of_closed_connections_are_void() -> None:
    channels = Channels()
    assert channels.look([socket()], {PEER: [note()], "192.0.2.7 40001": [note()]}, {}) == ["192.0.2.7 40001"]


def test_bytes_move_when_they_are_acknowledged_and_more_waits_or_much_came() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note()]}, {})
    for acked, waiting, moves in ((500, 0, False), (700, 90_000, True), (700, 90_000, False), (90_000, 0, True)):
        channels.look([socket(acked, waiting)], {}, {})
        assert only(channels).moves(65_536) is moves, (acked, waiting)


def test_over_http2_only_what_no_finished_answer_explains_is_media() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note(http2=True)]}, {})
    channels.look([socket(300_000)], {}, {PEER: 290_000})
    assert not only(channels).moves(65_536)
    channels.look([socket(600_000)], {}, {})
    assert only(channels).moves(65_536)


def test_the_answer_under_way_grows_until_it_is_in_the_log() -> None:
    channels = Channels()
    channels.look([socket()], {PEER: [note()]}, {})
    channels.look([socket(1000)], {}, {})
    channels.look([socket(3000)], {}, {})
    assert only(channels).under_way == 3000
    channels.look([socket(3500)], {}, {PEER: 3400})
    assert only(channels).under_way <= 500


def test_after_the_end_a_stalled_or_moving_transfer_is_cut_and_small_answers_are_not() -> None:
    for step, waiting, cut in ((100, 0, False), (0, 50_000, True), (90_000, 0, True)):
        channels = Channels()
        channels.look([socket()], {PEER: [note()]}, {})
        verdicts = []
        for look in range(5):
            channels.look([socket(look * step, waiting)], {}, {})
            verdicts.append(only(channels).is_over(float(look), 200_000))
        assert verdicts[0] is False, "what moved before the end was known does not count"
        assert verdicts[-1] is cut, (step, waiting)


def test_what_was_under_way_when_a_playback_ended_is_not_held_against_its_connection() -> None:
    """The viewer left: what the kernel had by then still arrives, and the next request needs the connection."""
    channels = Channels()
    channels.look([socket(acked=9_000_000, waiting=3_000_000)], {PEER: [note(http2=True)]}, {})
    assert not only(channels).is_over(0.0, 200_000)
    channels.look([socket(acked=12_100_000)], {PEER: [note(http2=True)]}, {})
    assert not only(channels).is_over(2.0, 200_000)


def test_what_a_connection_carried_before_it_was_let_in_is_not_held_against_it_after_the_end() -> None:
    """A page is loaded, plays, and leaves within two looks."""
    channels = Channels()
    channels.look([socket(acked=1_000)], {}, {})
    assert not only(channels).is_stray(0.0, 10, 4_000_000)
    channels.look([socket(acked=9_000_000, waiting=3_000_000)], {PEER: [note(http2=True)]}, {})
    assert not only(channels).is_over(2.0, 200_000)


def test_a_connection_that_nobody_was_let_in_on_is_a_stray_after_a_while_and_much() -> None:
    for steps, waiting, stray in (
        ([1_000_000] * 7, 50_000, True),
        ([1000] * 7, 50_000, False),
        ([1_000_000, 0] * 4, 0, False),
        # One answer of the interface after the other: nothing of the last is left when the next is asked for.
        ([1_000_000] * 7, 0, False),
    ):
        channels, acked, verdicts = Channels(), 0, []
        channels.look([socket()], {}, {})
        for look, step in enumerate(steps):
            acked += step
            channels.look([socket(acked, waiting)], {}, {})
            verdicts.append(only(channels).is_stray(look * 2.0, 10, 4_000_000))
        assert any(verdicts) is stray, (steps, waiting)

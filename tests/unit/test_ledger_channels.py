"""Channels: which answers a connection carries, and when it is cut."""

from pathlib import Path

import pytest

from authsvc.ledger.answers_log import AnswersLog
from authsvc.ledger.channels import Channel, Channels
from authsvc.ledger.open_answers import OpenAnswers
from authsvc.ledger.sockets import Socket
from tests.unit.test_ledger_open_answers import FILM, OTHER, PEER, begun, ended


def is_cut(channel: Channel, now: float) -> bool:
    """As a round asks, when the film has ended and 1.5 s are given."""
    channel.note_over({FILM}, now)
    return channel.is_over(now, 1.5)


def socket(acked: int = 0, waiting: int = 0, *, cookie: int = 1, peer: str = PEER) -> Socket:
    return Socket("192.0.2.1", peer, cookie, True, acked, waiting)


class Rig:
    """Channels, with an answers log to write."""

    def __init__(self, folder: Path) -> None:
        self._log, self._state = folder / "answers.log", folder / "answers.json"
        self._log.touch()
        self.start()

    def start(self) -> None:
        """As the ledger does; not the first on its box."""
        self.answers = OpenAnswers(AnswersLog(self._log), self._state)
        self.answers.is_first = False
        self.channels = Channels(self.answers)

    def look(self, *sockets: Socket, lines: tuple[bytes, ...] = (), finished: dict[str, int] | None = None) -> None:
        with self._log.open("ab") as file:
            file.write(b"".join(lines))
        self.answers.looked()
        self.answers.read()
        self.channels.look(sockets, finished or {})

    @property
    def only(self) -> Channel:
        (channel,) = self.channels
        return channel


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


def test_a_connection_carries_what_is_open_on_it(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    assert rig.only.playbacks == rig.only.watched == {FILM}
    rig.look(socket(), lines=(ended(1), begun(2, OTHER)))
    assert rig.only.playbacks == {OTHER}
    rig.look(socket(), lines=(ended(2),))
    assert (rig.only.playbacks, rig.only.watched, rig.only.latest) == (set(), {OTHER}, OTHER)
    rig.look(socket())
    assert rig.only.watched == set()


def test_over_http2_a_connection_carries_several(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1, http2=True), begun(2, OTHER, http2=True)))
    assert rig.only.playbacks == {FILM, OTHER}
    rig.look(socket(), lines=(ended(2),))
    assert rig.only.playbacks == {FILM}


def test_what_needs_permission_only_is_not_watched(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1, kind="picture"),))
    assert (rig.only.playbacks, rig.only.watched) == ({FILM}, set())


def test_a_port_used_again_does_not_inherit_the_answers(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    rig.look(socket(cookie=2))
    assert rig.only.playbacks == set()
    rig.look(socket(cookie=2), lines=(begun(2, OTHER, serial=9),))
    assert rig.only.playbacks == {OTHER}


def test_neither_does_it_after_a_restart(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    rig.answers.save()
    rig.start()
    rig.channels.restore(socket(cookie=2))
    rig.look(socket(cookie=2))
    assert rig.only.playbacks == set()


def test_what_is_open_is_known_after_a_restart(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    rig.answers.save()
    rig.start()
    rig.channels.restore(socket())
    rig.look(socket())
    assert rig.only.playbacks == {FILM}
    rig.look(socket(), lines=(ended(1),))
    assert rig.only.playbacks == set()


def test_bytes_move_when_they_are_acknowledged_and_more_waits_or_much_came(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    for acked, waiting, moves in ((500, 0, False), (700, 90_000, True), (700, 90_000, False), (90_000, 0, True)):
        rig.look(socket(acked, waiting))
        assert rig.only.moves is moves, (acked, waiting)


def test_the_answer_under_way_grows_until_it_is_in_the_log(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    rig.look(socket(1000))
    rig.look(socket(3000))
    assert rig.only.under_way == 3000
    rig.look(socket(3500), finished={PEER: 3400})
    assert rig.only.under_way <= 500


def test_a_socket_that_is_torn_down_takes_nothing_back(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1),))
    rig.look(socket(20_000_000, 1))
    rig.look(socket(0))
    assert rig.only.under_way == 20_000_000


def test_an_open_answer_of_what_has_ended_is_cut_after_a_while_whatever_else_is_open(rig: Rig) -> None:
    rig.look(socket(), lines=(begun(1, http2=True), begun(2, OTHER, http2=True)))
    assert [is_cut(rig.only, float(look)) for look in range(4)] == [False, False, True, True]


def test_one_that_ends_by_itself_meanwhile_costs_no_connection(rig: Rig) -> None:
    """The viewer left."""
    rig.look(socket(), lines=(begun(1, http2=True), begun(2, OTHER, http2=True)))
    assert not is_cut(rig.only, 0.0)
    rig.look(socket(), lines=(ended(1),))
    assert not is_cut(rig.only, 2.0)
    rig.look(socket(), lines=(begun(3, http2=True),))
    assert not is_cut(rig.only, 4.0), "counted from its own beginning"


def test_a_connection_that_nobody_was_let_in_on_is_a_stray_after_a_while_and_much(rig: Rig) -> None:
    for steps, waiting, stray in (
        ([1_000_000] * 7, 50_000, True),
        ([1000] * 7, 50_000, False),
        ([1_000_000, 0] * 4, 0, False),
        # One answer of the interface after the other: nothing of the last is left when the next is asked for.
        ([1_000_000] * 7, 0, False),
    ):
        rig.start()
        acked, verdicts = 0, []
        rig.look(socket())
        for look, step in enumerate(steps):
            acked += step
            rig.look(socket(acked, waiting))
            verdicts.append(rig.only.is_stray(look * 2.0, 10, 4_000_000))
        assert any(verdicts) is stray, (steps, waiting)


def test_what_was_there_before_the_first_ledger_is_no_stray(rig: Rig) -> None:
    """An upgrade cuts nobody: the Nginx before told of no answers."""
    rig.answers.is_first = True
    for look in range(9):
        rig.look(socket(look * 10_000_000, 50_000), socket(look * 10_000_000, 50_000, cookie=2, peer="192.0.2.7 40001"))
        verdicts = [channel.is_stray(look * 2.0, 10, 4_000_000) for channel in rig.channels]
    assert verdicts == [False, False]
    for look in range(9):
        rig.look(socket(look * 10_000_000, 50_000, cookie=3))
        (later,) = rig.channels
        verdict = later.is_stray(look * 2.0, 10, 4_000_000)
    assert verdict

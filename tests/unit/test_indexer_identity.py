"""Matching files to rows, without a disk or a database."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.reconcile import Found, Known, compare, identify
from indexer.removals import judge
from indexer.settings import IndexerSettings
from indexer.walk import Listing
from media.probe import JUDGEMENT

ROOT = "/library"


def known(number: int, path: bytes, content: bytes, *, mtime: int = 1, removed: bool = False) -> Known:
    return Known(UUID(int=number).hex, ROOT, path, 10, mtime, content, "ready", None, "mp4", removed, JUDGEMENT)


def listing(*paths: bytes, mtime: int = 1) -> dict[str, Listing | None]:
    return {ROOT: Listing(1, dict.fromkeys(paths, (10, mtime)))}


def everything(rows: list[Known]) -> set[str]:
    return {row.id.hex for row in rows}


def test_a_path_below_an_unlisted_folder_is_not_absent() -> None:
    row = known(1, b"shut/film.mp4", b"A")
    found = Listing(1, {}, {b"shut/": "Permission denied"})
    assert not compare([row], {ROOT: found}, everything([row])).absent


def test_a_root_that_can_not_be_reached_has_no_absent_rows() -> None:
    row = known(1, b"film.mp4", b"A")
    assert not compare([row], {ROOT: None}, everything([row])).absent


def test_an_unreachable_root_keeps_its_title_when_a_copy_turns_up_elsewhere() -> None:
    row = known(1, b"film.mp4", b"A")
    listings = {ROOT: None, "/other": Listing(2, {b"film.mp4": (10, 1)})}
    comparison = compare([row], listings, everything([row]))
    identities = identify(comparison, [(found, b"A") for found in comparison.due])
    assert (identities.moved, len(identities.new)) == ([], 1)


def test_the_visible_row_stands_for_a_path_and_a_removed_one_can_still_come_back() -> None:
    rows = [known(1, b"a.mp4", b"A", removed=True), known(2, b"a.mp4", b"B"), known(3, b"a.mp4", b"C", removed=True)]
    listings: dict[str, Listing | None] = {ROOT: Listing(1, {b"a.mp4": (10, 1), b"b.mp4": (10, 1)})}
    comparison = compare(rows, listings, everything(rows))
    assert [found.path for found in comparison.due] == [b"b.mp4"]
    identities = identify(comparison, [(comparison.due[0], b"A")])
    assert [row.id.int for _, row in identities.moved] == [1]


def test_of_two_copies_that_moved_each_file_takes_one_row_and_names_decide() -> None:
    rows = [known(1, b"old/x.mp4", b"A"), known(2, b"old/y.mp4", b"A")]
    comparison = compare(rows, listing(b"new/y.mp4", b"new/x.mp4"), everything(rows))
    identities = identify(comparison, [(found, b"A") for found in comparison.due])
    assert {found.path: row.id.int for found, row in identities.moved} == {b"new/x.mp4": 1, b"new/y.mp4": 2}


def test_a_copy_made_before_the_original_was_replaced_does_not_take_its_title() -> None:
    row = known(1, b"a.mp4", b"A", mtime=1)
    comparison = compare([row], listing(b"a.mp4", b"copy.mp4", mtime=2), {row.id.hex})
    contents = {b"a.mp4": b"B", b"copy.mp4": b"A"}
    identities = identify(comparison, [(found, contents[found.path]) for found in comparison.due])
    assert [(found.path, row.id.int) for found, row in identities.same] == [(b"a.mp4", 1)]
    assert [found.path for found in identities.new] == [b"copy.mp4"]


NAMES = st.sampled_from([b"a", b"b", b"c", b"d", b"e"])
CONTENTS = st.sampled_from([b"1", b"2", b"3", None])


@given(before=st.dictionaries(NAMES, CONTENTS), after=st.dictionaries(NAMES, CONTENTS), removed=st.sets(NAMES))
def test_every_file_gets_one_title_and_no_title_two_files(
    before: dict[bytes, bytes | None], after: dict[bytes, bytes | None], removed: set[bytes]
) -> None:
    rows = [
        known(number, path, content or b"", mtime=1, removed=path in removed)._replace(fingerprint=content)
        for number, (path, content) in enumerate(before.items(), 1)
    ]
    comparison = compare(rows, listing(*after, mtime=2), everything(rows))
    identities = identify(comparison, [(found, after[found.path]) for found in comparison.due])
    owners = [*identities.moved, *identities.same]
    files = [found.path for found, _ in owners] + [found.path for found in identities.new]
    ids = [row.id for _, row in owners]
    assert sorted(files) == sorted(after)
    assert len(set(ids)) == len(ids)
    lost = {row.id for row in comparison.absent.values()} | {row.id for row in identities.overwritten}
    assert lost.isdisjoint(ids)
    assert lost | set(ids) >= {row.id for row in rows if not row.removed}
    # After the blocked rows have left, each path has one visible row.
    blocked = set(identities.blocking())
    taken = {found.place for found in identities.new} | {found.place for found, _ in identities.moved}
    staying = {row.place for row in rows if not row.removed and row.id not in blocked and row.id not in ids}
    assert not taken & staying


@pytest.mark.parametrize(
    ("known_files", "lost", "hidden"),
    [(1, 1, True), (2, 2, True), (10, 2, True), (10, 3, False), (100, 20, True), (100, 21, False)],
)
def test_a_loss_is_believed_up_to_a_fifth_or_two_files(known_files: int, lost: int, hidden: bool) -> None:
    rows = [known(number, b"%d" % number, b"A") for number in range(lost)]
    verdict = judge(rows, {ROOT: known_files}, {ROOT: 1}, {ROOT: 1}, IndexerSettings(), accepted=False)
    assert (len(verdict.hide) == lost, list(verdict.doubts)) == (hidden, [] if hidden else [ROOT])


def test_a_new_device_with_nothing_lost_is_no_cause_for_doubt() -> None:
    assert not judge([], {ROOT: 9}, {ROOT: 2}, {ROOT: 1}, IndexerSettings(), accepted=False).doubts


def test_what_was_hidden_before_is_not_lost_again() -> None:
    rows = [known(number, b"%d" % number, b"A", removed=True) for number in range(9)]
    assert not judge(rows, {ROOT: 0}, {ROOT: 1}, {}, IndexerSettings(), accepted=False).hide


def test_a_file_that_was_judged_by_an_older_way_of_looking_is_due() -> None:
    row = known(1, b"film.mp4", b"A")
    assert compare([row], listing(b"film.mp4"), everything([row])).due == []
    old = row._replace(judgement=JUDGEMENT - 1)
    assert [found.known for found in compare([old], listing(b"film.mp4"), everything([old])).due] == [old]


def test_a_found_file_is_due_when_its_title_has_no_folder() -> None:
    row = known(1, b"a.mp4", b"A")
    assert compare([row], listing(b"a.mp4"), {row.id.hex}).due == []
    assert compare([row], listing(b"a.mp4"), set()).due == [Found(ROOT, b"a.mp4", 10, 1, row)]

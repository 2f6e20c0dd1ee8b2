"""Notice what lies beside films: pictures for their posters, and notes that tell what they are.

The walk has listed all of it. Only titles whose files or companions changed are looked at.
"""

from collections.abc import Sequence

from indexer import store, told
from indexer.crew import Crew
from indexer.examine import Examiner, Told
from indexer.names import shown_filename
from indexer.progress import Progress
from indexer.reconcile import Place
from indexer.store import Database
from indexer.told import Beside
from media import faults
from media.companions import Companions
from media.nfo import Note


def look_beside(database: Database, crew: Crew, examiner: Examiner, progress: Progress, places: Sequence[Place]) -> int:
    """Read the notes that came, changed or went at these places, and have posters made anew where pictures did; how
    many titles a note was read for.
    """
    # Of a folder whose listing broke off it isn't known what lies there.
    seen_whole = [place for place in places if not _is_in_doubt(examiner, *place)]
    if not seen_whole:
        return 0
    titles = told.ready_at(database, seen_whole)
    due = [title.id for title in titles if title.of_pictures != _beside(examiner, title).of_pictures]
    if due:
        told.make_pictures_due(database, due)
    changed = [title for title in titles if title.of_notes != _beside(examiner, title).of_notes]
    read = 0
    for title, seen in crew.each("reading notes", lambda one: examiner.notes(one.root, one.path), changed):
        if not isinstance(seen, Told):  # the disk did not give it: the next scan asks again
            progress.event("unread", title.path, str(seen))
            continue
        try:
            told.tell(database, title, seen.note or Note(), _beside(examiner, title).of_notes, seen.remark)
        except store.REFUSED as error:
            progress.alert("error", f"{shown_filename(title.path)}, its note: {faults.refused(error).sentence}")
            continue
        read += seen.note is not None
        if seen.remark:
            progress.event("passed by", title.path, seen.remark)
        elif seen.note:
            progress.event("told", title.path, seen.note.title or "")
    return read


def _is_in_doubt(examiner: Examiner, root: str, path: bytes) -> bool:
    listing = examiner.listings.get(root)
    return listing is None or listing.hides(path)


def _beside(examiner: Examiner, title: Beside) -> Companions:
    return examiner.companions(title.root, title.path)

"""Bring the catalog and the published tree to the same state, so that a kill between any two steps is mended.

What makes a title watchable is done to the tree first and then committed: killed between, the row still says that
the file is due, and the next scan does it again. What takes a title away is committed first: killed between, the
rows of `published_files` say what is left to take away. Each step holds the title's advisory lock.
"""

import os
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from catalog import jobs
from catalog.contract.words import RenditionPolicy
from catalog.locks import lock_video
from indexer import store
from indexer.defaults import Defaults
from indexer.examine import Examined, Picture
from indexer.reconcile import Found, Known
from indexer.settings import LibraryRoot
from indexer.store import Database, PictureDue
from indexer.titles import Titles
from media import faults
from media.faults import Fault
from media.report import Probed
from media.sniff import Container

POSTER = "poster.jpg"
# Titles that are asked for in one transaction: after an upgrade it is the whole library's turn.
_ASKED_AT_ONCE = 500


class Publisher:
    """The one writer of a scan: only the main thread uses it."""

    def __init__(self, database: Database, titles: Titles, library_roots: Sequence[LibraryRoot]) -> None:
        self._database = database
        self._titles = titles
        roots = {root.path: root.default_visibility for root in library_roots}
        self._defaults = Defaults(roots, store.folder_rules(database))
        self._renditions = {root.path: root.renditions for root in library_roots}

    def ready(self, examined: Examined, probed: Probed, row: Known | None) -> Fault | None:
        """Publish a probed video under the id of `row`, or a new one. The fault, if it can't be published or stored."""
        if examined.container is None or examined.fingerprint is None:
            raise ValueError("only a file with a container and a fingerprint can be ready")
        video = row.id if row else uuid4()
        try:
            return self._save_ready(examined, examined.container, examined.fingerprint, probed, video, row)
        except store.REFUSED as error:
            if row is None:
                self._titles.remove(video)
            return faults.refused(error)

    def arrived(self, examined: Examined, probed: Probed, renditions: RenditionPolicy | None = None) -> UUID | Fault:
        """Publish a file that was just put into the library, in the caller's transaction: what a scan would do with it.
        `renditions` is its own policy, if not its root's.

        The id of its title. Where that transaction fails, its folder is an ownerless one: the next scan removes it.
        """
        if examined.container is None or examined.fingerprint is None:
            raise ValueError("only a file with a container and a fingerprint can be ready")
        video = uuid4()
        try:
            fault = self._save_ready(
                examined, examined.container, examined.fingerprint, probed, video, None, renditions
            )
        except store.REFUSED as error:
            fault = faults.refused(error)
        return fault or video

    def _save_ready(
        self,
        examined: Examined,
        container: Container,
        content: bytes,
        probed: Probed,
        video: UUID,
        row: Known | None,
        renditions: RenditionPolicy | None = None,
    ) -> Fault | None:
        found = examined.found
        with self._database.transaction():
            if row:  # nobody else knows the id of a new title before it is committed, and it has nothing to forget
                lock_video(self._database, video)
            try:
                self._link(video, found, container)
            except OSError as error:
                return faults.not_opened(error)
            is_same = bool(row and store.has_content(self._database, video, content))
            pictured = (
                is_same
                and self._titles.has(video, POSTER)
                and store.shows_the_same(self._database, video, content, probed)
            )
            if row and not is_same:
                self._titles.withdraw_made(video)
            elif row and not pictured:
                self._titles.withdraw(video, [POSTER])
            with self._database.pipeline():  # one answer to wait for instead of five
                if row and is_same:
                    store.forget_tracks(self._database, video)
                    store.unpublish(self._database, video, "source.%")
                    if not pictured:
                        store.unpublish(self._database, video, POSTER)
                elif row:
                    store.forget_content(self._database, video)
                origin = self._origin(found, row)
                store.save_ready(self._database, video, found, content, probed, *origin, pictured=pictured)
                self._name_viewers(video, found, row)
                self._publish_source(video, found, container)
            if renditions is not None:
                store.choose_renditions(self._database, video, renditions)
            store.adopt_renditions(self._database, found.root, self._renditions[found.root], video)
            if row is None or not is_same:
                self._ask(video, content, None, found.sidecars)
            else:
                self._ask(video, content, row.sidecars if pictured else None, found.sidecars)
        return None

    def broken(self, examined: Examined, fault: Fault, row: Known | None) -> bool:
        """Record why a video can't be watched; False when that was known already."""
        found = examined.found
        if row and row.is_judged and _unchanged(row, found, "broken") and row.reason == fault.sentence:
            return False
        video = row.id if row else uuid4()
        with self._database.transaction():
            lock_video(self._database, video)
            store.save_broken(
                self._database, video, found, examined.fingerprint, fault.sentence, *self._origin(found, row)
            )
            self._name_viewers(video, found, row)
        # Whatever a kill leaves here can't be watched: authz asks for the status. The next content replaces it.
        self._titles.withdraw(video, self._titles.sources(video))
        self._titles.withdraw_made(video)
        return True

    def waiting(self, found: Found, row: Known | None) -> bool:
        """Record that a file is still being written; False when nothing changed since that was recorded."""
        if row and _unchanged(row, found, "waiting"):
            return False
        video = row.id if row else uuid4()
        with self._database.transaction():
            store.save_waiting(
                self._database, video, found, faults.STILL_WRITTEN.sentence, self._defaults.visibility(found)
            )
            self._name_viewers(video, found, row)
        return True

    def place(self, row: Known, found: Found, container: Container | None) -> None:
        """Note where a video that is known already is now, and lead its link there."""
        with self._database.transaction():
            lock_video(self._database, row.id)
            if container is not None:
                self._link(row.id, found, container)
                self._publish_source(row.id, found, container)
            lost = self._lost(row.id)
            for name in lost:
                store.unpublish(self._database, row.id, name)
            store.save_place(self._database, row, found, pictured=self._titles.has(row.id, POSTER))
            if row.status == "ready" and row.fingerprint is not None:
                self._ask(row.id, row.fingerprint, None if lost else row.sidecars, found.sidecars)

    def ask(self, unasked: Sequence[tuple[Known, bytes]]) -> None:
        """Have the text of these titles made anew, for the subtitle files beside them; and what was never made."""
        for start in range(0, len(unasked), _ASKED_AT_ONCE):
            with self._database.transaction():
                for row, sidecars in unasked[start : start + _ASKED_AT_ONCE]:
                    if row.fingerprint is not None:
                        self._ask(row.id, row.fingerprint, row.sidecars, sidecars)

    def poster(self, due: PictureDue, picture: Picture) -> bool:
        """Publish a poster, or note that there is none; False when the title has other content by now."""
        with self._database.transaction():
            lock_video(self._database, due.id)
            if not store.mark_pictured(self._database, due, picture.of_pictures, picture.remark):
                return False
            if isinstance(picture.poster, bytes):
                self._titles.put_picture(due.id, POSTER, picture.poster)
                store.publish(self._database, due.id, POSTER, "image/jpeg", len(picture.poster))
            else:  # there may be one of a picture that lay beside the film
                self._titles.withdraw(due.id, [POSTER])
                store.unpublish(self._database, due.id, POSTER)
        return True

    def hide(self, videos: list[UUID]) -> int:
        """Hide titles whose files are gone, and take away every hidden title's source."""
        hidden = store.hide(self._database, videos)
        for video, name in store.hidden_with_source(self._database):
            with self._database.transaction():
                lock_video(self._database, video)
                self._titles.withdraw(video, [name])
                store.unpublish(self._database, video, name)
        return hidden

    def purge(self, days: float, unreachable: list[str]) -> int:
        """Delete titles that have been hidden for longer than `days`, except of roots that can't be reached."""
        purged = 0
        for video in store.long_hidden(self._database, days, unreachable):
            with self._database.transaction():
                lock_video(self._database, video)
                if not store.delete_hidden(self._database, video):
                    continue
            self._titles.remove(video)
            purged += 1
        return purged

    def adopt_policies(self, roots: Iterable[str]) -> None:
        """Have made what the policies of these roots want by now of titles that were there before."""
        for root in roots:
            store.adopt_renditions(self._database, root, self._renditions[root])

    def _ask(self, video: UUID, content: bytes, before: bytes | None, sidecars: bytes) -> None:
        """Have workers make what is lacking, when this transaction commits: text for other `sidecars` than `before`;
        all, where that is None. A job names what it is of, so that it is never taken for one of later content.
        """
        if before == sidecars:
            return
        of = {"fingerprint": content.hex()}
        if before is None:
            jobs.enqueue(self._database, "pictures", video_id=video, parameters=of)
        jobs.enqueue(self._database, "text", video_id=video, parameters=of | {"sidecars": sidecars.hex()})
        store.save_sidecars(self._database, video, sidecars)

    def _lost(self, video: UUID) -> list[str]:
        """What was made of the title and is not in its folder any more."""
        names = store.published_names(self._database, video)
        return [name for name in names if not name.startswith("source.") and not self._titles.has(video, name)]

    def _link(self, video: UUID, found: Found, container: Container) -> None:
        target = os.path.join(os.fsencode(found.root), found.path)
        self._titles.link_source(video, f"source.{container.name}", target)

    def _publish_source(self, video: UUID, found: Found, container: Container) -> None:
        store.publish(self._database, video, f"source.{container.name}", container.media_type, found.size)

    def _origin(self, found: Found, row: Known | None) -> tuple[str, bytes]:
        """Who may watch it at first, and the path its present title was made from."""
        return self._defaults.visibility(found), row.path if row else found.path

    def _name_viewers(self, video: UUID, found: Found, row: Known | None) -> None:
        rule = None if row else self._defaults.naming_rule(found)
        if rule:
            store.name_viewers(self._database, video, rule)


def _unchanged(row: Known, found: Found, status: str) -> bool:
    described = (row.status, row.size, row.mtime_ns, row.place, row.removed)
    return described == (status, found.size, found.mtime_ns, found.place, False)

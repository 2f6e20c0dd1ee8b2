"""One scan, from the walk to the purge. Killed at any moment, the next one completes the work.

 1. List every root and compare with the catalog: what is unchanged is not touched.
 2. Files changed within the last seconds are set aside; the others are examined, matched to titles, probed and
    published.
 3. Posters are made until the files set aside have had their time; those are looked at again. What holds still is
    treated like the others, what grows is recorded as waiting.
 4. The text of titles is asked for where other subtitle files lie beside them than before; so are posters where other
    pictures do, and other notes (.nfo) are read. Titles whose files are gone are hidden, unless too many are gone at
    once; those hidden long ago are purged.
 5. The posters that are left are made.

Threads look at files and run tools; this thread alone writes to the database and to the published tree.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from catalog.text import clean
from indexer import store
from indexer.beside import look_beside
from indexer.crew import Crew
from indexer.examine import Examined, Examiner, Unsettled
from indexer.names import shown_filename
from indexer.permission import Reader
from indexer.pictures import make_pictures
from indexer.progress import Progress
from indexer.publish import Publisher
from indexer.reconcile import Comparison, Found, Known, compare, identify
from indexer.removals import judge
from indexer.roots import Roots
from indexer.settings import IndexerSettings
from indexer.store import Database
from indexer.summary import Summary
from indexer.titles import Titles
from media import faults
from media.faults import Fault
from media.report import Probed
from media.sandbox import Sandbox, SandboxError

# Links that were passed by: so many are named in the record of a scan, and in its message.
_LINKS_RECORDED = 100
_LINKS_TOLD = 10


class Scan:
    """`run` once. The caller holds the scan lock on `database`, which is in autocommit mode."""

    def __init__(
        self,
        database: Database,
        settings: IndexerSettings,
        sandbox: Sandbox,
        progress: Progress,
        *,
        accept_removals: bool = False,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._settings = settings
        self._sandbox = sandbox
        self._progress = progress
        self._accept_removals = accept_removals
        self._now = now
        self._sleep = sleep
        self._titles = Titles(settings.titles_dir)
        self._publisher = Publisher(database, self._titles, settings.library_roots)
        self._summary = Summary()
        self._record = 0

    def run(self) -> Summary:
        """Raises `TitlesError` and `SandboxError` before anything is changed, and `psycopg.Error`."""
        began = time.monotonic()
        self._titles.check()
        self._titles.sweep()
        self._record = store.start_scan(self._database)
        user = self._settings.reader_user
        with (
            Crew(self._settings.workers, self._progress) as crew,
            Roots.listed(self._settings.library_roots, self._progress, self._settings.root_silence_seconds) as roots,
        ):
            reader = Reader.named(user) if user else None
            self._index(crew, roots, Examiner(self._settings, self._sandbox, reader, roots.descriptors, roots.listings))
        self._summary.count(store.count_by_status(self._database), time.monotonic() - began)
        store.finish_scan(self._database, self._record, self._summary.as_json(), self._settings.scan_record_days)
        return self._summary

    def _index(self, crew: Crew, roots: Roots, examiner: Examiner) -> None:
        for root, problem in roots.problems.items():
            self._doubt(root, problem)
        for folder, reason in roots.unlisted().items():
            self._summary.unlisted_folders.append(folder)
            self._progress.alert("warning", f"{folder} can't be listed ({reason}); what is below stays as it was.")
        self._tell_links(roots.links())
        self._publisher.adopt_policies(roots.devices)
        published = self._titles.published()
        rows = store.known_videos(self._database)
        comparison = compare(rows, roots.listings, published)
        self._summary.seen = comparison.seen
        self._summary.unchanged = comparison.seen - len(comparison.due)
        if comparison.due:
            self._sandbox.check()
        second_look = time.monotonic() + self._settings.settle_seconds
        settled, unsettled = self._split(comparison.due)
        if changed := self._treat(crew, examiner, comparison, settled, unsettled):
            unsettled += changed
            second_look = time.monotonic() + self._settings.settle_seconds
        if unsettled:
            self._make_pictures(crew, examiner, until=second_look)
            self._sleep(max(0.0, second_look - time.monotonic()))
            self._look_again(crew, examiner, comparison, unsettled)
        self._publisher.ask(
            [(row, sidecars) for row, sidecars in comparison.unasked if row.id not in comparison.claimed]
        )
        due = [found.place for found in comparison.due]
        self._summary.told += look_beside(
            self._database, crew, examiner, self._progress, [*due, *comparison.accompanied]
        )
        self._remove(comparison, roots.devices)
        self._remove_ownerless(published.difference(row.hex for row in rows), len(rows))
        self._make_pictures(crew, examiner)

    def _tell_links(self, links: Sequence[str]) -> None:
        if not links:
            return
        self._summary.linked, self._summary.linked_names = len(links), list(links[:_LINKS_RECORDED])
        named = ", ".join(clean(link, "?") for link in links[:_LINKS_TOLD])
        self._progress.alert(
            "warning",
            f"{len(links):,} links were passed by, since a link may lead out of the library: {named}"
            f"{', ...' if len(links) > _LINKS_TOLD else ''}. Name the folders that they lead to in library_roots, or"
            " put the files themselves (or hard links to them) there.",
        )

    def _split(self, due: Iterable[Found]) -> tuple[list[Found], list[Found]]:
        """Files that hold still, and those that may still be growing. A time to come is a wrong clock's."""
        newest = self._now() * 1e9
        youngest = newest - self._settings.settle_seconds * 1e9
        settled: list[Found] = []
        young: list[Found] = []
        for found in due:
            (young if youngest < found.mtime_ns <= newest else settled).append(found)
        return settled, young

    def _look_again(self, crew: Crew, examiner: Examiner, comparison: Comparison, unsettled: Sequence[Found]) -> None:
        still: list[Found] = []
        growing: list[Found] = []
        for found, seen in crew.each("looking again", examiner.status, unsettled):
            if isinstance(seen, Found):
                (still if seen == found else growing).append(seen)
        growing += self._treat(crew, examiner, comparison, still, growing)
        for found in growing:
            row = found.known if found.known and found.known.id not in comparison.claimed else None
            with self._recording(found):
                if self._publisher.waiting(found, row):
                    self._progress.event("waiting", found.path)

    def _treat(
        self,
        crew: Crew,
        examiner: Examiner,
        comparison: Comparison,
        settled: Sequence[Found],
        unsettled: Sequence[Found],
    ) -> list[Found]:
        """Examine, match, probe and publish files. Answers those that changed meanwhile, as they are now."""
        examined: dict[Found, Examined] = {}
        changed: list[Found] = []
        for found, seen in crew.each("examining", examiner.examine, settled):
            if isinstance(seen, Examined):
                examined[found] = seen
            elif isinstance(seen, Unsettled):
                changed.append(found)
        contents = [(found, seen.fingerprint) for found, seen in examined.items()]
        identities = identify(comparison, contents, [*unsettled, *changed])
        store.hide(self._database, identities.blocking())
        self._summary.removed += len(identities.overwritten)
        work: list[tuple[Examined, Known | None]] = []
        for found, row in (*identities.moved, *identities.same):
            if _is_as_known(examined[found], row):
                with self._recording(found):
                    self._place(examined[found], row)
            else:
                work.append((examined[found], row))
        work += [(examined[found], None) for found in identities.new]
        changed += self._probe(crew, examiner, work)
        now = crew.each("looking again", examiner.status, changed)
        return [seen for _, seen in now if isinstance(seen, Found)]

    def _probe(self, crew: Crew, examiner: Examiner, work: Sequence[tuple[Examined, Known | None]]) -> list[Found]:
        changed: list[Found] = []
        for (examined, row), seen in crew.each("probing", lambda job: examiner.probe(job[0]), work):
            if isinstance(seen, Unsettled):
                changed.append(examined.found)
            elif isinstance(seen, SandboxError):
                self._summary.postponed += 1
                self._progress.alert("error", f"not judged, looked at again by the next scan: {seen}")
            elif isinstance(seen, Probed | Fault):
                with self._recording(examined.found):
                    self._publish(examined, seen, row)
        return changed

    @contextmanager
    def _recording(self, found: Found) -> Iterator[None]:
        """Around what is written of one file: a row that PostgreSQL refuses costs that file and no other."""
        try:
            yield
        except store.REFUSED as error:
            self._summary.unrecorded += 1
            name = shown_filename(found.path)
            self._progress.alert("error", f"{name} can't be recorded: {faults.refused(error).sentence}")

    def _publish(self, examined: Examined, seen: Probed | Fault, row: Known | None) -> None:
        path = examined.found.path
        fault = seen if isinstance(seen, Fault) else self._publisher.ready(examined, seen, row)
        if fault and not self._publisher.broken(examined, fault, row):
            return
        if row is None:
            self._summary.added += 1
        else:
            self._summary.changed += 1
        if fault:
            self._progress.event("broken", path, fault.sentence)
        else:
            self._progress.event("added" if row is None else "changed", path)

    def _place(self, examined: Examined, row: Known) -> None:
        """The content is known already: only say where it is, or that it is back."""
        self._publisher.place(row, examined.found, examined.container if row.status == "ready" else None)
        if row.place != examined.found.place:
            self._summary.moved += 1
            self._progress.event("moved", examined.found.path)
        else:
            self._summary.returned += 1
            self._progress.event("returned", examined.found.path)

    def _remove(self, comparison: Comparison, devices: dict[str, int]) -> None:
        before = store.last_devices(self._database)
        # What was uploaded since came to places that had been looked at.
        older = store.older_than_scan(self._database, self._record, list(comparison.absent))
        comparison.absent = {video: row for video, row in comparison.absent.items() if video in older}
        verdict = judge(
            comparison.absent.values(),
            comparison.visible,
            devices,
            before,
            self._settings,
            accepted=self._accept_removals,
        )
        for root, doubt in verdict.doubts.items():
            self._doubt(root, doubt)
        for row in verdict.hide:
            self._progress.event("removed", row.path)
        self._summary.removed += self._publisher.hide(store.ids(verdict.hide))
        self._summary.devices = before | {root: devices[root] for root in devices if root not in verdict.doubts}
        self._summary.purged = self._publisher.purge(self._settings.purge_days, self._summary.unreachable_roots)

    def _remove_ownerless(self, ownerless: set[str], known: int) -> None:
        """Folders without a row: a killed run's. Many of them mean another database, so they are left alone."""
        if len(ownerless) > max(self._settings.removal_floor, self._settings.removal_share * known):
            self._progress.alert(
                "warning",
                f"{len(ownerless)} folders in {self._settings.titles_dir} belong to no title of this database. They"
                " are left there. Is this the right database? If so, remove them.",
            )
            return
        # An upload that becomes a title meanwhile has its folder before its row.
        for video in ownerless.difference(store.hexes(self._database, ownerless)):
            self._titles.remove(UUID(video))

    def _make_pictures(self, crew: Crew, examiner: Examiner, until: float | None = None) -> None:
        self._summary.pictures += make_pictures(
            self._database, crew, examiner, self._publisher, self._progress, until=until
        )

    def _doubt(self, root: str, sentence: str) -> None:
        self._summary.unreachable_roots.append(root)
        self._progress.alert("warning", sentence)


def _is_as_known(examined: Examined, row: Known) -> bool:
    """Is the row's content, probed already, what lies here? A new time at the old place may hide an edit."""
    if not row.is_judged:
        return False
    if examined.fault is not None:
        return row.status == "broken" and row.reason == examined.fault.sentence and row.place != examined.found.place
    return (
        row.status == "ready"
        and examined.container is not None
        and row.container == examined.container.name
        and row.fingerprint == examined.fingerprint
        and (row.place != examined.found.place or row.mtime_ns == examined.found.mtime_ns)
    )

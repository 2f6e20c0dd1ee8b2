"""Uploads: parts are appended while others arrive; when all are there, the file is looked at and becomes a title.

`append`  what has arrived, in order, as far as it goes.
`finish`  the rest of it; then the file is compared with its digest, judged as a scan judges, and lands in its root
          under a name of its own, after its title. A file that is no whole video is refused.
`remove`  what a cancelled upload has left.
"""

import contextlib
import os
from pathlib import Path
from uuid import UUID

from catalog import uploads as shared
from indexer.examine import Examined
from indexer.fingerprint import fingerprint
from indexer.publish import Publisher
from indexer.reconcile import Found
from indexer.titles import Titles
from media.beneath import changed_at
from media.extent import missing_bytes
from media.faults import Fault
from media.probe import probe
from media.report import Probed
from media.sniff import HEAD_BYTES, sniff
from worker import attempts, landing, remains, uploads
from worker.attempt import Attempt, JobFailed, Superseded
from worker.digest import Digest
from worker.growing import Growing
from worker.uploads import Upload

# What is told of the way: most of it is writing parts.
_WRITTEN, _CHECKED = 0.9, 0.95
_UNDER_WAY = ("open", "checking")


def run(attempt: Attempt) -> None:
    """One step of an upload."""
    upload_id, step = UUID(attempt.job.parameters["upload"]), attempt.job.parameters["step"]
    if step == "remove":
        remains.remove(attempt.settings, upload_id.hex, attempt.job.parameters["root"])
        return
    upload = uploads.one(attempt.database, upload_id)
    if upload is None or upload.state not in _UNDER_WAY:
        return
    if upload.library_root not in attempt.settings.writable_roots:
        raise JobFailed("Its folder takes no uploads any more. Ask the operator.")
    uploads.forget_steps(attempt.database, upload_id)
    with Growing(Path(upload.library_root), upload_id.hex) as growing:
        whole = _append(attempt, upload, growing)
        if step != "finish":
            return
        if whole:
            _finish(attempt, whole, growing)
        else:
            _refuse(attempt, upload, "Parts of the file were lost on the way. Send it again.")


def _append(attempt: Attempt, upload: Upload, growing: Growing) -> Upload | None:
    """Append what has arrived, in order. The upload as it is when all of it is there; None when parts are missing, or
    it was cancelled.

    Another worker may do the same, of `append` and `finish`: whoever notes a part first has done it.
    """
    cut, folder = upload.cut, attempt.settings.uploads_dir
    while upload.appended < cut.count:
        number = upload.appended + 1
        attempt.report("putting the parts together", number / cut.count * _WRITTEN)
        done = False
        if shared.is_here(folder, upload.id.hex, cut, number):
            part = shared.part(folder, upload.id.hex, number)
            with contextlib.suppress(FileNotFoundError):
                growing.take(part, cut.offset(number), cut.length(number), attempt.check)
                state = _digest(attempt, upload, growing, number).state if upload.sha256 else None
                done = uploads.has_appended(attempt.database, upload.id, number, state)
                part.unlink(missing_ok=True)
        now = uploads.one(attempt.database, upload.id)
        if now is None or now.state not in _UNDER_WAY or not (done or now.appended > upload.appended):
            return None
        upload = now
    return upload


def _digest(attempt: Attempt, upload: Upload, growing: Growing, parts: int) -> Digest:
    """Of the first `parts` parts: from where the last one left off."""
    cut = upload.cut
    digest = Digest(upload.digest_state, min(cut.offset(upload.appended + 1), cut.size))
    digest.follow(growing.descriptor, cut.offset(parts) + cut.length(parts), attempt.check)
    return digest


def _finish(attempt: Attempt, upload: Upload, growing: Growing) -> None:
    attempt.report("looking at the file", _WRITTEN)
    if upload.sha256 and _digest(attempt, upload, growing, upload.cut.count).value() != upload.sha256:
        _refuse(attempt, upload, "The file arrived with another SHA-256 than was told. Send it again.")
        return
    stem = landing.stem_of(upload.name)
    found = _judged(attempt, upload, growing.descriptor)
    if isinstance(found, Fault):
        if Fault.is_passing(found.sentence):
            raise RuntimeError(found.sentence)
        _refuse(attempt, upload, found.sentence)
        return
    attempt.report("putting it into the library", _CHECKED)
    os.fsync(growing.descriptor)
    if fault := _land(attempt, upload, growing.path, stem, *found):
        _refuse(attempt, upload, fault.sentence)


def _judged(attempt: Attempt, upload: Upload, descriptor: int) -> tuple[Examined, Probed] | Fault:
    """What a scan would find out, before anything of it is in the library. Lacking a piece is no whole video here."""
    status = os.fstat(descriptor)
    container = sniff(os.pread(descriptor, HEAD_BYTES, 0), os.fsencode(upload.name))
    if isinstance(container, Fault):
        return container
    missing = missing_bytes(descriptor, status.st_size, container.family)
    probed = probe(attempt.sandbox, attempt.settings, descriptor, container, missing)
    if isinstance(probed, Fault):
        return probed
    if probed.note:
        return Fault(probed.note)
    found = Found(upload.library_root, b"", status.st_size, changed_at(status))
    return Examined(found, fingerprint(descriptor, status.st_size), container), probed


def _land(
    attempt: Attempt, upload: Upload, growing: Path, stem: str, examined: Examined, probed: Probed
) -> Fault | None:
    """Into the library: first the title, with its viewers, then the file. Or why it can't be.

    A scan never finds a file there that is nobody's yet. Killed in between, the next attempt goes on from there.
    """
    video = upload.video_id or _become_title(attempt, upload, stem, examined, probed)
    if isinstance(video, Fault):
        return video
    path = uploads.title_path(attempt.database, video)
    if path is None:
        return Fault("Its title was removed while it was put into the library. Send it again.")
    landing.give_name(growing, upload.library_root, path)
    with attempt.database.transaction():
        if not attempts.hold(attempt.database, attempt.job):
            raise Superseded
        uploads.done(attempt.database, upload.id, attempt.settings.upload_kept_seconds)
    return None


def _become_title(attempt: Attempt, upload: Upload, stem: str, examined: Examined, probed: Probed) -> UUID | Fault:
    """The title that it is to be, under a name that is free; nothing of it is in the library yet."""
    database, settings = attempt.database, attempt.settings
    with database.transaction():
        held = uploads.one(database, upload.id, hold=True)
        if held is None or held.state != "checking" or not attempts.hold(database, attempt.job):
            raise Superseded
        folders = landing.folders_of(held.folder)

        def path_of(name: bytes) -> bytes:
            return b"/".join([*folders, name])

        def is_taken(name: bytes) -> bool:
            return uploads.is_taken(database, held.library_root, path_of(name))

        try:
            with landing.opened(held.library_root, folders) as folder:
                name = landing.free_name(folder, stem, probed.container, is_taken)
        except (NotADirectoryError, FileExistsError):
            return Fault("One of the folders that it is to lie in is a file or a link. Choose another folder.")
        found = Found(held.library_root, path_of(name), examined.found.size, examined.found.mtime_ns)
        publisher = Publisher(database, Titles(settings.titles_dir), settings.library_roots)
        video = publisher.arrived(
            Examined(found, examined.fingerprint, examined.container), probed, renditions=held.renditions
        )
        if not isinstance(video, Fault):
            uploads.become(database, held, video)
        return video


def _refuse(attempt: Attempt, upload: Upload, reason: str) -> None:
    with attempt.database.transaction():
        if not attempts.hold(attempt.database, attempt.job):
            raise Superseded
        uploads.refuse(attempt.database, upload.id, reason, attempt.settings.upload_refused_seconds)

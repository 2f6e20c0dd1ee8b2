"""Every setting of a worker, its unit and its reason. Values come from the environment with the prefix KINETOSCOPE_."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from catalog.contract.words import JOB_KINDS, JobKind
from indexer.settings import LibraryRoot
from media.settings import Bytes, MediaSettings, Seconds

Count = Annotated[int, Field(ge=1, le=1000)]


class WorkerSettings(MediaSettings):
    """What a worker needs, beside what touching a media file takes."""

    # libpq connection string; the role is the system user (peer authentication).
    database_url: str = "host=/run/postgresql dbname=kinetoscope"
    # The published tree. Scratch folders lie in it too, so that publishing is a rename.
    titles_dir: Path = Path("/srv/kinetoscope/titles")
    # The kinds that this worker takes.
    job_kinds: tuple[JobKind, ...] = JOB_KINDS
    # How many jobs of a kind run at once, over the workers of all hosts; a kind that is not here has no limit. Encoding
    # takes every core it gets, so a second one beside it would only make both late.
    job_limits: dict[JobKind, Count] = Field(default={"rendition": 1, "extra": 1})

    # A worker says this often that it is at work, and learns then that its job was cancelled.
    heartbeat_seconds: Seconds = 2
    # One that was silent for this long is taken for dead, and its job is begun anew.
    silent_seconds: Seconds = 20
    # A worker with nothing to do looks this often for jobs whose time has come; of new ones it hears at once.
    look_seconds: Seconds = 5
    # How often dead workers and forgotten jobs are looked for.
    reap_seconds: Seconds = 5
    # How often a job is begun at most; it has failed then.
    job_attempts: Count = 3
    # The pause after a first attempt in vain; each further one is twice as long.
    retry_seconds: Seconds = 10
    # How long an ended job can be looked up.
    job_days: Annotated[float, Field(gt=0, le=36_500)] = 30
    # What changed and was told to nobody, since the events unit is stopped, is forgotten after so long.
    change_seconds: Seconds = 86_400

    # A tool that does not get on for this long is ended: by the progress it makes, not by the time it takes.
    tool_silence_seconds: Seconds = 120
    # Address space of a tool that makes something: an encoder maps much more than it uses. What it really takes is
    # bounded by the unit.
    tool_memory_bytes: Bytes = 16 << 30

    # Of a film at least this long the smallest rendition is published before the others are begun. It is decoded twice
    # for that.
    rendition_first_seconds: Seconds = 120
    # A title's renditions are not begun where less than this share of the disk could be free in the end.
    rendition_free_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    # What the kept renditions of all titles may take, in bytes and as a share of the disk; 0: no bound. With both the
    # smaller one counts. Beyond it the least watched ones leave.
    rendition_budget_bytes: Annotated[int, Field(ge=0)] = 0
    rendition_budget_share: Annotated[float, Field(ge=0, le=1)] = 0
    # How often that is looked at, beside the ends of jobs.
    rendition_budget_seconds: Seconds = 60
    # A job for which there is no room now, since others may need it, is begun again after so long.
    room_pause_seconds: Seconds = 30
    # What is made while somebody watches: a stretch that was asked for this long ago, and not again, is waited for no
    # more; nobody watches who has asked for nothing for so long.
    instant_patience_seconds: Seconds = 5
    instant_absence_seconds: Seconds = 60
    # So many segments ahead of the encoder are not looked for elsewhere, and so many are made in a row before it goes
    # to another viewer: each time it begins anew costs as much as a segment.
    instant_reach: Count = 3
    instant_row: Count = 4
    # A title whose picture may be copied is copied as soon as so many segments are there ahead of each that was waited
    # for; while that goes on no more than these are encoded.
    instant_ahead: Count = 10
    # What renditions replace is kept for those who are watching it, and what was watched so lately does not leave for
    # others: longer than the longest signed link.
    withdrawn_hours: Annotated[float, Field(ge=0, le=1000)] = 9

    # Where Nginx puts parts of uploads, and the roots of the library: those that are writable take uploads.
    uploads_dir: Path = Path("/srv/kinetoscope/uploads")
    library_roots: tuple[LibraryRoot, ...] = ()
    # A refused upload can be looked at this long; one that became a title is listed, and what Nginx left of parts that
    # broke off is kept, this long.
    upload_refused_seconds: Seconds = 3600
    upload_kept_seconds: Seconds = 86_400

    @property
    def writable_roots(self) -> frozenset[str]:
        """Paths of the roots that take uploads."""
        return frozenset(root.path for root in self.library_roots if root.writable)

    @field_validator("silent_seconds")
    @classmethod
    def outlasts_a_lost_heartbeat(cls, silent: float) -> float:
        if silent < 5:
            raise ValueError("a worker that is merely slow would be taken for dead: give 5 seconds or more")
        return silent

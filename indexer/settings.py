"""Every setting of the indexer, its unit and its reason.

Values come from the environment with the prefix KINETOSCOPE_. A wrong value stops the scan before it starts.
"""

import os
import pwd
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from catalog.contract.words import RenditionPolicy
from media.settings import MediaSettings, Seconds


def _plain_absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path or os.path.normpath(path) != path or path == "/":
        raise ValueError("a path must be absolute, below / and written without `..`, `//` or an ending slash")
    return path


AbsolutePath = Annotated[str, AfterValidator(_plain_absolute)]


class LibraryRoot(BaseModel):
    """One folder of the library."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: AbsolutePath
    # Who may watch what is found here, until somebody decides otherwise for a title.
    default_visibility: Literal["members", "public"] = "members"
    # May the service write uploads here? The indexer itself never writes below a root.
    writable: bool = False
    # Of which of its titles renditions are made by themselves: of those that browsers can't play, of all, of none.
    renditions: RenditionPolicy = "as_needed"


class IndexerSettings(MediaSettings):
    """What a scan needs, beside what touching a media file takes."""

    # libpq connection string; the role is the system user (peer authentication).
    database_url: str = "host=/run/postgresql dbname=kinetoscope"
    library_roots: tuple[LibraryRoot, ...] = (LibraryRoot(path="/srv/kinetoscope/library"),)
    # The published tree. Its group reads it: setgid, group of the web server.
    titles_dir: Annotated[Path, AfterValidator(lambda path: Path(_plain_absolute(str(path))))] = Path(
        "/srv/kinetoscope/titles"
    )
    # Who must be able to read a library file for it to play: the web server's user. Empty: not checked.
    reader_user: str = "www-data"

    # Files looked at and tools running at the same time.
    workers: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=lambda: os.cpu_count() or 1)

    # A root of which nothing is heard for this long is left out of the scan, as one that is missing is: an automount
    # whose server is away never answers.
    root_silence_seconds: Seconds = 60

    # A file whose last change is younger than this is looked at again this much later, in the same scan.
    settle_seconds: Seconds = 10

    # A root that lost more than this share of its files, and more than this number, hides nothing until somebody
    # accepts it (`kinetoscope scan --accept-removals`): more likely a disk is missing than a library was emptied.
    removal_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    removal_floor: Annotated[int, Field(ge=0)] = 2
    # That command leaves this file for the one scan that it starts; an older one says nothing.
    removals_accepted_file: Path = Path("/run/kinetoscope-removals-accepted")
    removals_accepted_seconds: Seconds = 60
    # A removed file's title keeps its history this long, in case the file comes back.
    purge_days: Annotated[float, Field(ge=0, le=36_500)] = 30
    # Records of finished scans are kept this long.
    scan_record_days: Annotated[float, Field(ge=1, le=36_500)] = 30

    @field_validator("reader_user")
    @classmethod
    def reader_exists(cls, user: str) -> str:
        try:
            return user and pwd.getpwnam(user).pw_name
        except KeyError:
            raise ValueError(f"this machine has no user {user!r}") from None

    @field_validator("library_roots")
    @classmethod
    def roots_do_not_overlap(cls, roots: tuple[LibraryRoot, ...]) -> tuple[LibraryRoot, ...]:
        paths = sorted(root.path + "/" for root in roots)
        for outer, inner in pairwise(paths):
            if inner.startswith(outer):
                raise ValueError(f"{inner[:-1]} lies within (or is) another root, {outer[:-1]}: name it once")
        return roots

"""Who may upload what, where to, and how much of it there may be."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from authsvc.link_keys import LinkKeys
from authsvc.settings import Count, DatabaseSettings, Seconds
from catalog.contract.words import Role
from catalog.uploads import LARGEST_PART, MOST_PARTS

Bytes = Annotated[int, Field(ge=0)]


class UploadSettings(DatabaseSettings):
    """For the interface. Without places or without keys nobody may upload."""

    # The secrets of links that take a part: others than those of links to watch by.
    upload_keys: LinkKeys | None = None
    # Where Nginx puts parts. The interface only looks there.
    uploads_dir: Path = Path("/srv/kinetoscope/uploads")
    # Library roots that uploads may become files of; the first is the one without a wish.
    upload_places: tuple[str, ...] = ()
    upload_roles: frozenset[Role] = frozenset({"admin", "user"})

    # Largest file.
    upload_largest_bytes: Annotated[int, Field(ge=1, le=MOST_PARTS * LARGEST_PART)] = 1 << 40
    # Uploads of one user that are under way at once.
    uploads_per_user: Count = 20
    # Bytes of all that one user has uploaded and is uploading, as long as its titles are there; and of everybody
    # together. 0 means no limit.
    upload_user_bytes: Bytes = 0
    upload_box_bytes: Bytes = 0
    # What stays free on each disk, whatever is uploaded: databases and logs may lie there.
    upload_spare_bytes: Bytes = 2 << 30

    # An upload of which nothing is heard for this long is removed with all its parts; one that became a title is
    # listed this long.
    upload_kept_seconds: Seconds = 86_400
    # A link takes its part this long: a slow line needs half an hour for 64 MiB.
    upload_link_seconds: Seconds = 3600

    @property
    def is_possible(self) -> bool:
        """Can anything be uploaded here?"""
        return bool(self.upload_places and self.upload_keys)

"""The question that Nginx asks: its headers, each of a form that leaves one reading.

The other end of `location = /_being_made` in nginx/kinetoscope/doors.conf.j2. Nginx has checked the names and asked
authz; they are checked again, since a path is made of them here.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog.contract import forms

LONGEST_REQUEST_ID = 64
_ID = re.compile(forms.ID, re.ASCII)
_NAME = re.compile(forms.NAME_MADE_NOW, re.ASCII)
_SEGMENT = re.compile(rf".*-({forms.SEGMENT})[.]m4s", re.ASCII)
_REQUEST_ID = re.compile(rf"[0-9A-Za-z_-]{{8,{LONGEST_REQUEST_ID}}}", re.ASCII)


class Unreadable(Exception):
    """The question is not one that Nginx asks."""


class Wanted(NamedTuple):
    """A file of what is made now, and who waits for it."""

    video_id: str
    file: str
    # Of the pictures, counted from 0; of playlists, and of what a decoder begins with, the first.
    segment: int
    user_id: str
    request_id: str


def read(environ: Mapping[str, Any]) -> Wanted:
    """The question in a WSGI environment. Raises Unreadable."""
    video_id, user_id = environ.get("HTTP_X_VIDEO_ID", ""), environ.get("HTTP_X_USER_ID", "")
    file, request_id = environ.get("HTTP_X_FILE", ""), environ.get("HTTP_X_REQUEST_ID", "")
    if not (
        _ID.fullmatch(video_id)
        and _ID.fullmatch(user_id)
        and _NAME.fullmatch(file)
        and _REQUEST_ID.fullmatch(request_id)
    ):
        raise Unreadable
    return Wanted(video_id, file, _segment(file), user_id, request_id)


def request_id(environ: Mapping[str, Any]) -> str:
    """Nginx's id of the request. Raises Unreadable."""
    found: str = environ.get("HTTP_X_REQUEST_ID", "")
    if not _REQUEST_ID.fullmatch(found):
        raise Unreadable
    return found


def _segment(file: str) -> int:
    """Of the pictures: sound is cut elsewhere."""
    found = _SEGMENT.fullmatch(file)
    number = int(found[1]) if found else 0
    return forms.beside_sound(number) if file.startswith("sound") else number

"""gunicorn for the JSON interface: `gunicorn -c python:authsvc.serving.gunicorn_api`. The socket is systemd's."""

import importlib
import os
from typing import Any

from authsvc.serving.gunicorn_shared import *  # noqa: F403  # gunicorn reads the names of this module

wsgi_app = "authsvc.serving.wsgi:api"
proc_name = "kinetoscope-api"

worker_class = "gthread"
# No more than four however many cores there are: each may hash two passwords at once, of 64 MiB each
# (`hashes_at_once`), and together they have to stay within the unit's memory.
workers = min(max(2, len(os.sched_getaffinity(0))), 4)
threads = 8
# gthread accepts more than it has threads for and lets them wait behind a slow one: accept only what runs.
worker_connections = threads
# Nginx opens a connection for each request; an idle one would hold a thread.
keepalive = 0
timeout = 30
graceful_timeout = 20


def on_starting(server: Any) -> None:
    """Load the code once, before the fork: the workers answer sooner, and share its memory. The application is made in
    each of them (authsvc.serving.wsgi). Where sources are reloaded as they change, a worker loads them itself."""
    if not server.cfg.reload:
        importlib.import_module("authsvc.api")

"""gunicorn for the JSON interface: `gunicorn -c python:authsvc.serving.gunicorn_api`. The socket is systemd's."""

import os

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

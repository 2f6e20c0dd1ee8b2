"""gunicorn for the decision endpoint: `gunicorn -c python:authsvc.serving.gunicorn_authz`. The socket is systemd's."""

import os

# Imported before the fork for its shared memory: all workers see one clock of an outage.
import authsvc.authz.outage  # noqa: F401
from authsvc.serving.gunicorn_shared import *  # noqa: F403  # gunicorn reads the names of this module

wsgi_app = "authsvc.serving.wsgi:authz"
proc_name = "kinetoscope-authz"

# One request at a time and a process for each core: threads answer fewer decisions a second (docs/performance.md).
worker_class = "authsvc.authz.worker.Worker"
workers = len(os.sched_getaffinity(0))
# A worker that hangs is replaced; Nginx gave up on its request after 3 s.
timeout = 10
# Below TimeoutStopSec of the unit.
graceful_timeout = 10

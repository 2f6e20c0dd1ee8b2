"""gunicorn for the decision endpoint: `gunicorn -c python:authsvc.gunicorn_authz`. The socket is systemd's."""

import os

# Imported before the fork for its shared memory: all workers see one clock of an outage.
import authsvc.authz.outage  # noqa: F401
from authsvc import logs
from authsvc.wsgi import worker_exit  # noqa: F401  # gunicorn finds it by its name

wsgi_app = "authsvc.wsgi:authz"
proc_name = "kinetoscope-authz"

# One request at a time and a process for each core: for a decision of 0.3 ms threads are slower (FIELD-NOTES).
worker_class = "sync"
workers = len(os.sched_getaffinity(0))
# A worker that hangs is replaced; Nginx gave up on its request after 3 s.
timeout = 10
# Below TimeoutStopSec of the unit.
graceful_timeout = 10
# Never recycle: a restart drops what waits in the worker.
max_requests = 0

# Nginx sends a Cookie or Authorization header of up to 8 KiB; the default of 8190 bytes would answer 400.
limit_request_field_size = 16_380
# Only Nginx can open the socket; nothing here reads an address or scheme from a header.
forwarded_allow_ips = ""

control_socket_disable = True
accesslog = None
logconfig_dict = logs.CONFIG
# The workers' signs of life belong in memory; a slow disk must not look like a dead worker.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

"""gunicorn for the JSON interface: `gunicorn -c python:authsvc.gunicorn_api`. The socket is systemd's."""

import os

from authsvc import logs
from authsvc.wsgi import worker_exit  # noqa: F401  # gunicorn finds it by its name

wsgi_app = "authsvc.wsgi:api"
proc_name = "kinetoscope-api"

worker_class = "gthread"
workers = max(2, len(os.sched_getaffinity(0)))
threads = 8
# gthread accepts more than it has threads for and lets them wait behind a slow one: accept only what runs.
worker_connections = threads
# Nginx opens a connection for each request; an idle one would hold a thread.
keepalive = 0
timeout = 30
graceful_timeout = 20
max_requests = 0

# A Cookie header of up to 8 KiB, see gunicorn_authz.
limit_request_field_size = 16_380
forwarded_allow_ips = ""

control_socket_disable = True
accesslog = None
logconfig_dict = logs.CONFIG
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108

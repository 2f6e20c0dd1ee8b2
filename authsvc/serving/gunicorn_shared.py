"""What all services ask of gunicorn. Each service's own file takes these names over."""

import gc
import os
from typing import Any

from authsvc.serving.wsgi import worker_exit
from catalog import logs

__all__ = [
    "accesslog", "control_socket_disable", "forwarded_allow_ips", "limit_request_field_size", "logconfig_dict",
    "max_requests", "post_worker_init", "worker_exit", "worker_tmp_dir",
]  # fmt: skip

# Never recycle: a restart drops what waits in the worker.
max_requests = 0

# Nginx sends a Cookie or Authorization header of up to 8 KiB; the default of 8190 bytes would answer 400.
limit_request_field_size = 16_380
# Only Nginx can open the socket; nothing here reads an address or scheme from a header.
forwarded_allow_ips = ""

control_socket_disable = True
accesslog = None
logconfig_dict = logs.CONFIG
# The workers' signs of life belong in memory; a slow disk must not look like a dead worker. Private to the unit.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108


def post_worker_init(_worker: Any) -> None:
    """Leave what the application is made of out of every later collection: going through it all takes 70 ms, in which
    the worker answers nobody. gunicorn calls it when the application is there, before the first request."""
    gc.collect()
    gc.freeze()

"""gunicorn for who waits for what is made: `-c python:authsvc.serving.gunicorn_events`. The socket is systemd's."""

from authsvc.serving.gunicorn_shared import *  # noqa: F403  # gunicorn reads the names of this module

wsgi_app = "authsvc.serving.wsgi:events"
proc_name = "kinetoscope-events"

# A wait takes a thread and next to no work, so one process has them all. How many a viewer may have is Nginx's.
worker_class = "gthread"
workers = 1
threads = 64
# As with the interface: accept only what runs. What is more waits in the socket, for as long as Nginx lets it.
worker_connections = threads
keepalive = 0
timeout = 30
# A restart does not wait for who waits: Nginx tells them to ask again.
graceful_timeout = 2

"""gunicorn for who waits for what is made, and who listens: `-c python:authsvc.serving.gunicorn_events`. The socket is
systemd's."""

from authsvc.events.settings import EventsSettings
from authsvc.serving.gunicorn_shared import *  # noqa: F403  # gunicorn reads the names of this module

wsgi_app = "authsvc.serving.wsgi:events"
proc_name = "kinetoscope-events"

_settings = EventsSettings.load()
# For those who are refused at once, when all others are taken; and for the question whether it lives.
_REFUSALS = 8

# A wait takes a thread and next to no work, so one process has them all. How many a viewer may have is Nginx's. So does
# a stream: the service refuses those beyond their number, so that they never have the threads of the waits.
worker_class = "gthread"
workers = 1
threads = _settings.instant_waits + _settings.event_streams + _REFUSALS
# As with the interface: accept only what runs. What is more waits in the socket, for as long as Nginx lets it.
worker_connections = threads
keepalive = 0
timeout = 30
# A restart does not wait for who waits: Nginx tells them to ask again.
graceful_timeout = 2

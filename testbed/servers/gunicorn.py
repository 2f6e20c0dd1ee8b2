"""authz, the API and events under gunicorn, with the configuration that their units use."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from authsvc.serving import socket_probe
from testbed.servers.child import Child
from testbed.services.world import World

REPOSITORY = Path(__file__).parents[2]
ANSWER_SECONDS = 30
STOP_SECONDS = 20


def command(service: str, *more: str) -> list[str]:
    """gunicorn for `authz`, `api` or `events`."""
    return [sys.executable, "-m", "gunicorn", "-c", f"python:authsvc.serving.gunicorn_{service}", *more]


def bound(
    service: str, path: Path, log: Path, environment: Mapping[str, str], *more: str, checkout: Path = REPOSITORY
) -> Child:
    """The service listening at `path`, which answers; of another `checkout` on request."""
    return Child(
        command(service, "--bind", f"unix:{path}", *more), log,
        lambda: socket_probe.ask(str(path), "/health") is None, env=dict(environment), cwd=checkout,
    )  # fmt: skip


class Service:
    """A gunicorn that got its listening socket as systemd hands it over (sd_listen_fds(3)), over a world's stores."""

    def __init__(self, world: World, name: str, folder: Path) -> None:
        self.path = folder / f"{name}.sock"
        self.log = folder / f"{name}.log"
        credentials = folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for secret, value in world.credentials().items():
            (credentials / secret).write_text(value)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen(1024)
        environment = {
            "PATH": os.environ["PATH"],
            "CREDENTIALS_DIRECTORY": str(credentials),
            "KINETOSCOPE_DATABASE_URL": world.database.url_for(f"kinetoscope-{name}"),
            **world.environment(f"kinetoscope-{name}"),
        }

        # LISTEN_PID has to be the process itself, so a shell sets it and becomes gunicorn.
        script = 'export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", "-c", script, "sh", *command(name, f"authsvc.serving.wsgi:{name}")],
                env=environment,
                stderr=log,
                stdout=log,
                # The first descriptor after the standard ones.
                preexec_fn=lambda: os.dup2(listener.fileno(), 3),
                close_fds=False,
            )
        listener.close()

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: Any = None) -> Any:
        """The response and its body."""
        connection = socket_probe.UnixConnection(str(self.path), ANSWER_SECONDS)
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=STOP_SECONDS)

    @classmethod
    @contextmanager
    def running(cls, world: World, name: str, folder: Path) -> Iterator["Service"]:
        """The same, once it answers; stopped afterwards."""
        service = cls(world, name, folder)
        try:
            if failure := socket_probe.main([str(service.path), "/health", "30"]):
                raise RuntimeError(f"{name} does not answer ({failure}):\n{service.log.read_text()}")
            yield service
        finally:
            service.stop()

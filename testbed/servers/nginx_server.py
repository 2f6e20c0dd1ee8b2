"""The project's Nginx as a child process: its real templates, rendered as the role does, on free ports of loopback."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import yaml
from ansible.plugins.filter.core import FilterModule
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from testbed.servers.child import MEMORY, Child
from testbed.servers.ports import free_ports, listens
from testbed.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
TEMPLATES = REPOSITORY / "nginx"
ROLE = REPOSITORY / "roles/nginx"
# The web client, and what it ships beside its own modules once tools/make-client-parts has fetched it.
CLIENT = (TEMPLATES / "www", REPOSITORY / ".cache/client/www")
NAME = "localhost"
MEDIA_NAME = "media.localhost"
PLAY_KEYS = {"k1": "the-first-secret-of-the-tests-0123456789abc", "k2": "the-other-secret-of-the-tests-0123456789abc"}
UPLOAD_KEYS = {"u1": "the-secret-of-uploads-of-the-tests-0123456789a"}


def http2_directive() -> bool:
    """Whether this Nginx has `http2 on` (1.25.1 and later)."""
    shown = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True).stderr
    version = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", shown)
    return version is not None and tuple(int(part) for part in version.groups()) >= (1, 25, 1)


def role_defaults() -> dict[str, Any]:
    """The role's own variables; no Nginx is needed to read them."""
    known: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        known |= yaml.safe_load((ROLE / part / "main.yml").read_text())
    return known


def role_variables() -> dict[str, Any]:
    """What the role renders with by default, for the Nginx of this machine."""
    return role_defaults() | {
        "ansible_managed": "Ansible managed", "__nginx_http2_directive": http2_directive(), "__nginx_ktls": False,
        "__nginx_contract": json.loads((TEMPLATES / "contract.json").read_text()),
        "__nginx_authority_pem": "",
    }  # fmt: skip


def render(target: Path, variables: Mapping[str, Any]) -> None:
    """Write nginx.conf and its parts below `target`. An undefined variable is an error, as in the role."""
    jinja = Environment(  # noqa: S701 (configuration, not HTML)
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    jinja.filters["comment"] = FilterModule().filters()["comment"]
    for part in ["nginx.conf", *(f"kinetoscope/{name}.conf" for name in [*variables["__nginx_parts"], "play-keys"])]:
        file = target / part
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(jinja.get_template(f"{part}.j2").render(variables))


class NginxServer:
    """One Nginx with its redactor, in a folder of its own: titles/, uploads/, www/, logs/, run/, conf/, tls/.

    authz, the API and events are expected at `authz_socket`, `api_socket` and `events_socket`; without them Nginx runs,
    and says 503.
    `more` makes more text for the http block (the bench's listeners without TLS).
    """

    def __init__(self, folder: Path, *, more: Callable[["NginxServer"], str] | None = None, **overrides: Any) -> None:
        self.folder, self.more = folder, more
        self.http_port, self.https_port = free_ports(2)
        self.url = f"https://{NAME}:{self.https_port}"
        self.titles, self.www, self.logs = folder / "titles", folder / "www", folder / "logs"
        self.uploads, self.ca_file = folder / "uploads", folder / "tls/ca.pem"
        self.authz_socket, self.api_socket = folder / "run/authz.sock", folder / "run/api.sock"
        self.events_socket = folder / "run/events.sock"
        self.variables = role_variables() | {
            "nginx_public_host": NAME,
            "nginx_public_authority": f"{NAME}:{self.https_port}",
            "nginx_http_listen": [f"127.0.0.1:{self.http_port}"],
            "nginx_https_listen": [f"127.0.0.1:{self.https_port}"],
            "__nginx_keys_dir": folder / "tls",
            # OpenSSL 3.0 of Debian 12 does not know the post-quantum group.
            "nginx_tls_groups": "X25519:prime256v1:secp384r1",
            "nginx_titles_dir": self.titles,
            "nginx_www_dir": self.www,
            "nginx_log_dir": self.logs,
            "nginx_answers_dir": folder / "run",
            "nginx_authz_socket": self.authz_socket,
            "nginx_api_socket": self.api_socket,
            "nginx_events_socket": self.events_socket,
            "nginx_worker_connections": 2048,
            "__nginx_workers": (os.cpu_count() or 1) * role_variables()["nginx_workers_per_core"],
            "__nginx_play_keys": PLAY_KEYS,
            "__nginx_upload_keys": UPLOAD_KEYS,
            "nginx_uploads_dir": self.uploads,
            "__nginx_conf_dir": folder / "conf",
            "__nginx_run_dir": folder / "run",
            "__nginx_cache_dir": folder / "cache",
            "__nginx_play_keys_file": folder / "conf/kinetoscope/play-keys.conf",
            "__nginx_redactor_socket": folder / "run/redactor.sock",
            **overrides,
        }
        self._children: list[Child] = []

    @classmethod
    @contextlib.contextmanager
    def prepared(cls, **overrides: Any) -> Iterator[Self]:
        """A server with folders, certificate and configuration, not started yet; all gone afterwards."""
        with (
            tempfile.TemporaryDirectory(prefix="ks-nginx-", ignore_cleanup_errors=True) as at,
            # In memory, as /run of a box is: a decision that is kept is a file there.
            tempfile.TemporaryDirectory(prefix="ks-run-", dir=MEMORY, ignore_cleanup_errors=True) as run,
        ):
            folder = Path(at)
            folder.chmod(0o755)
            (folder / "run").symlink_to(run)
            server = cls(folder, **overrides)
            try:
                server.prepare()
                yield server
            finally:
                server.stop()

    def prepare(self) -> None:
        for name in ("titles", "www", "logs", "cache", "tls", "uploads/parts", "uploads/incoming"):
            (self.folder / name).mkdir(parents=True)
        make_certificate(self.folder / "tls")
        render(self.folder / "conf", self.variables)
        if self.more:
            main = self.folder / "conf/nginx.conf"
            main.write_text(main.read_text().rstrip().removesuffix("}") + self.more(self) + "}\n")

    def lay_out_client(self) -> None:
        """Fill www/ as the role does, but by links: what is edited is served at once."""
        for entry in (entry for tree in CLIENT if tree.is_dir() for entry in tree.iterdir()):
            (self.www / entry.name).symlink_to(entry)

    def command(self, *arguments: str) -> list[str]:
        """Nginx with our configuration. Root's workers stay root here: the box is where www-data is tested."""
        user = "user root; " if os.geteuid() == 0 else ""
        return ["nginx", "-c", str(self.folder / "conf/nginx.conf"), "-g", f"{user}daemon off;", *arguments]

    def start(self) -> None:
        redactor = [
            sys.executable, "-I", str(TEMPLATES / "redactor.py"),
            "--log", str(self.logs / "error.log"), "--socket", str(self.folder / "run/redactor.sock"),
        ]  # fmt: skip
        self._children = [
            Child(redactor, self.logs / "redactor.log", lambda: (self.folder / "run/redactor.sock").exists()),
            Child(self.command(), self.logs / "nginx.log", lambda: listens(self.https_port)),
        ]

    @property
    def master(self) -> subprocess.Popen[bytes]:
        return self._children[-1].process

    def workers(self) -> list[int]:
        """Process ids of the workers, also of those that only finish what they send after a reload."""
        children = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"worker process" in _command_line(pid)]

    def serving(self) -> list[int]:
        """Those that take new connections."""
        return [pid for pid in self.workers() if b"shutting down" not in _command_line(str(pid))]

    def reload(self) -> None:
        """As `systemctl reload` does: test, then HUP; returns when new workers take the connections, and they alone."""
        subprocess.run(self.command("-t", "-q"), check=True, capture_output=True)
        before = set(self.serving())
        self.master.send_signal(signal.SIGHUP)
        assert eventually(lambda: (now := set(self.serving())) and not now & before, every=0.02), "no new workers"

    def stop(self) -> None:
        for child in reversed(self._children):
            child.stop()
        self._children = []


def make_certificate(folder: Path) -> None:
    """ca.pem, server.pem and server.key for localhost, media.localhost and 127.0.0.1."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},DNS:{MEDIA_NAME},IP:127.0.0.1",
         "-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(folder / "server.pem", folder / "ca.pem")


def _command_line(pid: str) -> bytes:
    """Empty for a process that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""

"""TLS as Mozilla's intermediate guideline says, and port 80 that only sends people on."""

import socket
import ssl
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from testinfra.host import Host

from testbed.viewers.box import Access, Viewer


def _handshake(access: Access, *, at_most: ssl.TLSVersion, at_least: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=access.ca_file)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version, context.maximum_version = at_least, at_most
    with (
        socket.create_connection((access.address, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=access.address) as wrapped,
    ):
        return wrapped.version()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_modern_versions_are_spoken_and_the_certificate_verifies(access: Access, version: ssl.TLSVersion) -> None:
    assert _handshake(access, at_most=version, at_least=version) in {"TLSv1.2", "TLSv1.3"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_are_refused(access: Access, version: ssl.TLSVersion) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _handshake(access, at_most=version, at_least=version)


def test_a_page_on_port_80_is_redirected_to_the_configured_name_only(access: Access) -> None:
    name = urlsplit(access.url).netloc
    answer = requests.get(f"http://{access.address}/", headers={"Host": name}, allow_redirects=False, timeout=10)
    assert answer.status_code in {301, 308}
    assert answer.headers["Location"].rstrip("/") == access.url.rstrip("/")
    forged = requests.get(
        f"http://{access.address}/", headers={"Host": "evil.example"}, allow_redirects=False, timeout=10
    )
    assert "evil.example" not in forged.headers.get("Location", "")


@pytest.mark.parametrize("path", ["/api/v1/videos", "/stream/" + "0" * 32 + "/source.mp4", "/m/k1/x"])
def test_the_api_and_the_doors_are_403_in_the_clear(access: Access, path: str) -> None:
    answer = requests.get(f"http://{access.address}{path}", allow_redirects=False, timeout=10)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1/videos", "/stream/" + "0" * 32 + "/source.mp4"])
def test_every_answer_carries_the_security_headers(access: Access, path: str) -> None:
    answer = requests.get(access.url.rstrip("/") + path, verify=access.ca_file, timeout=10)
    assert "max-age=" in answer.headers["Strict-Transport-Security"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "/" not in answer.headers.get("Server", "")


def test_the_kernel_encrypts_films_where_it_can(access: Access, bob: Viewer, mp4: dict[str, Any], host: Host) -> None:
    """Proved by the kernel's own counters of connections that it sends for."""
    # A kernel without any such module has no file of them either.
    if "tls" not in host.run("cat /proc/sys/net/ipv4/tcp_available_ulp").stdout.split():
        pytest.skip("This kernel has no TLS: Nginx encrypts itself, at more CPU for each stream.")

    def sent() -> int:
        return int(host.check_output("awk '/^TlsTx(Sw|Device)/ {sum += $2} END {print sum + 0}' /proc/net/tls_stat"))

    before = sent()
    source = next(entry for entry in mp4["files"] if entry["name"].startswith("source."))
    done = access.curl(
        "--http1.1", "--range", "0-9", "--header", f"Authorization: Bearer {bob.token}",
        "--output", "/dev/null", "--write-out", "%{http_code}", access.url.rstrip("/") + source["href"],
    )  # fmt: skip
    assert done.stdout == b"206"
    assert sent() > before

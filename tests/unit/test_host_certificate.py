"""The renewal that runs on the host: makes a certificate once, anew when it has to, and says why."""

import ipaddress
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

TEMPLATE = Path(__file__).parents[2] / "roles/tls/templates/kinetoscope-certificate.j2"


class Renewal:
    """The script with arguments that a test varies."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "tls"
        self.directory.mkdir()
        self.script = folder / "kinetoscope-certificate"
        self.script.write_text(TEMPLATE.read_text().replace("{{ ansible_managed | comment }}", "# Ansible managed"))

    def run(
        self, *further: str, names: str = "tv.example.org,192.0.2.7", days: int = 397, renew_before: int = 30
    ) -> str:
        arguments = [
            f"--directory={self.directory}",
            f"--names={names}",
            "--group=root",
            f"--days={days}",
            f"--renew-before={renew_before}",
            "--ca-days=3650",
            "--reload=",
        ]
        finished = subprocess.run(
            ["sh", str(self.script), *arguments, *further], capture_output=True, text=True, check=False
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout.strip()

    def read(self, name: str) -> bytes:
        return (self.directory / name).read_bytes()

    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.read("server.pem"))


@pytest.fixture
def renewal(tmp_path: Path) -> Renewal:
    return Renewal(tmp_path)


def test_a_fresh_host_gets_an_authority_and_a_certificate(renewal: Renewal) -> None:
    assert renewal.run() == "changed: no authority yet"
    names = renewal.certificate().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["tv.example.org"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("192.0.2.7")]
    # Strict like a browser: no missing or misplaced extension.
    verified = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", "server.pem"],
        cwd=renewal.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verified.returncode == 0, verified.stderr


def test_a_second_run_changes_nothing(renewal: Renewal) -> None:
    renewal.run()
    before = {path.name: path.read_bytes() for path in renewal.directory.iterdir()}
    assert renewal.run() == "unchanged"
    assert {path.name: path.read_bytes() for path in renewal.directory.iterdir()} == before


def test_keys_are_not_for_everybody(renewal: Renewal) -> None:
    renewal.run()
    assert (renewal.directory / "ca.key").stat().st_mode & 0o777 == 0o600
    assert (renewal.directory / "server.key").stat().st_mode & 0o777 == 0o640


def test_other_names_make_a_new_certificate_by_the_same_authority(renewal: Renewal) -> None:
    renewal.run()
    authority = renewal.read("ca.pem")
    assert renewal.run(names="film.example.org") == "changed: other names"
    assert renewal.read("ca.pem") == authority


def test_check_says_what_it_would_do_and_does_nothing(renewal: Renewal) -> None:
    renewal.run()
    before = renewal.read("server.pem")
    assert renewal.run("--check", names="film.example.org") == "changed: other names"
    assert renewal.read("server.pem") == before


def test_a_certificate_near_its_end_is_renewed(renewal: Renewal) -> None:
    renewal.run(days=20)
    assert renewal.run() == "changed: near its end"
    assert renewal.run() == "unchanged"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("server.key", "changed: not of this key"),
        ("ca.key", "changed: the authority can't outlive a certificate, or has another key"),
    ],
)
def test_a_run_that_was_cut_off_is_made_good(renewal: Renewal, tmp_path: Path, damage: str, why: str) -> None:
    renewal.run()
    subprocess.run(
        ["openssl", "genpkey", "-quiet", "-algorithm", "ED25519", "-out", str(renewal.directory / damage)], check=True
    )
    assert renewal.run() == why
    assert renewal.run() == "unchanged"


def test_a_certificate_of_somebody_else_is_replaced(renewal: Renewal, tmp_path: Path) -> None:
    renewal.run()
    (tmp_path / "other").mkdir()
    other = Renewal(tmp_path / "other")
    other.run()
    for name in ("server.pem", "server.key"):
        (renewal.directory / name).write_bytes(other.read(name))
    assert renewal.run() == "changed: not by this authority"

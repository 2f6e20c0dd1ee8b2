"""A certificate that the operator gives: checked before anything changes, then put in place as it is.

The role's own tasks run by ansible-playbook on this machine, into a folder of the test's. Its `systemctl` knows no
unit, as on a host that never had a certificate of its own.
"""

import datetime
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).parents[3]
SYSTEMCTL = """#!/bin/sh
case "$*" in
*show*) printf 'LoadState=not-found\\nActiveState=inactive\\n' ;;
*) exit 1 ;;
esac
"""
CASES = ("good", "foreign-key", "expired", "early", "other-name")
PLAY = """
- name: Judge every case, and put the good one in place
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Judge
      ansible.builtin.include_tasks: judge.yml
      loop: {cases}
      loop_control: {{loop_var: case}}
      when: judging
    - name: Install
      ansible.builtin.include_role: {{name: tls, tasks_from: given}}
      vars: {{tls_certificate_src: "{folder}/good.pem", tls_key_src: "{folder}/good.key"}}
      when: not judging
"""
JUDGE = """
- name: Judge one
  block:
    - name: Run the preflight
      ansible.builtin.include_role: {{name: tls, tasks_from: preflight}}
      vars:
        tls_certificate_src: "{folder}/{{{{ case }}}}.pem"
        tls_key_src: "{folder}/{{{{ case }}}}.key"
    - name: Accept
      ansible.builtin.debug: {{msg: "<{{{{ case }}}}: accepted>"}}
  rescue:
    - name: Refuse
      ansible.builtin.debug:
        msg: "<{{{{ case }}}}: {{{{ refused | map(attribute='msg') | join }}}}>"
      vars: {{refused: "{{{{ ansible_failed_result.results | selectattr('failed') }}}}"}}
"""


def given(folder: Path, case: str, name: str, *, days: int) -> ec.EllipticCurvePrivateKey:
    """Write `case`.pem, for `name` and `days` from now on, with its key; the key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - datetime.timedelta(days=90))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{case}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    write_key(folder / f"{case}.key", key)
    return key


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    pkcs8 = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()))


class Operator:
    """Who gives the files, for tv.example.org."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.host = folder, folder / "host"
        self.host.mkdir()
        given(folder, "good", "*.example.org", days=30)
        given(folder, "foreign-key", "tv.example.org", days=30)
        write_key(folder / "foreign-key.key", ec.generate_private_key(ec.SECP256R1()))
        given(folder, "expired", "tv.example.org", days=-1)
        given(folder, "early", "tv.example.org", days=100)
        given(folder, "other-name", "*.tv.example.org", days=30)
        (folder / "play.yml").write_text(PLAY.format(cases=list(CASES), folder=folder))
        (folder / "judge.yml").write_text(JUDGE.format(folder=folder))
        (folder / "bin").mkdir()
        (folder / "bin/systemctl").write_text(SYSTEMCTL)
        (folder / "bin/systemctl").chmod(0o755)

    def play(self, *, judging: bool) -> str:
        values = {
            "tls_names": "['tv.example.org']", "tls_directory": str(self.host), "tls_key_group": "www-data",
            "ansible_python_interpreter": sys.executable, "judging": str(judging),
        }  # fmt: skip
        options = [word for name, value in values.items() for word in ("--extra-vars", f'{{"{name}": {_yaml(value)}}}')]
        finished = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "--inventory", "localhost,", *options, "play.yml"],
            cwd=self.folder, capture_output=True, text=True, check=False, env=os.environ | {
                "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_ROLES_PATH": str(ROOT / "roles"),
                "ANSIBLE_HOME": str(self.folder / "ansible"), "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            },
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout


def _yaml(value: str) -> str:
    return value if value in ("True", "False") or value.startswith("[") else f'"{value}"'


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path)


def test_what_can_not_serve_is_refused_with_variable_value_and_fix(operator: Operator) -> None:
    said = " ".join(operator.play(judging=True).split())
    verdicts = dict(re.findall(r"<([a-z-]+): (.*?)>", said))
    assert list(verdicts) == list(CASES)
    assert verdicts["good"] == "accepted"
    key, certificate = operator.folder / "foreign-key.key", operator.folder / "expired.pem"
    assert verdicts["foreign-key"].startswith(f"tls_key_src {key} is not the key of tls_certificate_src")
    assert verdicts["foreign-key"].endswith("give the pair.")
    assert verdicts["expired"].startswith(f"tls_certificate_src {certificate} ended at 20")
    assert verdicts["expired"].endswith("give a new one.")
    assert verdicts["early"].startswith(f"tls_certificate_src {operator.folder / 'early.pem'} begins at 20")
    assert verdicts["other-name"].startswith("tls_names has tv.example.org, which tls_certificate_src")
    assert verdicts["other-name"].endswith("give a certificate for it, or take it out.")
    assert list(operator.host.iterdir()) == []


def test_given_files_are_put_in_place_once_and_no_authority_is_made(operator: Operator) -> None:
    assert "changed=1 " in operator.play(judging=False)
    folder, host = operator.folder, operator.host
    assert sorted(path.name for path in host.iterdir()) == ["ca.pem", "server.key", "server.pem"]
    assert (host / "server.key").read_bytes() == (folder / "good.key").read_bytes()
    assert (host / "server.pem").read_bytes() == (host / "ca.pem").read_bytes() == (folder / "good.pem").read_bytes()
    modes = {path.name: (stat.filemode(path.stat().st_mode), path.owner(), path.group()) for path in host.iterdir()}
    assert modes == {
        "server.key": ("-rw-r-----", "root", "www-data"),
        "server.pem": ("-rw-r--r--", "root", "root"),
        "ca.pem": ("-rw-r--r--", "root", "root"),
    }
    assert "changed=0 " in operator.play(judging=False)

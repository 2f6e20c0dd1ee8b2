"""Who may do what in Redis, as the role writes it: its own file of users, with passwords of the tests."""

import functools
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.filter.core import FilterModule
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.nativetypes import NativeEnvironment

ROLE = Path(__file__).parents[2] / "roles/redis"
PASSWORD = "a password of the tests, the same for all"


def _role(part: str) -> dict[str, Any]:
    known: dict[str, Any] = yaml.safe_load((ROLE / part / "main.yml").read_text())
    return known


@functools.cache
def users_file(instance: str) -> str:
    """The file that an instance includes, rendered with the defaults of the role."""
    variables = _role("defaults") | {"ansible_managed": "Ansible managed"}
    native = NativeEnvironment(undefined=StrictUndefined)
    native.filters |= FilterModule().filters()
    users: Any = native.from_string(_role("vars")["__redis_users"]).render(variables)
    jinja = Environment(loader=FileSystemLoader(ROLE / "templates"), undefined=StrictUndefined, trim_blocks=True)  # noqa: S701 (no HTML)
    jinja.filters |= FilterModule().filters()
    return jinja.get_template("users.conf.j2").render(
        variables, item={"name": instance}, __redis_users=users,
        __redis_password_of={user["file"]: PASSWORD for user in users},
    )  # fmt: skip


def rules(instance: str) -> dict[str, list[str]]:
    """What ACL SETUSER takes, by user; without `default`, whom tests use to look around."""
    lines = [line.split() for line in users_file(instance).splitlines() if line.startswith("user ")]
    return {name: given for _, name, *given in lines if name != "default"}

"""The firewall of a host, rendered from its role's template."""

from pathlib import Path
from typing import Any

import jinja2

TEMPLATE = Path(__file__).parents[1] / "roles/firewall/templates/nftables.conf.j2"


def ruleset(**given: Any) -> str:
    """The table as `nft` repeats it, with the role's defaults but for what is given."""
    variables = {
        "ansible_managed": "Ansible managed",
        "firewall_ssh_ports": [22],
        "firewall_ssh_from": [],
        "firewall_tcp_ports": [443, 80],
        "firewall_ping_rate": 10,
        "firewall_connections_per_address": 512,
        "__firewall_uncounted_from_4": [],
        "__firewall_uncounted_from_6": [],
        "__firewall_ssh_from_4": [],
        "__firewall_ssh_from_6": [],
    } | given
    # As Ansible renders: blocks leave no empty line behind, and an unknown variable is an error.
    environment = jinja2.Environment(  # noqa: S701 - no HTML
        undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.filters["comment"] = lambda text: f"# {text}"
    text = environment.from_string(TEMPLATE.read_text()).render(variables)
    return text[text.index("table inet kinetoscope {") :]

"""The ruleset as a whole, for the plain case and for one with every variable used."""

import jinja2
import pytest

from testbed.firewall import TEMPLATE, ruleset

PLAIN = """\
table inet kinetoscope {
\tset connections_4 {
\t\ttype ipv4_addr
\t\tsize 65535
\t\tflags dynamic
\t}

\tset connections_6 {
\t\ttype ipv6_addr
\t\tsize 65535
\t\tflags dynamic
\t}

\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tct state vmap { invalid : drop, established : accept, related : accept }
\t\tiif "lo" accept
\t\ticmp type echo-request limit rate 10/second burst 20 packets accept
\t\ticmpv6 type echo-request limit rate 10/second burst 20 packets accept
\t\ticmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } ip6 hoplimit 255 accept
\t\tip6 saddr fe80::/10 icmpv6 type mld-listener-query accept
\t\tip6 saddr fe80::/10 udp sport 547 udp dport 546 accept
\t\ttcp dport 22 accept
\t\ttcp dport { 80, 443 } add @connections_4 { ip saddr ct count over 512 } counter reject with tcp reset
\t\ttcp dport { 80, 443 } add @connections_6 { ip6 saddr & ffff:ffff:ffff:ffff:: ct count over 512 } \
counter reject with tcp reset
\t\ttcp dport { 80, 443 } accept
\t\tcounter comment "denied"
\t}
}
"""


def test_by_default_only_ssh_http_and_https_are_open() -> None:
    assert ruleset() == PLAIN


def test_ssh_can_be_kept_to_some_addresses() -> None:
    narrow = ruleset(
        firewall_ssh_ports=[2222, 22],
        firewall_ssh_from=["192.0.2.0/24", "2001:db8::/32"],
        __firewall_ssh_from_4=["192.0.2.0/24"],
        __firewall_ssh_from_6=["2001:db8::/32"],
    )
    assert narrow == PLAIN.replace(
        "\t\ttcp dport 22 accept\n",
        "\t\tip saddr 192.0.2.0/24 tcp dport { 22, 2222 } accept\n"
        "\t\tip6 saddr 2001:db8::/32 tcp dport { 22, 2222 } accept\n",
    )


def test_only_our_own_table_is_replaced() -> None:
    words = [line for line in TEMPLATE.read_text().splitlines() if line and not line.startswith(("#", "{", "\t", "}"))]
    assert words == ["table inet kinetoscope", "delete table inet kinetoscope", "table inet kinetoscope {"]


def test_a_proxy_in_front_is_not_counted() -> None:
    behind = ruleset(__firewall_uncounted_from_4=["192.0.2.7"], __firewall_uncounted_from_6=["2001:db8::/64"])
    assert behind == PLAIN.replace(
        "\t\ttcp dport { 80, 443 } add @connections_4",
        "\t\tip saddr 192.0.2.7 tcp dport { 80, 443 } accept\n"
        "\t\tip6 saddr 2001:db8::/64 tcp dport { 80, 443 } accept\n"
        "\t\ttcp dport { 80, 443 } add @connections_4",
    )


def test_connections_need_not_be_counted() -> None:
    open_to_all = ruleset(firewall_connections_per_address=0)
    assert "connections_" not in open_to_all
    assert "\t\ttcp dport { 80, 443 } accept\n" in open_to_all


@pytest.mark.parametrize("missing", ["firewall_ssh_ports", "firewall_ping_rate"])
def test_a_missing_variable_is_an_error_not_a_hole(missing: str) -> None:
    with pytest.raises(jinja2.UndefinedError):
        ruleset(**{missing: jinja2.StrictUndefined(name=missing)})

"""The groups of commands. All go through the domain functions of the interface, and with --json print JSON.

Run it as root by /usr/local/sbin/kinetoscope: that one has the settings and secrets of the interface's unit.
"""

import click

from authsvc.cli import box, people, streaming, watching, work


@click.group()
def main() -> None:
    """Administer this Kinetoscope."""


for group in (
    people.user,
    people.invitations,
    watching.signed_in,
    watching.streams,
    work.jobs,
    streaming.health,
    box.audit,
):
    main.add_command(group)
for single in (people.invite, box.scan, box.status, box.forget):
    main.add_command(single)

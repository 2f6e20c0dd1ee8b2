"""`kinetoscope` on the box: what an admin does by the interface, for who is root there. See cli/commands.py."""

from authsvc.cli.commands import main

__all__ = ["main"]

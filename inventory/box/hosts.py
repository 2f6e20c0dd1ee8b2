#!/usr/bin/env python3
"""Inventory of the local box named by BOX (default: demo), as roles/box wrote it; empty while there is none."""

import os
from pathlib import Path

name = os.environ.get("BOX") or "demo"
inventory = Path("/var/lib/kinetoscope/boxes", name, "hosts.json")
print(inventory.read_text() if inventory.exists() else '{"_meta": {"hostvars": {}}}')  # noqa: T201

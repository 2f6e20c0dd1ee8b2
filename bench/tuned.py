"""Give this network namespace the socket settings of roles/tuning; what a namespace can't have is left as it is."""

import sys
from pathlib import Path

import yaml

DEFAULTS = Path(__file__).parents[1] / "roles/tuning/defaults/main.yml"


def main() -> int:
    for setting in yaml.safe_load(DEFAULTS.read_text())["tuning_settings"]:
        name, value = setting["name"], str(setting["value"])
        if not name.startswith("net."):
            continue
        try:
            Path("/proc/sys", *name.split(".")).write_text(value)
        except OSError:
            sys.stderr.write(f"left as it is: {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A wall clock that a trial can set, under every part of the box that asks for the time.

A box shares the clock of the machine that it stands on. So each unit is given a library of ours in front of the C
library (stepped_clock.c) that adds to the wall clock what one file says; all see it in the same moment. As after a true
step, the monotonic clock and the times of files stay as they are. What the kernel does by its own clock is not shown.
"""

import base64
import contextlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

POSTGRES = "postgresql@17-main"
UNITS = (
    POSTGRES, "redis-server@live", "redis-server@cache", "kinetoscope-authz", "kinetoscope-api",
    "kinetoscope-ledger", "nginx",
)  # fmt: skip
# In /usr, which every sandbox shows.
_FILE, _LIBRARY = "/usr/lib/kinetoscope-clock", "/usr/lib/kinetoscope-clock.so"
_DROP_IN = "stepped-clock.conf"
# pg_ctlcluster passes on nothing but what is in here.
_POSTGRES_ENVIRONMENT = "/etc/postgresql/17/main/environment"


class SteppedClock:
    """How far the box is ahead of the machine."""

    def __init__(self, shell: Callable[..., str]) -> None:
        self._shell = shell

    def ahead(self, seconds: int) -> None:
        number = "".join(f"\\{byte:03o}" for byte in seconds.to_bytes(8, "little", signed=True))
        self._shell(f"printf '{number}' | dd of={_FILE} conv=notrunc status=none")


@contextlib.contextmanager
def stepped_clock(shell: Callable[..., str], is_ready: Callable[[], bool]) -> Iterator[SteppedClock]:
    """The box with a clock that can be set; every part is restarted before and after."""
    clock = SteppedClock(shell)
    try:
        shell(f"truncate -s 0 {_FILE} && truncate -s 8 {_FILE} && chmod 644 {_FILE}")
        shell(f"base64 -d >{_LIBRARY} && chmod 755 {_LIBRARY}", base64.b64encode(_library()).decode())
        for unit in UNITS:
            folder = f"/run/systemd/system/{unit}.service.d"
            shell(
                f"mkdir -p {folder} && printf '[Service]\\nEnvironment=LD_PRELOAD={_LIBRARY}\\n' >{folder}/{_DROP_IN}"
            )
        shell(f"echo \"LD_PRELOAD = '{_LIBRARY}'\" >>{_POSTGRES_ENVIRONMENT}")
        _restart(shell, is_ready)
        for unit in UNITS:
            shell(f"grep -q {_LIBRARY} /proc/$(systemctl show --property=MainPID --value {unit})/maps")
        yield clock
    finally:
        shell(f"rm -f /run/systemd/system/*.service.d/{_DROP_IN} && sed -i '/^LD_PRELOAD/d' {_POSTGRES_ENVIRONMENT}")
        _restart(shell, is_ready)
        shell(f"rm -f {_LIBRARY} {_FILE}")


def _library() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        built = Path(folder) / "clock.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O2", f'-DSTEP_FILE="{_FILE}"', "-o", str(built),
             str(Path(__file__).with_suffix(".c"))],
            check=True,
        )  # fmt: skip
        return built.read_bytes()


def _restart(shell: Callable[..., str], is_ready: Callable[[], bool]) -> None:
    shell("systemctl daemon-reload")
    for unit in UNITS:
        shell(f"systemctl restart {unit}")
    assert is_ready(), "the box has not come back after its units were restarted"

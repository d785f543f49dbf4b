"""Who ends the processes of an owner that was killed, so that kill -9 leaves no server behind.

A caretaker is a process, this file run as a script. It takes the number of each process that its
owner starts, and waits for the end of its standard input, which comes with the owner's own end,
however that comes. What the owner has not ended by then, it ends; what it cannot tell from a
stranger with the same number it leaves alone, as it does everything where there is no `/proc`.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

_PATIENCE_SECONDS = 8.0
"""As long as an owner that lives waits for a process that it asked to end."""


class Caretaker:
    """The owner's side of one."""

    def __init__(self, *folders: Path) -> None:
        """Start one.

        Args:
            folders: What it removes after the end.
        """
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-I", "-S", __file__, *map(str, folders)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            text=True, bufsize=1, start_new_session=True,
        )  # fmt: skip

    def take(self, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
        """Have a process ended when its owner is gone, with its group where it leads one."""
        if self._process.stdin is not None:
            with suppress(OSError):  # without a caretaker everything goes on as well
                self._process.stdin.write(f"{process.pid}\n")

    def dismiss(self) -> None:
        """Let it go: its owner has ended everything itself."""
        with suppress(OSError):
            self._process.communicate()


def _main(folders: list[str]) -> None:
    begun: dict[int, tuple[str, int]] = {}
    for number in map(int, sys.stdin):
        with suppress(ProcessLookupError):
            leads = os.getpgid(number) == number
            begun[number] = (_started(number), -number if leads else number)
    left = [to for number, (start, to) in begun.items() if start and _started(number) == start]
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for to in reversed(left):
            _send(to, sign)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(_send(to, 0) for to in left) and time.monotonic() < deadline:
            time.sleep(0.05)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _send(to: int, sign: int) -> bool:
    """Send it to a process, or to a group where negative; return whether there was anybody."""
    try:
        os.kill(to, sign)
    except ProcessLookupError:
        return False
    return True


def _started(number: int) -> str:
    """Return when a living process started, as the system counts it; empty where none is found."""
    with suppress(OSError):
        words = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return "" if words[0] in "ZX" else words[19]
    return ""


if __name__ == "__main__":
    _main(sys.argv[1:])

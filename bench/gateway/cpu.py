"""How much processor time a server takes: user and system, of all its processes and threads."""

import time
from contextlib import suppress
from pathlib import Path

from sixgates.gates.errors import ContractError, TransientError

_PROCESS_CLOCK = 2
"""The scheduler's own count, in the kernel's identifier of a process's clock."""


class ProcessTree:
    """A process and those it started, which must stay the same while they are measured."""

    def __init__(self, root: int) -> None:
        """Find the processes that there are now."""
        self.root = root
        self.pids = _tree(root)

    def seconds(self) -> float:
        """Return the processor time since each began, dead threads included, in seconds.

        Raises:
            ContractError: a process came or went, so that time would be missing.
        """
        if (now := _tree(self.root)) != self.pids:
            raise ContractError(
                f"process {self.root} has the children {sorted(now)} and had {sorted(self.pids)}:"
                " their time cannot be compared; see its log for why it restarts them"
            )
        return sum(process_seconds(pid) for pid in self.pids)


def process_seconds(pid: int) -> float:
    """Return the processor time of one process since it began, to the nanosecond.

    /proc/<pid>/stat counts in hundredths of a second. This is the process's clock behind it, as
    `clock_getcpuclockid` names it, which Python has for threads alone.

    Raises:
        TransientError: there is no such process.
    """
    try:
        return time.clock_gettime((~pid << 3) | _PROCESS_CLOCK)
    except OSError as exc:
        raise TransientError(f"process {pid} ended while it was measured: see its log") from exc


def _tree(root: int) -> frozenset[int]:
    found, left = set(), [root]
    while left:
        pid = left.pop()
        found.add(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(FileNotFoundError, ProcessLookupError):  # the thread has just ended
                left += map(int, children.read_text().split())
    return frozenset(found)

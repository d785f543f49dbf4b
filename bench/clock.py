"""What a piece of work takes, printed by the process that does it; needs Python alone."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path


def spend(work: Callable[[], object]) -> None:
    """Do some work, and print as JSON its processor time, the process's memory and the result.

    Processor time is user and system time of all threads, in seconds; memory the largest resident
    size since the process began, in MiB.
    """
    began = time.process_time()
    result = work()
    cpu = time.process_time() - began
    # The kernel's `ru_maxrss` has the parent's too.
    sys.stdout.write(json.dumps({"cpu": cpu, "peak": _status("VmHWM"), "result": result}) + "\n")


def resident() -> float:
    """Return the process's memory now, in MiB."""
    return _status("VmRSS")


def _status(name: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0]) / 1024

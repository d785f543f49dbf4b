"""Processes that play jobs side by side, each in a town of its own."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from cli.rehearsal.matrix.findings import Findings
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError

LANES = ("one", "two")
"""Names of the processes; as many as a small machine has cores."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the lanes share."""

    jobs: Queue[str]
    progress: Callable[[str, str], None]
    found: Findings = field(default_factory=Findings)
    errors: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, lane: str, told: dict[str, Any]) -> bool:
        """Take in what a lane told, and return whether it waits for a job."""
        with self.lock:
            if "played" in told:
                self.found.take(told["played"])
            elif "error" in told:
                self.errors.append(told["error"])
        if "progress" in told:
            self.progress(lane, told["progress"])
        return "ready" in told or "played" in told


def play(
    jobs: Collection[str],
    *,
    home: Path,
    repeats: int,
    processes: Processes,
    env: Mapping[str, str],
    progress: Callable[[str, str], None],
) -> Findings:
    """Play jobs and return what was found.

    Args:
        jobs: Names in `cli.rehearsal.matrix.jobs.JOBS`, the longest first.
        home: Folder under which each lane has its own.
        repeats: How often each place is played.
        processes: Owner of the lanes' processes.
        env: Their environment.
        progress: Takes the name of a lane and a line.

    Raises:
        TransientError: a lane could not play.
    """
    waiting: Queue[str] = Queue()
    for job in jobs:
        waiting.put(job)
    desk = _Desk(waiting, progress)
    threads = []
    for name in LANES[: len(jobs)]:
        process = processes.spawn(
            f"lane-{name}",
            [sys.executable, "-m", "cli.rehearsal.matrix", str(home / name), str(repeats)],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        threads.append(threading.Thread(target=_serve, args=(desk, name, process), daemon=True))
        threads[-1].start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.1)
        if desk.errors:
            raise TransientError(f"the kill matrix could not be played: {desk.errors[0]}")
    return desk.found


def _serve(desk: _Desk, name: str, process: subprocess.Popen[str]) -> None:
    """Give a lane job after job, until there are no more."""
    assert process.stdin  # noqa: S101 - a pipe
    for told in _told(process):
        if not desk.take(name, told):
            continue
        try:
            job = desk.jobs.get_nowait()
        except Empty:
            process.stdin.close()
        else:
            process.stdin.write(job + "\n")
            process.stdin.flush()
    if process.wait() != 0:
        desk.errors.append(f"lane {name} ended early: see logs/lane-{name}.log")


def _told(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        yield json.loads(line)

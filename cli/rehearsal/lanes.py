"""The processes that play: what each is given, and what it tells."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cli.rehearsal.job import TRIGGERED, Job
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from sixgates.gates.errors import TransientError

_AS_LONG = 6
"""The triggered play takes as long as so many others: a worker starts a process for each run."""


@dataclass(slots=True)
class Lane:
    """One process that plays, and what it has told."""

    plays: tuple[str, ...]
    process: subprocess.Popen[str]
    told: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False


def start_lanes(
    job: Job, stack: Stack, processes: Processes, progress: Callable[[str, str], None]
) -> list[Lane]:
    """Split the plays over two processes, and pass on what they tell.

    Args:
        job: What to play.
        stack: Its servers, which need not answer yet.
        processes: Owner of the new ones.
        progress: Takes the name of a play and a line.
    """
    lanes = []
    for n, part in enumerate(_parts(job)):
        words = {
            "plays": part,
            "home": str(stack.home),
            "project": job.project,
            "data": job.data,
            "triggered": TRIGGERED,
            "keep": job.keep,
            "virtual": job.virtual,
            "full": job.full,
        }
        process = processes.spawn(
            f"lane-{n}",
            [sys.executable, "-m", "cli.rehearsal.lane", json.dumps(words)],
            env=lane_env(stack, n),
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        lanes.append(Lane(tuple(part), process))
    for lane in lanes:
        threading.Thread(target=_read, args=(lane, progress), daemon=True).start()
    return lanes


def wait_for_lanes(lanes: list[Lane], processes: Processes) -> None:
    """Wait until all has been played.

    Raises:
        TransientError: a lane ended before.
    """
    while not all(lane.done for lane in lanes):
        for lane in lanes:
            if not lane.done and lane.process.poll() not in (None, 0):
                time.sleep(0.5)  # its last lines may still be on their way
                if not lane.done:
                    processes.raise_for_dead()
                    raise TransientError(f"the lane of {', '.join(lane.plays)} ended early")
        time.sleep(0.1)


def lane_env(stack: Stack, lane: int) -> dict[str, str]:
    """Return the environment of a lane, which has a clock of its own."""
    return {**stack.env, "SIXGATES_CLOCK": str(stack.home / f"clock-{lane}")}


def _parts(job: Job) -> list[list[str]]:
    """Split the plays in two lanes that take about as long.

    With servers the triggered one, which has a worker, is first: the worker has that lane's clock.
    """
    if job.virtual:
        return [part for part in (list(job.plays[::2]), list(job.plays[1::2])) if part]
    plays = sorted(job.plays, key=lambda name: name != TRIGGERED)
    beside = max(1, (len(plays) + 1 - _AS_LONG) // 2)
    split = beside if plays[0] == TRIGGERED else (len(plays) + 1) // 2
    return [part for part in (plays[:split], plays[split:]) if part]


def _read(lane: Lane, progress: Callable[[str, str], None]) -> None:
    for line in lane.process.stdout or ():
        told = json.loads(line)
        lane.told.append(told)
        if told["kind"] == "progress":
            progress(told["name"], told["line"])
        elif told["kind"] == "result":
            progress(told["name"], "ended: " + str(told["result"].get("actual", "played")))
        elif told["kind"] == "error":
            progress(told["name"], "could not be played: " + told["error"])
        elif told["kind"] == "done":
            lane.done = True

"""Rehearse: play scenarios, or a real history, against servers started for the purpose."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.rehearsal.processes import Processes, terminate_as_interrupt
from cli.rehearsal.stack import Stack
from sixgates.gates.errors import ConfigurationError, TransientError

TRIGGERED = "healthy-drift"
"""The scenario whose retrain is started by Prefect's automation and runs on a worker."""
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Job:
    """What to rehearse."""

    scenarios: tuple[str, ...] = ()
    project: str = ""
    data: str | None = None
    """Address of the history; the project's own source where not given."""
    keep: bool = False
    virtual: bool = False
    """Play on a virtual clock, without servers."""

    @property
    def plays(self) -> tuple[str, ...]:
        """Names of what is played."""
        return self.scenarios or (self.project,)


@dataclass(slots=True)
class Lane:
    """One process that plays, and what it has told."""

    plays: tuple[str, ...]
    process: subprocess.Popen[str]
    told: list[dict[str, Any]] = field(default_factory=list)
    done: bool = False


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a rehearsal."""

    home: Path
    results: dict[str, dict[str, Any]]
    errors: dict[str, str]


def rehearse(
    job: Job,
    home: Path,
    progress: Callable[[str, str], None],
    kept: Callable[[dict[str, str]], None],
) -> Rehearsed:
    """Start the servers that are needed, play, and stop everything again.

    Args:
        job: What to play.
        home: Folder of everything the rehearsal writes.
        progress: Takes the name of a play and a line.
        kept: With `job.keep`, takes the addresses when all is played; returns when to stop.

    Raises:
        TransientError: a server did not start.
    """
    with terminate_as_interrupt(), Processes(home / "logs", own_groups=True) as processes:
        stack = Stack(home, processes)
        if not job.virtual:
            progress("servers", "starting Prefect")
            stack.start_prefect()
        lanes = _start_lanes(job, stack, processes)
        for lane in lanes:
            threading.Thread(target=_read, args=(lane, progress), daemon=True).start()
        if not job.virtual:
            _serve(job, stack, progress)
        _wait(lanes, processes)
        if job.keep:
            addresses = {"Prefect": stack.prefect_ui, "MLflow": stack.start_mlflow_ui()}
            for lane in lanes:
                addresses |= _gateways(lane)
            kept(addresses)
        return _gather(home, lanes)


def new_home(parent: Path) -> Path:
    """Make a fresh folder for one rehearsal."""
    home = parent / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    try:
        home.mkdir(parents=True)
    except OSError as exc:
        raise ConfigurationError(
            f"the folder {home} cannot be made ({exc.strerror}): choose another with --home"
        ) from exc
    return home.resolve()


def clear(home: Path) -> None:
    """Remove what only the running servers needed; logs, ledger, models and reports stay."""
    for folder in ("prefect", "tmp"):
        shutil.rmtree(home / folder, ignore_errors=True)
    for mark in ("ready", "deployed"):
        (home / mark).unlink(missing_ok=True)


def _serve(job: Job, stack: Stack, progress: Callable[[str, str], None]) -> None:
    """Let the lanes begin once Prefect answers, and register what the triggered play needs."""
    stack.wait_for_prefect()
    (stack.home / "ready").touch()
    progress("servers", f"Prefect answers at {stack.prefect_ui}")
    if TRIGGERED in job.plays:
        stack.start_worker(_lane_env(stack, 0))
        stack.deploy(REPOSITORY)
        (stack.home / "deployed").touch()
        progress("servers", "deployments and automation registered, worker started")


def _start_lanes(job: Job, stack: Stack, processes: Processes) -> list[Lane]:
    """Split the plays over two processes."""
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
        }
        process = processes.spawn(
            f"lane-{n}",
            [sys.executable, "-m", "cli.rehearsal.lane", json.dumps(words)],
            env=_lane_env(stack, n),
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
        )
        lanes.append(Lane(tuple(part), process))
    return lanes


def _parts(job: Job) -> list[list[str]]:
    """Split the plays in two; with servers the triggered one, which has a worker, is first."""
    if job.virtual:
        return [part for part in (list(job.plays[::2]), list(job.plays[1::2])) if part]
    plays = sorted(job.plays, key=lambda name: name != TRIGGERED)
    split = 1 if plays[0] == TRIGGERED else (len(plays) + 1) // 2
    return [part for part in (plays[:split], plays[split:]) if part]


def _lane_env(stack: Stack, lane: int) -> dict[str, str]:
    return {**stack.env, "SIXGATES_CLOCK": str(stack.home / f"clock-{lane}")}


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


def _wait(lanes: list[Lane], processes: Processes) -> None:
    while not all(lane.done for lane in lanes):
        for lane in lanes:
            if not lane.done and lane.process.poll() not in (None, 0):
                time.sleep(0.5)  # its last lines may still be on their way
                if not lane.done:
                    processes.raise_for_dead()
                    raise TransientError(f"the lane of {', '.join(lane.plays)} ended early")
        time.sleep(0.1)


def _gateways(lane: Lane) -> dict[str, str]:
    return {
        f"gateway of {t['name']}": str(t["result"]["serving"]["url"])
        for t in lane.told
        if t["kind"] == "result"
    }


def _gather(home: Path, lanes: list[Lane]) -> Rehearsed:
    told = [t for lane in lanes for t in lane.told]
    results = {t["name"]: t["result"] for t in told if t["kind"] == "result"}
    errors = {t["name"]: t["error"] for t in told if t["kind"] == "error"}
    return Rehearsed(home, results, errors)

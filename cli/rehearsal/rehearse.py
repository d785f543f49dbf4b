"""Rehearse: play scenarios, or a real history, against servers started for the purpose."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from cli.rehearsal.job import TRIGGERED, Job
from cli.rehearsal.lanes import Lane, lane_env, start_lanes, wait_for_lanes
from cli.rehearsal.processes import Processes, terminate_as_interrupt
from cli.rehearsal.stack import Stack
from sixgates.gates.errors import ConfigurationError

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What came of a rehearsal."""

    home: Path
    results: dict[str, dict[str, Any]]
    errors: dict[str, str]
    servers: dict[str, str]
    """Where the servers listened that were there for all plays, by what they were."""


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
    say = partial(progress, "servers")
    with terminate_as_interrupt(), _servers(job, home, say) as (stack, processes):
        if not job.virtual:
            stack.start(say)
        lanes = start_lanes(job, stack, processes, progress)
        if not job.virtual:
            _serve(job, stack, say)
        wait_for_lanes(lanes, processes)
        if job.keep:
            addresses = stack.addresses | {"MLflow": stack.open_mlflow()}
            for lane in lanes:
                addresses |= _gateways(lane)
            kept(addresses)
        return _gather(home, lanes, {} if job.virtual else stack.addresses)


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
    (home / "ready").unlink(missing_ok=True)


@contextmanager
def _servers(job: Job, home: Path, say: Callable[[str], None]) -> Iterator[tuple[Stack, Processes]]:
    """Lend servers that are not started yet, and the owner of their processes."""
    if job.full:
        from cli.rehearsal.full.stack import full_stack

        with full_stack(home, say) as both:
            yield both
    else:
        with Processes(home / "logs", own_groups=True) as processes:
            yield Stack(home, processes), processes


def _serve(job: Job, stack: Stack, say: Callable[[str], None]) -> None:
    """Register what the triggered play needs once servers answer, and let the lanes begin.

    Not beside them: Prefect's SQLite has one writer, and lanes that write hold it for minutes.
    """
    stack.wait(say)
    if TRIGGERED in job.plays:
        for _ in range(stack.workers):
            stack.start_worker(lane_env(stack, 0))
        stack.deploy(REPOSITORY)
        say(f"deployments and automation registered; Prefect's workers: {stack.workers}")
    (stack.home / "ready").touch()


def _gateways(lane: Lane) -> dict[str, str]:
    """Return who answers each play: gateways, and nginx where it stands before them."""
    results = {t["name"]: t["result"] for t in lane.told if t["kind"] == "result"}
    return {f"gateways of {name}": " ".join(r["gateways"]) for name, r in results.items()} | {
        f"nginx before those of {name}": r["address"]
        for name, r in results.items()
        if len(r["gateways"]) > 1
    }


def _gather(home: Path, lanes: list[Lane], servers: dict[str, str]) -> Rehearsed:
    told = [t for lane in lanes for t in lane.told]
    results = {t["name"]: t["result"] for t in told if t["kind"] == "result"}
    errors = {t["name"]: t["error"] for t in told if t["kind"] == "error"}
    return Rehearsed(home, results, errors, servers)

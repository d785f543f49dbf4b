"""A tick over many projects, of which some have a release under way."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl

from bench.figures import Figure, at_most
from bench.report import BENCH, Say
from bench.scale.fleet import KNOWN, START, at, data_of, found, model_of
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from simulation.traffic import Replay
from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import PipelineError

SECONDS = 30.0
PROJECTS, OPEN, TIMES = 200, 20, 5
_FIRST = KNOWN + 3
"""Day on which the challengers are trained."""


def many(quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Measure ticks of a fleet, each after a day of traffic at every gateway."""
    projects, releases, times = (12, 3, 2) if quick else (PROJECTS, OPEN, TIMES)
    names = [f"open-{n}" for n in range(releases)]
    with TemporaryDirectory(prefix="sixgates-fleet-") as home, ExitStack() as stopping:
        processes = stopping.enter_context(Processes(Path(home, "logs"), own_groups=True))
        stack = Stack(Path(home), processes)
        stack.env["SIXGATES_CLOCK"] = f"{home}/clock"
        folder = Path(home, "projects")
        found(folder, [*names, *(f"idle-{n}" for n in range(projects - releases))])
        at(Path(home), KNOWN)
        stack.start_prefect()
        stack.wait_for_prefect(240.0)
        say(f"first models of {projects} projects")
        _work(stack, "retrain", folder)
        _work(stack, "settle", folder)
        replays = [stopping.enter_context(_served(stack, processes, name)) for name in names]
        say(f"{releases} challengers")
        at(Path(home), _FIRST)
        _work(stack, "retrain", folder)
        frame, spent, came = pl.read_parquet(data_of(folder)), [], ""
        for day in range(_FIRST, _FIRST + times):
            _live(replays, frame, day)
            at(Path(home), day + 1)
            began = time.monotonic()
            came = _work(stack, "tick", folder)
            spent.append(time.monotonic() - began)
            say(f"a tick in {spent[-1]:.1f} s: {came}")
    name = f"tick over {projects} projects, {releases} open releases"
    note = f"median of {times}, with the start of its process; the last one said {came}"
    yield at_most(name, median(spent), SECONDS, " s", note)


def _work(stack: Stack, work: str, folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "bench.scale.fleet", work, str(folder)],
        cwd=BENCH.parent, env=stack.env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise PipelineError(f"{work} of the fleet failed: {done.stderr[-2000:]}")
    return done.stdout.strip()


def _served(stack: Stack, processes: Processes, name: str) -> Replay:
    """Start the gateway of a project, and return who sends it rows."""
    home, folder = stack.home, stack.home / "projects"
    command = [
        sys.executable, "-m", "sixgates.gateway", "--model", model_of(name),
        "--store", str(home / "models"), "--log", str(home / "log"),
    ]  # fmt: skip
    env = {**stack.env, "SIXGATES_LEDGER_URL": f"sqlite:///{home / 'ledger.db'}"}
    process = processes.spawn(name, command, env=env, stdout=subprocess.PIPE)
    if process.stdout is None or not (line := process.stdout.readline()):
        raise PipelineError(f"the gateway of {name} did not start")
    project = load_project(str(folder / f"{name}.py"))
    frame = pl.read_parquet(data_of(folder))
    return Replay(json.loads(line)["url"], project, frame, rows_per_request=50)


def _live(replays: Sequence[Replay], frame: pl.DataFrame, day: int) -> None:
    """Send a day's rows to every gateway, and the labels that are known by its end."""
    began = START + timedelta(days=day)
    ended, known = began + timedelta(days=1), pl.col("ts") + timedelta(days=2)
    today = frame.filter(pl.col("ts") >= began, pl.col("ts") < ended)
    labelled = frame.filter(known > began, known <= ended)
    for replay in replays:
        sent = replay.send(today)
        if sent.failed:
            raise PipelineError(f"a gateway did not answer: {sent.faults}")
        replay.send_labels(labelled)

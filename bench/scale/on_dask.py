"""Many rows on the workers of Dask: how time and memory grow, and what a second worker is worth."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import TIMES, Figure, at_least, at_most, failed, shown
from bench.gateway.servers import free_port
from bench.report import BENCH, Say
from bench.scale.rows import files_of
from bench.scale.rows_project import ROUNDS
from cli.rehearsal.processes import Processes
from sixgates.adapters.engine.check import LOCAL
from sixgates.gates.errors import PipelineError, TransientError

SIZES, FEW = (1_000_000, 4_000_000, 20_000_000), (20_000, 40_000, 80_000)
"""Rows of the runs, and of quick ones."""
EXPONENT, FLAT = 1.1, 1.2
"""How time, and how much the memory of the driver may grow with the rows."""
GIB = 4.0
"""Of each process."""
WORTH = 1.6
"""How many times quicker two workers are than one."""
_TOLD = 0.5
"""Seconds of a step from which on a ratio says something."""
_PATIENCE = "60s"
_ENV = {"POLARS_MAX_THREADS": "1"}
"""Of workers: one thread each, for Polars too."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Where rows are, and who listens."""

    data: Path
    say: Say
    log: Path

    def work(self, *words: object) -> Any:  # noqa: ANN401 - what JSON says
        """Do a piece of work of `bench.scale.gates` in a process of its own.

        Raises:
            TransientError: it failed.
        """
        self.say(" ".join(map(str, words)))
        work, *rest = map(str, words)
        command = [sys.executable, "-m", "bench.scale.gates", work, str(self.data), *rest]
        done = subprocess.run(  # noqa: S603 - our own command line
            command, cwd=BENCH.parent, env=_environment(), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            why = done.stderr.strip()[-400:] or f"code {done.returncode}"
            raise TransientError(f"{work} of {rest} failed: {why}")
        return json.loads(done.stdout.splitlines()[-1])

    def on(self, workers: int, rows: int) -> Any:  # noqa: ANN401 - what JSON says
        """Take rows through all gates on a new cluster."""
        with _scheduler(self.log, workers) as address:
            return self.work(address, rows)


def on_dask(quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Measure all sizes on two workers, the most rows on one, and the fewest in one process."""
    sizes = FEW if quick else SIZES
    run = _Run(BENCH / ".data", say, BENCH / "out" / "scale-work" / "dask")
    found: dict[int, Any] = {}
    for rows in sizes:
        _make(run, rows)
        try:
            found[rows] = run.on(2, rows)
        except PipelineError as exc:
            yield failed(f"{_named(rows)} through all gates, two workers", str(exc))
            break
        yield from _of_size(found[rows], rows)
    if len(found) == len(sizes):
        yield from _of_growth(found)
    if sizes[-1] in found:
        # Of fewer rows a larger part of the time is the same for any number of workers.
        yield from _of_workers(run, found[sizes[-1]], sizes[-1])
    if sizes[0] in found:
        yield from _of_one_process(run, found[sizes[0]], sizes[0])


def _of_size(found: Any, rows: int) -> Iterator[Figure]:  # noqa: ANN401 - what JSON says
    peaks = {process: mib / 1024 for process, mib in found["peaks"].items()}
    note = ", ".join(f"{process} {gib:.2f}" for process, gib in peaks.items())
    whole = found["counted"] == rows and not found["refused"] and found["engine"] != LOCAL
    why = "" if whole else f"; {found['counted']:,} rows counted; {' '.join(found['refused'])}"
    what = f"largest process, {_named(rows)} through all gates, two workers"
    kept = at_most(what, max(peaks.values()), GIB, " GiB", f"{note}{why}")
    yield replace(kept, ok=kept.ok and whole)
    yield shown(
        f"time of it, {_named(rows)}", _total(found), " s", f"{_steps(found)}; {ROUNDS} trees"
    )


def _of_growth(found: dict[int, Any]) -> Iterator[Figure]:
    few, many = min(found), max(found)
    between = f"{_named(few)} to {_named(many)}"
    total = {rows: _total(of) for rows, of in found.items()}
    note = ", ".join(f"{_named(rows)} {seconds:.0f} s" for rows, seconds in total.items())
    yield at_most(f"exponent of time by rows, {between}", _exponent(total), EXPONENT, "", note)
    driver = {rows: of["peaks"]["driver"] for rows, of in found.items()}
    note = ", ".join(f"{_named(rows)} {mib:,.0f} MiB" for rows, mib in driver.items())
    name = f"memory of the driver, {between}"
    yield at_most(name, driver[many] / driver[few], FLAT, TIMES, note)


def _of_workers(run: _Run, of_two: Any, rows: int) -> Iterator[Figure]:  # noqa: ANN401
    two, one = of_two["seconds"], run.on(1, rows)["seconds"]
    for step, what in (("training", "training"), ("watch", "reduction, counts of the watch")):
        worth = one[step] / two[step]
        note = (
            f"{one[step]:.1f} s against {two[step]:.1f} s, efficiency {worth / 2:.0%};"
            f" {os.cpu_count()} cores that scheduler and driver use too"
        )
        name = f"two workers against one, {what}, {_named(rows)}"
        yield at_least(name, worth, WORTH, TIMES, note)
    note = ", ".join(f"{step} {one[step] / two[step]:.2f}" for step in two if two[step] > _TOLD)
    worth = sum(one.values()) / sum(two.values())
    yield shown(f"the same of all, {_named(rows)}", worth, TIMES, note)


def _of_one_process(run: _Run, dask: Any, rows: int) -> Iterator[Figure]:  # noqa: ANN401
    local = run.work(LOCAL, rows)
    apart = run.work("difference", rows, local["digest"], dask["digest"])
    errors = abs(apart["mean"]) / apart["se"] if apart["mean"] else 0.0
    note = (
        f"{apart['mean']:+.2g} of {apart['loss']:.4f}, standard error {apart['se']:.2g}, paired and"
        " by entity"
    )
    name = f"loss of the model of Dask against that of one process, {_named(rows)}"
    yield at_most(name, errors, 1.0, " standard errors", note)
    note = f"{local['peaks']['driver'] / 1024:.2f} GiB; {_steps(local)}"
    yield shown(f"time of one process with two threads, {_named(rows)}", _total(local), " s", note)


def _total(found: Any) -> float:  # noqa: ANN401 - what JSON says
    return float(sum(found["seconds"].values()))


def _steps(found: Any) -> str:  # noqa: ANN401 - what JSON says
    return ", ".join(f"{step} {seconds:.1f}" for step, seconds in found["seconds"].items())


def _exponent(seconds: dict[int, float]) -> float:
    """Return the slope of time by rows, both as logarithms."""
    rows, times = np.log(list(seconds)), np.log(list(seconds.values()))
    return float(np.polyfit(rows, times, 1)[0])


def _named(rows: int) -> str:
    return f"{rows / 1e6:g}M x 30"


def _make(run: _Run, rows: int) -> None:
    if not all(file.exists() for file in files_of(run.data, rows)):
        run.say(f"{rows:,} rows")
        subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "bench.scale.rows", str(run.data), str(rows)],
            cwd=BENCH.parent, env=_environment(), check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


@contextmanager
def _scheduler(log: Path, workers: int) -> Iterator[str]:
    """Run a scheduler with so many workers of one thread, and return its address."""
    from distributed import Client

    address = f"tcp://127.0.0.1:{free_port()}"
    env = _environment()
    with Processes(log, own_groups=True) as processes:
        processes.spawn("scheduler", [
            sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1",
            "--port", address.rpartition(":")[2], "--no-dashboard",
        ], env=env)  # fmt: skip
        processes.spawn("worker", [
            sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers",
            str(workers), "--nthreads", "1", "--memory-limit", "4GiB", "--no-dashboard",
            "--local-directory", str(log),
        ], env=env | _ENV)  # fmt: skip
        with Client(address, timeout=_PATIENCE, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=_PATIENCE)
        yield address


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(BENCH.parent)}

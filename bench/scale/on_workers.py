"""Play a scenario on a whole installation, the ticks of its canary on the workers as its retrain.

`python -m bench.scale.on_workers SCENARIO HOME`, in the environment of an installation that runs.
Writes one JSON object a line on stdout: `progress`, and at the end what came of it, or `error`.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from prefect.deployments import run_deployment
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from bench.scale.kept import Kept, answered, lost
from cli.rehearsal.full.theatre import FullTheatre
from cli.rehearsal.processes import Processes
from cli.rehearsal.scenes import play_scenario
from simulation.catalogue import scenario_of
from simulation.traffic import Replay, SentDay
from sixgates.gates.errors import PipelineError, TransientError
from sixgates.gates.project import Project
from sixgates.ledger.route import Route, Step

_TICK = "each/tick"
_PERIOD_SECONDS = 60.0
"""After so long the next run is asked for, as by the deployment's schedule."""


class OnWorkers(FullTheatre):
    """A project whose ticks are runs of the deployment while a canary answers."""

    patience = 420.0
    """For one tick too: its deployment may have no place for the five minutes after a kill."""

    def __init__(self, project: Project, path: str, data: str | None, processes: Processes) -> None:
        """Prepare a project; see `Theatre`."""
        super().__init__(project, path, data, processes)
        self.sent: list[SentDay] = []
        self.again: list[str] = []
        """States of runs after which another one was asked for."""
        self.longest = 0.0
        """Seconds that a tick took at most, with all runs that were asked for."""

    def replay(
        self, frame: pl.DataFrame, skew: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Replay:
        """Open connections to nginx, and keep what becomes of what is sent."""
        return Kept(self.sent, self._url, self.project, frame, serve_skew=skew)

    def tick(self) -> Route:
        """Run a tick, on the workers again and again until one comes to its end."""
        if self.route().step is not Step.CANARY:
            return super().tick()
        began = asked = time.monotonic()
        while asked < began + self.patience:
            run: Any = run_deployment(
                _TICK, parameters={"projects": [self.path]}, timeout=_PERIOD_SECONDS,
                poll_interval=0.5, as_subflow=False,
            )  # fmt: skip
            if run.state.is_completed() and run.state.name != "Busy":
                self.longest = max(self.longest, time.monotonic() - began)
                return self.route()
            self.again.append(run.state.name)
            time.sleep(max(0.0, asked + _PERIOD_SECONDS - time.monotonic()))
            asked = time.monotonic()
        raise TransientError(
            f"no run of {_TICK} came to its end within {self.patience:.0f} s, the newest ones"
            f" as {self.again[-5:]}: see logs/prefect-worker.log"
        )


def main(name: str, home: Path) -> None:
    """Play a scenario, and say what came of it."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the protocol
    quick = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    opened: list[OnWorkers] = []

    def say(line: str) -> None:
        out.write(json.dumps({"progress": line}) + "\n")

    def stage(project: Project, path: str, data: str | None) -> OnWorkers:
        opened.append(OnWorkers(project, path, data, processes))
        return opened[-1]

    with quick, Processes(home / "logs", own_groups=False) as processes:
        try:
            told = play_scenario(scenario_of(name), home, stage, say, triggered=True)
            (theatre,) = opened
            told |= {
                "lost": lost(theatre.world, theatre.project.name, theatre.sent),
                "answered": answered(theatre.sent),
                "again": theatre.again,
                "longest": theatre.longest,
                "lease": theatre.project.policies.canary.lease.total_seconds(),
            }
        except PipelineError as exc:
            told = {"error": str(exc)}
    out.write(json.dumps(told, default=str) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

"""Where a simulated or replayed world meets the pipeline: real flows, a real gateway, real HTTP.

The clock is a file: it shows event time, so that a simulated day may last a second and judging by
day works as in production.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from cli.flow_state import completed
from cli.rehearsal.processes import Processes
from flows.release import release
from flows.retrain import retrain
from flows.watch import watch
from simulation.traffic import Replay
from sixgates.adapters.clocks import set_clock
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.adapters.project_files import load_project
from sixgates.adapters.wiring import World, build, use
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.ports import SomeSilentError
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.presence import SILENCE_SECONDS
from sixgates.ledger.route import Route
from tasks.run import project_of

_REMINDER = 30.0
_NOBODY = "http://127.0.0.1:9"
"""Where no registry answers: the port of a service that is gone from this world."""


class Theatre:
    """One project on stage: its data, its gateway, and the flows that act on it."""

    replicas = 1
    """How many gateways answer; each has to serve what the ledger says."""
    patience = 180.0
    """Seconds in which Prefect has to register the deployments, and a run to answer an alert."""

    def __init__(self, project: Project, path: str, data: str | None, processes: Processes) -> None:
        """Prepare a project.

        Args:
            project: the loaded project.
            path: how the flows load it: a name or a path.
            data: address of what the flows read as of the clock; None: the project's source.
            processes: owner of the gateway's process.
        """
        self.project = project
        self.path = path
        self._data = data
        self._processes = processes
        self.world: World = build()
        self._lost: World | None = None
        """The world of the flows while the registry is away."""
        self._gateways: list[subprocess.Popen[str]] = []
        self._url = ""

    def set_clock(self, now: datetime) -> None:
        """Move event time."""
        clock = self.world.settings.clock
        if clock is None:
            raise ContractError("a rehearsal needs SIXGATES_CLOCK to name its clock file")
        set_clock(clock, now)

    def open_gateway(self) -> str:
        """Start the gateway's process and return its address."""
        self._gateways = [self.start_gateway(f"gateway-{self.project.name}")]
        self._url = await_gateway(self._gateways[0], self.project.name)
        return self._url

    def start_gateway(self, name: str, port: int = 0) -> subprocess.Popen[str]:
        """Start a gateway's process, without waiting for it.

        Args:
            name: Of its log.
            port: Of loopback; 0 takes a free one.
        """
        settings = self.world.settings
        return self._processes.spawn(
            name,
            [sys.executable, "-m", "sixgates.gateway", "--model", self.project.name,
             "--store", str(settings.store), "--log", str(settings.log), "--port", str(port)],
            env={**os.environ, "SIXGATES_GATEWAY_TOKEN": _token(self.world),
                 "SIXGATES_LEDGER_URL": settings.ledger_url},
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def restart_gateway(self, replay: Replay, *, killed: bool = False) -> None:
        """Stop the gateway as an operator or the kernel would, and send requests to another."""
        process = self._gateways[0]
        (process.kill if killed else process.terminate)()
        process.wait()
        replay.move_to(self.open_gateway())

    def lose_registry(self, *, lost: bool) -> None:
        """Let the flows find nobody at the registry's address, or find it again."""
        away = MlflowRegistry(_NOBODY, self.world.settings.mlflow_artifacts)
        self._lost = replace(self.world, registry=away) if lost else None

    def fill_disk(self, *, full: bool) -> None:
        """Let no file of the gateways grow, or grow again.

        It is a limit of their processes and no full disk, for that needs no rights and can be
        lifted: the error says "too large" instead of "no space", and comes from the same calls.

        Raises:
            ConfigurationError: the system has no such limit for another process.
        """
        if not hasattr(resource, "prlimit"):
            raise ConfigurationError("only Linux can fill a disk like this: add --virtual")
        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        for gateway in self._gateways:
            resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0 if full else most, most))

    def replay(
        self, frame: pl.DataFrame, skew: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Replay:
        """Open connections that send the rows of a frame to the gateway."""
        return Replay(self._url, self.project, frame, serve_skew=skew)

    def retrain(self, trigger: str, alert: int | None = None) -> Entry:
        """Run gates 1 to 4 here and return the answer on record."""
        self.run(retrain, self.path, self._data, alert, trigger)
        return self.world.ledger.entries(self.project.name, kind=Kind.ANSWER)[-1]

    def watch(self, *, announce: bool) -> Entry | None:
        """Run the watch and return the alert it raised, if any."""
        state = self.run(watch, self.path, self._data, announce=announce)
        if state.name != "Alerted":
            return None
        return self.world.ledger.entries(self.project.name, kind=Kind.ALERT)[-1]

    def await_answer(self, alert: Entry) -> Entry:
        """Wait until a run that Prefect started has answered an alert; remind it meanwhile.

        Raises:
            TransientError: nobody answered in time.
        """
        began = reminded = time.monotonic()
        while time.monotonic() < began + self.patience:
            if time.monotonic() > reminded + _REMINDER:
                reminded = time.monotonic()
                self.watch(announce=True)  # as its schedule would: an event may be lost
            for entry in self.world.ledger.entries(self.project.name, kind=Kind.ANSWER):
                if entry.body.get("alert") == alert.seq:
                    return entry
            time.sleep(0.25)
        raise TransientError(
            f"no run answered alert {alert.seq} within {self.patience:.0f} s:"
            " see logs/prefect-worker.log and logs/prefect-server.log"
        )

    def tick(self) -> Route:
        """Run one tick of the release and return who serves after it."""
        self.run(release, self.path)
        return self.route()

    def project_changed(self) -> None:
        """Load the project's file again."""
        project_of.cache_clear()
        self.project = load_project(self.path)

    def run(self, flow: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - Prefect's
        """Run a flow and return how it ended; what it could not find out is raised."""
        with use(self._lost) if self._lost else nullcontext():
            return completed(flow(*words, **named, return_state=True))

    def route(self) -> Route:
        """Return who serves by the ledger."""
        route = self.world.ledger.route(self.project.name)
        if route is None:
            raise ContractError(f"{self.project.name} has no champion: its first model was refused")
        return route

    def serving(self) -> list[dict[str, Any]]:
        """Return what each gateway itself says it serves.

        Raises:
            TransientError: one does not answer, or fewer are alive than were started.
        """
        began = time.monotonic()
        while True:
            try:
                answers = self.world.traffic.serving(self.project.name)
                break
            except SomeSilentError:
                # One that was killed counts as alive until its silence has lasted that long.
                if time.monotonic() > began + 2 * SILENCE_SECONDS:
                    raise
                time.sleep(0.25)
        if len(answers) < self.replicas:
            raise TransientError(
                f"of {self.replicas} gateways of {self.project.name} {len(answers)} are alive"
            )
        return [{name: getattr(answer, name) for name in answer.__slots__} for answer in answers]


def await_gateway(process: subprocess.Popen[str], model: str) -> str:
    """Wait until a gateway of a model accepts requests, and return its address.

    Raises:
        TransientError: it ended before.
    """
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        raise TransientError(f"the gateway of {model} did not start: see its log")
    return str(json.loads(line)["url"])


def _token(world: World) -> str:
    token = world.settings.gateway_token
    return token.get_secret_value() if token else ""

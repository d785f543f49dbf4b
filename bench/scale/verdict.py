"""A whole release, from drift to a confirmed promotion, while everything is restarted under it.

The scenario is `healthy-drift`, with the flows, tasks and gates of every other play. Three gateways
answer its traffic behind nginx. As long as the release is open they are restarted one after the
other without a pause, and PostgreSQL is stopped and started again in the middle of every third
tick. A tick that breaks off is run again, as its schedule would, and so is a gateway that finds no
ledger when it starts.
"""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from pydantic import SecretStr

from bench.figures import Figure, at_least, at_most
from bench.gateway.ours import TOKEN
from bench.gateway.servers import free_port
from bench.scale.kept import Kept, answered, lost
from bench.scale.replicas import Replica
from bench.scale.routes import REPLICAS
from bench.scale.run import Run
from cli.rehearsal.full.nginx import BACK_SECONDS, balancer
from cli.rehearsal.full.postgres import Cluster, cluster
from cli.rehearsal.play import Stage
from cli.rehearsal.processes import Processes
from cli.rehearsal.scenes import play_scenario
from cli.rehearsal.theatre import Theatre
from cli.rehearsal.virtual.flows import plain_tasks, played
from cli.rehearsal.virtual.registry import MemoryRegistry
from cli.rehearsal.virtual.theatre import VirtualClock
from simulation.catalogue import scenario_of
from simulation.traffic import Replay, SentDay
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World, use
from sixgates.gates.errors import TransientError
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route

SCENARIO = "healthy-drift"
_EVERY = 3
"""So many ticks, and PostgreSQL is restarted in the middle of one."""
_PATIENCE_SECONDS = 60.0
_Result = TypeVar("_Result")


def verdict(run: Run) -> Iterator[Figure]:
    """Play the scenario once."""
    home = run.folder / "fleet"
    home.mkdir()
    with ExitStack() as stack:
        server = stack.enter_context(cluster(port=free_port()))
        world = stack.enter_context(_world(home, server.create("ledger")))
        processes = stack.enter_context(Processes(home / "output", own_groups=True))
        fleets: list[_Fleet] = []

        def stage(project: Project, path: str, data: str | None) -> Theatre:
            gateways = _gateways(world, project.name, processes)
            nginx = balancer(home / "nginx", [f"127.0.0.1:{one.port}" for one in gateways])
            port = stack.enter_context(nginx)
            fleets.append(_Fleet(project, path, data, world, server, gateways, port))
            return fleets[0]

        told = _play(home, stage, run)
        (fleet,) = fleets
        for one in fleet.gateways:
            one.stop()
        missing, n = lost(world, fleet.project.name, fleet.sent), answered(fleet.sent)
    how = (
        f"{fleet.restarted} gateways restarted one by one, PostgreSQL {fleet.stopped} times amid a"
        f" tick; {fleet.broken} tries broke off and were made again"
    )
    reached = told["actual"] == told["expected"] and told["proved"]
    note = f"{SCENARIO} ended as {told['actual']}, should be {told['expected']}; {how}"
    yield at_least("verdict reached and proved amid restarts of everything", reached, 1, "", note)
    name, note = "failed requests of that release", f"{n:,} predictions acknowledged"
    yield at_most(name, told["failed_requests"], 0, "", note)
    yield at_most("acknowledged predictions of that release lost", missing, 0, "", note)


def _play(home: Path, stage: Stage, run: Run) -> dict[str, Any]:
    logging.disable(logging.ERROR)  # each hook of a tick that broke off says so at length
    try:
        return play_scenario(scenario_of(SCENARIO), home, stage, run.say)
    finally:
        logging.disable(logging.NOTSET)


class _Fleet(Theatre):
    """A project on stage, answered by several gateways behind a balancer."""

    replicas = REPLICAS

    def __init__(  # noqa: PLR0917 - as a stage is given them
        self, project: Project, path: str, data: str | None, world: World, server: Cluster,
        gateways: list[Replica], port: int,
    ) -> None:  # fmt: skip
        """Prepare a project; see `Theatre`."""
        self.project = project
        self.world = world
        self.path = path
        self.gateways = gateways
        self.sent: list[SentDay] = []
        self.restarted = self.stopped = self.broken = 0
        self._data = data
        self._server = server
        self._url = f"http://127.0.0.1:{port}"
        self._ticks = 0
        self._ended = threading.Event()
        self._rolling: threading.Thread | None = None

    def set_clock(self, now: datetime) -> None:
        """Move event time."""
        clock = self.world.clock
        assert isinstance(clock, VirtualClock)  # noqa: S101 - as `_world` makes it
        clock.moment = now

    def open_gateway(self) -> str:
        """Start all of them, and return where the balancer listens."""
        for one in self.gateways:
            one.start()
        return self._url

    def replay(
        self, frame: pl.DataFrame, skew: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Replay:
        """Open connections to the balancer, and keep what becomes of what is sent."""
        return Kept(self.sent, self._url, self.project, frame, serve_skew=skew)

    def tick(self) -> Route:
        """Run a tick while all is restarted, again and again until it gets to its end."""
        if self._rolling is None:
            self._rolling = threading.Thread(target=self._roll)
            self._rolling.start()
        self._ticks += 1
        crash = threading.Thread(target=self._crash)
        if self._ticks % _EVERY == 0:
            crash.start()
        route = self._until_done(super().tick)
        if crash.is_alive():
            crash.join()
        if not route.is_open:
            self._ended.set()
            self._rolling.join()
        return route

    def run(self, flow: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - Prefect's
        """Run a flow's body here; see `Theatre.run`."""
        return played(flow, *words, **named)

    def route(self) -> Route:
        """Return who serves by the ledger."""
        return self._until_done(super().route)

    def serving(self) -> list[dict[str, Any]]:
        """Return what each gateway says it serves."""
        return self._until_done(super().serving)

    def _until_done(self, action: Callable[[], _Result]) -> _Result:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return action()
            except TransientError:
                self.broken += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _crash(self) -> None:
        time.sleep(0.05 * (self._ticks % 7))  # at another place of the tick each time
        self._server.stop()
        time.sleep(0.5)
        self._server.start()
        self.stopped += 1

    def _roll(self) -> None:
        while not self._ended.is_set():
            for one in self.gateways:
                one.stop()
                self._until_done(one.start)
                self.restarted += 1
                self._ended.wait(BACK_SECONDS)


def _gateways(world: World, model: str, processes: Processes) -> list[Replica]:
    settings = world.settings
    command = [
        *(sys.executable, "-m", "sixgates.gateway", "--model", model),
        *("--store", str(settings.store), "--log", str(settings.log)),
    ]
    env = {"SIXGATES_LEDGER_URL": settings.ledger_url, "SIXGATES_GATEWAY_TOKEN": TOKEN}
    return [Replica(f"replica-{i}", processes, command, env) for i in range(REPLICAS)]


@contextmanager
def _world(home: Path, ledger_url: str) -> Iterator[World]:
    """Lend a world with a real ledger, log and gateways, and let `build()` return it."""
    settings = Settings(
        home=home,
        ledger_url=ledger_url,
        tables=home / "tables",
        gateway_token=SecretStr(TOKEN),
        tokens=None,
        notify=SecretStr(f"file:{home / 'notifications.jsonl'}"),
        clock=None,
    )
    ledger = Ledger(ledger_url)
    world = World(
        settings=settings,
        ledger=ledger,
        registry=MemoryRegistry(),
        models=ModelStore(settings.store),
        references=ReferenceStore(settings.store),
        traffic=GatewayTraffic(ledger, settings.gateway_token),
        log=DeltaLog(settings.log, settings.tables),
        clock=VirtualClock(),
    )
    try:
        with use(world), plain_tasks():
            yield world
    finally:
        ledger.close()

"""The stage of a virtual rehearsal: the same flows, gates and ledger, and nothing to wait for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import SecretStr

from cli.rehearsal.theatre import Theatre
from cli.rehearsal.virtual.flows import plain_tasks, played
from cli.rehearsal.virtual.gateway import InProcessGateway, InProcessTraffic
from cli.rehearsal.virtual.registry import MemoryRegistry
from simulation.traffic import Replay
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World, use
from sixgates.gates.project import Project
from sixgates.ledger.ledger import Ledger


@dataclass(slots=True)
class VirtualClock:
    """Event time is a variable."""

    moment: datetime = datetime.min  # noqa: DTZ901 - naive UTC

    def now(self) -> datetime:
        """Return the moment, naive UTC."""
        return self.moment


class VirtualTheatre(Theatre):
    """A project on stage in this process alone."""

    def __init__(self, project: Project, path: str, data: str | None, world: World) -> None:
        """Prepare a project in a world of `virtual_world`; see `Theatre`."""
        self.project = project
        self.world = world
        self.path = path
        self._data = data

    def set_clock(self, now: datetime) -> None:
        """Move event time; what the gateway still had to do is done by then."""
        clock, gateway = self.world.clock, self._traffic.gateway
        assert isinstance(clock, VirtualClock)  # noqa: S101 - as `virtual_world` makes it
        clock.moment = now
        if gateway is not None:
            gateway.settle()
            gateway.look()

    def open_gateway(self) -> str:
        """Open a gateway, in place of a former one, and return its name."""
        settings = self.world.settings
        self._traffic.gateway = gateway = InProcessGateway(
            self.project.name, self.world.ledger, settings.store, settings.log
        )
        return gateway.url

    def restart_gateway(self, replay: Replay, *, killed: bool = False) -> None:
        """Stop the gateway as an operator or the kernel would; open another in its place."""
        if self._traffic.gateway is not None:
            self._traffic.gateway.close(killed=killed)
        replay.move_to(self.open_gateway())

    def replay(
        self, frame: pl.DataFrame, skew: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Replay:
        """Return what sends the rows of a frame to the gateway."""
        traffic = self._traffic
        return Replay("http://virtual", self.project, frame, serve_skew=skew, transport=traffic)

    def lose_registry(self, *, lost: bool) -> None:
        """Let the registry fail every call, or answer again."""
        registry = self.world.registry
        assert isinstance(registry, MemoryRegistry)  # noqa: S101 - as `virtual_world` makes it
        registry.go(away=lost)

    def fill_disk(self, *, full: bool) -> None:
        """Let the gateway's log find no room, or some again."""
        gateway = self._traffic.gateway
        assert gateway is not None  # noqa: S101 - acts come after the first model
        gateway.fill_disk(full=full)

    def run(self, flow: Any, *words: Any, **named: Any) -> Any:  # noqa: ANN401 - Prefect's
        """Run a flow's body here; see `Theatre.run`."""
        return played(flow, *words, **named)

    @property
    def _traffic(self) -> InProcessTraffic:
        traffic = self.world.traffic
        assert isinstance(traffic, InProcessTraffic)  # noqa: S101 - as `virtual_world` makes it
        return traffic


@contextmanager
def virtual_stage(home: Path) -> Iterator[Callable[[Project, str, str | None], VirtualTheatre]]:
    """Lend a stage on which one play can be played; what it keeps is kept in a folder."""
    with virtual_world(home) as world:
        yield partial(VirtualTheatre, world=world)


@contextmanager
def virtual_world(home: Path) -> Iterator[World]:
    """Lend a world in memory, but for what it keeps in a folder, and let `build()` return it."""
    home.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        home=home,
        ledger_url=f"sqlite:///{home / 'ledger.db'}",
        mlflow_uri=f"sqlite:///{home / 'mlflow.db'}",
        mlflow_artifacts=home / "mlartifacts",
        tables=home / "tables",
        gateway_token=None,
        tokens=None,
        notify=SecretStr(f"file:{home / 'notifications.jsonl'}"),
        notify_token=None,
        engine="local",
        clock=None,
    )
    ledger, traffic = Ledger(settings.ledger_url), InProcessTraffic()
    world = World(
        settings=settings,
        ledger=ledger,
        registry=MemoryRegistry(),
        models=ModelStore(settings.store),
        references=ReferenceStore(settings.store),
        traffic=traffic,
        log=DeltaLog(settings.log, settings.tables),
        clock=VirtualClock(),
    )
    try:
        with use(world), plain_tasks():
            yield world
    finally:
        if traffic.gateway is not None:
            traffic.gateway.close()
        ledger.close()

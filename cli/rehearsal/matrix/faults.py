"""What else can go wrong while a walk is under way, besides its own death."""

import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from cli.rehearsal.matrix.ends import Ends
from cli.rehearsal.matrix.town import Gateway, Town
from cli.rehearsal.matrix.writes import FILE_LIMIT
from sixgates.adapters.clocks import FileClock, set_clock

LOCKED_SECONDS = 30.0
BACK = timedelta(hours=1)

Environment = Mapping[str, str]
Begin = Callable[[Town, Gateway], AbstractContextManager[Environment]]
"""Begins a fault, lends what the walk finds in its environment, and ends the fault."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong around a walk."""

    name: str
    begin: Begin
    ends: Ends = Ends.ALIKE
    leaves_rollback: bool = False
    """Whether a rollback must go through while it lasts: traffic back, and proved."""


@contextmanager
def _registry_away(_town: Town, _gateway: Gateway) -> Iterator[Environment]:
    """Nobody answers for MLflow."""
    yield {"SIXGATES_MLFLOW_URI": "http://127.0.0.1:9", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}


@contextmanager
def _ledger_locked(town: Town, _gateway: Gateway) -> Iterator[Environment]:
    """Somebody holds the ledger's only right to write."""
    locked = threading.Event()

    def hold() -> None:
        connection = sqlite3.connect(town.home / "ledger.db", timeout=60.0, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        locked.set()
        free.wait(LOCKED_SECONDS)
        connection.execute("ROLLBACK")
        connection.close()

    free, holder = threading.Event(), threading.Thread(target=hold, daemon=True)
    holder.start()
    locked.wait()
    try:
        yield {}
    finally:
        holder.join()


@contextmanager
def _disk_full(_town: Town, _gateway: Gateway) -> Iterator[Environment]:
    """No file of the walk may grow.

    It is a limit of the process and no full disk, for that needs no rights and can be lifted: the
    error says "too large" instead of "no space", and comes from the same calls.
    """
    yield {FILE_LIMIT: "0"}


@contextmanager
def _gateway_disk_full(_town: Town, gateway: Gateway) -> Iterator[Environment]:
    """No file of the gateway may grow; see `_disk_full`."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield {}
    finally:
        resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (hard, hard))


@contextmanager
def _clock_back(town: Town, _gateway: Gateway) -> Iterator[Environment]:
    """The clock shows an hour less than it did, and is put right again."""
    now = FileClock(town.clock).now()
    set_clock(town.clock, now - BACK)
    try:
        yield {}
    finally:
        set_clock(town.clock, now)


def gateway_killed(after: float) -> Begin:
    """Return a fault that kills the gateway so many seconds after the walk began."""

    @contextmanager
    def begin(_town: Town, gateway: Gateway) -> Iterator[Environment]:
        timer = threading.Timer(after, gateway.die)
        timer.start()
        try:
            yield {}
        finally:
            timer.join()

    return begin


FAULTS = (
    Fault("MLflow unreachable", _registry_away, leaves_rollback=True),
    Fault("ledger locked for 30 s", _ledger_locked),
    Fault("disk full", _disk_full),
    Fault("gateway's disk full", _gateway_disk_full, Ends.OTHERWISE),
    Fault("clock back an hour", _clock_back, Ends.WITH_OTHER_MODELS),
    Fault("gateway killed at once", gateway_killed(0.0)),
    Fault("gateway killed after 0.2 s", gateway_killed(0.2)),
    Fault("gateway killed after 0.6 s", gateway_killed(0.6)),
)

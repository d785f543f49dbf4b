"""Workers of Dask and of Prefect, killed by SIGKILL amid the work of a release.

A kill that met no work counts for nothing, and is tried again: the scheduler says which tasks it
missed with a worker, and what died in the middle of a run or a tick has left its lease behind.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from subprocess import Popen
from typing import TYPE_CHECKING, Any

import psutil

from sixgates.ledger.holder import is_gone
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Step

if TYPE_CHECKING:
    from distributed import Client

_AFTER_GATE = 2
"""The retrain loses its worker once so many gates have spoken."""
WORK = {"run": f"gate {_AFTER_GATE + 1} of the retrain", "tick": "a tick of the canary"}
"""Amid what a worker of Prefect is killed, by the name of the lease."""
_GATES = 4
_INTO_IT_SECONDS = 0.2
_PATIENCE_SECONDS = 10.0


@dataclass(slots=True)
class Kills:
    """What was killed amid its work, and how often there was none any more."""

    ledger: Ledger
    model: str
    ended: threading.Event = field(default_factory=threading.Event)
    """Set when nothing more is to be killed."""
    dask: list[str] = field(default_factory=list)
    """Gates whose tasks a worker of Dask took with it."""
    prefect: list[str] = field(default_factory=list)
    """What workers of Prefect were at."""
    missed: int = 0


def kill_dask(address: str, kills: Kills) -> None:
    """Kill one worker in each gate of each run, as soon as it has a task; a nanny starts another.

    Args:
        address: Of the scheduler.
        kills: What came of it.
    """
    from distributed import Client

    done: set[tuple[str, int]] = set()
    with Client(address, set_as_default=False) as client:
        while not kills.ended.wait(0.01):
            gate = _gate(kills)
            worker = None if gate is None or gate in done else _busy(client)
            if gate is None or worker is None:
                continue
            with suppress(ProcessLookupError):
                os.kill(worker[1], signal.SIGKILL)
            if _took_tasks(client, worker[0]):
                done.add(gate)
                kills.dask.append(f"gate {gate[1]}")
            else:
                kills.missed += 1


def kill_prefect(workers: list[Popen[str]], start: Callable[[], Popen[str]], kills: Kills) -> None:
    """Kill a worker with all that it runs, once amid each kind of work.

    Args:
        workers: All of them, alive.
        start: Starts another one in the place of each, as a supervisor does.
        kills: What came of it.
    """
    owed = [*WORK]
    while owed and not kills.ended.wait(0.02):
        what = next((one for one in owed if _is_at(kills, one)), None)
        if what is None:
            continue
        time.sleep(_INTO_IT_SECONDS)
        found = [
            (worker, psutil.Process(worker.pid).children(recursive=True)) for worker in workers
        ]
        busy = [(worker, children) for worker, children in found if children]
        for worker, children in busy:
            # Itself first: it would tell Prefect of the others' death.
            for process in (worker, *children):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            worker.wait()
            psutil.wait_procs(children, _PATIENCE_SECONDS)
            workers[workers.index(worker)] = start()
        lease = kills.ledger.lease(f"{what}:{kills.model}")
        if busy and lease is not None and is_gone(lease.owner):
            owed.remove(what)
            kills.prefect.append(WORK[what])
        else:
            kills.missed += bool(busy)


def _gate(kills: Kills) -> tuple[str, int] | None:
    """Return the newest run and the gate that it is at; None where it is at none, or dead."""
    ledger, model = kills.ledger, kills.model
    runs = ledger.entries(model, kind=Kind.RUN)
    if not runs or not _lives(kills, "run"):
        return None
    run = runs[-1].release
    spoken = len(ledger.entries(model, kind=Kind.VERDICT, release=run))
    return (run, spoken + 1) if spoken < _GATES else None


def _busy(client: "Client") -> tuple[str, int] | None:
    """Return address and process of a worker that has a task."""

    def busy(dask_scheduler: Any) -> tuple[str, int] | None:  # noqa: ANN401 - runs over there
        having = (one for one in dask_scheduler.workers.values() if one.processing)
        return next(((one.address, one.pid) for one in having), None)

    found: tuple[str, int] | None = client.run_on_scheduler(busy)
    return found


def _took_tasks(client: "Client", worker: str) -> bool:
    """Wait until the scheduler misses a worker, and return whether it had tasks then."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for _, event in client.get_events("all"):
            if event.get("action") == "remove-worker" and event["worker"] == worker:
                return bool(event["processing-tasks"])
        time.sleep(0.05)
    return False


def _is_at(kills: Kills, what: str) -> bool:
    """Whether somebody who lives is at a kind of work."""
    if what == "run":
        gate = _gate(kills)
        return gate is not None and gate[1] == _AFTER_GATE + 1
    route = kills.ledger.route(kills.model)
    return _lives(kills, what) and route is not None and route.step is Step.CANARY


def _lives(kills: Kills, what: str) -> bool:
    lease = kills.ledger.lease(f"{what}:{kills.model}")
    return lease is not None and not is_gone(lease.owner)

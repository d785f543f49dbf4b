"""Workers that boost in step: all of them or none. One that dies takes the training with it.

A worker that lost another fails in LightGBM's network, or waits for it, and is of no use for a next
training before it was started anew. So all are, and the training begins again with whom there is.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import lightgbm as lgb

from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.share import Lesson, Own, Share, learn_share
from sixgates.adapters.engine.stored_rows import Part
from sixgates.adapters.lightgbm_trainer import refused
from sixgates.gates.errors import TransientError

if TYPE_CHECKING:
    from distributed import Future

_TRIES = 3
_ROWS_EACH = 10_000
"""Training rows for each worker at least: with fewer, waiting for another costs more than it does.
"""
_LOOK = 0.1
"""Seconds between two looks at the workers."""
_PATIENCE = 30.0
"""Seconds for workers to come back."""
_GRACE = 10.0
"""Seconds that the others have to end by themselves when one has failed."""
_NETWORK = ("socket", "connect", "bind", "port")
"""Words by which LightGBM says that it could not reach the others."""


class OutOfTimeError(Exception):
    """The training took longer than it may."""


def learn_together(
    cluster: Cluster,
    lesson: Lesson,
    train: Sequence[tuple[Part, int]],
    validation: Sequence[tuple[Part, int]],
    seconds: float,
) -> list[Share]:
    """Train on the workers, each on its own parts, and return what each found.

    Few rows are trained by one worker. The same parts on as many workers give the same text: parts
    are dealt out by their sizes in the order of the workers' addresses, in which LightGBM merges.

    Args:
        cluster: The workers.
        lesson: What they are told.
        train: Parts with training rows, and how many.
        validation: Parts with validation rows, and how many.
        seconds: How long it may take in all.

    Raises:
        OutOfTimeError: it took longer; the workers were started anew.
        ConfigurationError: LightGBM refused the project's parameters.
        TransientError: workers died, or did not reach each other, three times in a row.
    """
    until, lost = time.monotonic() + seconds, ""
    most = max(1, sum(rows for _, rows in train) // _ROWS_EACH)
    for _ in range(_TRIES):
        cluster.complete(_PATIENCE)
        workers = list(cluster.workers())[: min(len(train), most)]
        futures = _started(cluster, lesson, workers, train, validation)
        try:
            lost = _waited(cluster, futures, until)
            if not lost:
                return list(cluster.gather(list(futures.values())))
        except lgb.basic.LightGBMError as exc:
            if not any(word in str(exc).lower() for word in _NETWORK):
                raise refused(lesson.project, exc) from exc
            lost = f"workers did not reach each other ({' '.join(str(exc).split())})"
        except (TypeError, ValueError) as exc:
            raise refused(lesson.project, exc) from exc
        finally:
            if not all(future.status == "finished" for future in futures.values()):
                _begin_anew(cluster, futures)
    raise TransientError(
        f"the training of {lesson.project.name} on {cluster.address} began {_TRIES} times and"
        f" {lost}: look at the workers' logs; the run goes on at this gate"
    )


def dealt(parts: Sequence[tuple[Part, int]], hands: int) -> list[tuple[Part, ...]]:
    """Deal parts out so that all hands hold about as many rows, each from all of the time."""
    held: list[list[Part]] = [[] for _ in range(hands)]
    rows = [0] * hands
    for part, size in parts:
        least = rows.index(min(rows))
        held[least].append(part)
        rows[least] += size
    return [tuple(own) for own in held]


def _started(
    cluster: Cluster,
    lesson: Lesson,
    workers: Sequence[str],
    train: Sequence[tuple[Part, int]],
    validation: Sequence[tuple[Part, int]],
) -> "dict[str, Future]":
    sockets, ports = _ports(cluster, workers) if len(workers) > 1 else ({}, {})
    machines = ",".join(f"{urlsplit(worker).hostname}:{port}" for worker, port in ports.items())
    hands = zip(workers, dealt(train, len(workers)), dealt(validation, len(workers)), strict=True)
    threads = cluster.workers()
    return {
        worker: cluster.client.submit(
            learn_share,
            Own(own, judged, machines, ports.get(worker, 0), first=worker == workers[0]),
            lesson.with_threads(threads.get(worker, 1)),
            sockets.get(worker),
            workers=[worker],
            allow_other_workers=False,
            pure=False,
        )
        for worker, own, judged in hands
    }


def _ports(cluster: Cluster, workers: Sequence[str]) -> "tuple[dict[str, Future], dict[str, int]]":
    """Keep a free port on each worker; the sockets are let go when LightGBM takes them over."""
    from lightgbm.dask import _assign_open_ports_to_workers

    return _assign_open_ports_to_workers(client=cluster.client, workers=list(workers))  # type: ignore[no-any-return]


def _waited(cluster: Cluster, futures: "dict[str, Future]", until: float) -> str:
    """Wait until all have ended; return why they cannot, empty where they did.

    Raises:
        OutOfTimeError: it took too long.
        Exception: what the first worker to fail raised.
    """
    while not all(future.done() for future in futures.values()):
        if gone := sorted(futures.keys() - cluster.workers().keys()):
            return f"lost {gone[0]}"
        failed = [future for future in futures.values() if future.status == "error"]
        if failed:
            _wait_out(futures)
            failed[0].result()
        if time.monotonic() > until:
            raise OutOfTimeError
        time.sleep(_LOOK)
    if cancelled := [w for w, future in futures.items() if future.status in {"cancelled", "lost"}]:
        return f"lost {cancelled[0]}"
    return ""


def _wait_out(futures: "dict[str, Future]") -> None:
    until = time.monotonic() + _GRACE
    while time.monotonic() < until and not all(future.done() for future in futures.values()):
        time.sleep(_LOOK)


def _begin_anew(cluster: Cluster, futures: "dict[str, Future]") -> None:
    """Start all workers of a training anew: one waits for ever, or its LightGBM is half connected.

    Where no nanny looks after a worker it is left as it is, until LightGBM's own time is out.
    """
    cluster.client.cancel(list(futures.values()), force=True)
    left = [worker for worker in futures if worker in cluster.workers()]
    with suppress(ValueError):  # no nanny
        cluster.client.restart_workers(left, timeout=_PATIENCE, raise_for_error=False)

"""A Dask cluster for the length of one gate: partials are made by its workers, merged as a tree.

The only file that opens a connection to a scheduler. Partials that a lost worker held are made
again by Dask, as often as its setting `distributed.scheduler.allowed-failures` says.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from polars.exceptions import PanicException

from sixgates.gates.errors import ConfigurationError, ContractError, TransientError

if TYPE_CHECKING:
    from distributed import Client, Future

_PACKAGES = ("sixgates", "dask", "distributed", "lightgbm", "polars", "numpy", "pyarrow")
"""Those of which a worker must have the version that the controller has."""
_PATIENCE = "10s"
"""For a scheduler that does not answer at once."""
_AT_ONCE = 8
"""Partials that one task of the tree merges."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers that have what is needed."""

    client: "Client"
    address: str
    size: int
    """Workers that there were when the connection was made."""

    def complete(self, seconds: float) -> None:
        """Wait until there are as many workers again, or a while has passed and there is one.

        Raises:
            TimeoutError: there is none.
        """
        with suppress(TimeoutError):
            self.client.wait_for_workers(self.size, timeout=seconds)
        self.client.wait_for_workers(1, timeout=seconds)

    def workers(self) -> dict[str, int]:
        """Return the threads of each worker by its address, in the order of the addresses."""
        return dict(sorted(self.client.nthreads().items()))

    def everywhere(self, function: Callable[..., Any], *args: object) -> dict[str, Any]:
        """Call a function on each worker; return what it returned or raised by address, in order.

        Raises:
            TransientError: one does not answer: it has died, and the scheduler may not know it yet.
        """
        found = dict(sorted(self.client.run(function, *args, on_error="return").items()))
        for worker, said in found.items():
            if isinstance(said, OSError):
                raise TransientError(
                    f"worker {worker} of {self.address} does not answer ({said}): see whether it"
                    " runs; the run goes on at this gate"
                )
        return found

    def held(self, value: object) -> "Future":
        """Keep a value among the workers, to be given to many tasks; it comes back if lost."""
        return self.submit(_same, value)

    def submit(self, function: Callable[..., Any], *given: object) -> "Future":
        """Start one task of the function's name; its result stays on a worker."""
        name = f"{function.__name__}-{uuid4()}"
        return self.client.submit(_called, function, *given, key=name)

    def each(
        self, function: Callable[..., Any], items: Iterable[Any], *common: object
    ) -> "list[Future]":
        """Start one task an item, the common arguments behind it; results stay on the workers."""
        return [self.submit(function, item, *common) for item in items]

    def gather(self, partials: Any) -> Any:  # noqa: ANN401 - whatever the tasks return
        """Return results, which must be small."""
        return self.client.gather(partials)

    def merged(self, merge: "Callable[[Any, Any], Any]", partials: "Sequence[Future]") -> Any:  # noqa: ANN401
        """Return all partials merged by two, as a tree on the workers.

        Args:
            merge: Of two partials makes one; in order, but in any grouping.
            partials: One at least.
        """
        return self.gather(self.tree(merge, partials))

    def tree(self, merge: "Callable[[Any, Any], Any]", partials: "Sequence[Future]") -> "Future":
        """Merge as `merged` does, and leave the result on a worker."""
        level = list(partials)
        while len(level) > 1:
            some = [level[i : i + _AT_ONCE] for i in range(0, len(level), _AT_ONCE)]
            level = self.each(_fold, some, merge)
        return level[0]


@contextmanager
def cluster_at(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler and make sure that its workers can do the work.

    Args:
        address: Of the scheduler, `tcp://host:port`.

    Raises:
        ConfigurationError: Dask is not installed here, or a worker lacks a package or has another
            version of it.
        ContractError: Polars broke off in a task.
        TransientError: the scheduler does not answer, has no workers, or its workers die.
    """
    try:
        from distributed import CancelledError, Client, KilledWorker
        from distributed import TimeoutError as Late
        from distributed.comm import CommClosedError
    except ImportError as exc:
        raise ConfigurationError(
            f"SIXGATES_ENGINE is {address}, but Dask is not installed: install sixgates[dask], or"
            " set SIXGATES_ENGINE=local"
        ) from exc
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)
    except (OSError, Late) as exc:
        raise TransientError(
            f"the Dask scheduler {address} does not answer: start it with `dask scheduler`, or set"
            " SIXGATES_ENGINE=local"
        ) from exc
    try:
        cluster = Cluster(client, address, len(client.nthreads()))
        _require_workers(cluster)
        yield cluster
    except KilledWorker as exc:
        raise TransientError(
            f"workers of {address} died again and again over one task ({exc.task}): look at their"
            " logs, give them more memory, then let the run go on"
        ) from exc
    except (CommClosedError, CancelledError, Late) as exc:
        raise TransientError(
            f"the Dask cluster {address} was lost ({type(exc).__name__}): see whether its scheduler"
            " and workers run; the run goes on at this gate"
        ) from exc
    finally:
        client.close()


def _require_workers(cluster: Cluster) -> None:
    """Refuse a cluster without workers, or with one that computes with other code.

    Asked by functions that any Python has: a worker may lack the package altogether.
    """
    address = cluster.address
    if not cluster.size:
        raise TransientError(
            f"the Dask scheduler {address} has no workers: start one with `dask worker {address}`"
        )
    for name in _PACKAGES:
        here = _here(name)
        for worker, found in cluster.everywhere(metadata.version, name).items():
            if found != here:
                has = found if isinstance(found, str) else "missing"
                raise ConfigurationError(
                    f"worker {worker} has {name} {has} and the controller {here}: install the same"
                    " sixgates[dask] on both"
                )


def _here(package: str) -> str:
    return metadata.version(package)


def _called(function: Callable[..., Any], *given: object) -> Any:  # noqa: ANN401 - what it returns
    """Call a function; what Polars raises in a panic is no `Exception`, and Dask waits for ever."""
    try:
        return function(*given)
    except PanicException as exc:
        raise ContractError(
            f"Polars broke off in {function.__name__} on a worker ({exc}): that is a mistake of"
            " Polars or of sixgates; report it, and let the run go on with SIXGATES_ENGINE=local"
        ) from exc


def _same(value: object) -> object:
    return value


def _fold(partials: Sequence[Any], merge: "Callable[[Any, Any], Any]") -> Any:  # noqa: ANN401
    first, *others = partials
    for other in others:
        first = merge(first, other)
    return first

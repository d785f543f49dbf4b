"""One call a project, some at a time, in processes of their own.

So a project that hangs, takes all memory or brings its process down loses its own call and no other
one, and what a project file does to Python it does to nobody else.
"""

import faulthandler
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

_EXPENDABLE = "500"
_ALONE_SECONDS = 10.0
"""So long after its time a call ends itself, with its process: who would have ended it is gone."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that came to no end of its own."""

    why: str


class Pool:
    """Processes that make calls, which are named, so that this process need not import them."""

    def __init__(self, pool: ProcessPool, at_once: int) -> None:
        """Make calls in the processes of a pool."""
        self._pool, self._at_once = pool, at_once

    def call(self, function: str, *args: object, seconds: float) -> Any:  # noqa: ANN401 - the function's
        """Return what a function returns, or `Lost`.

        Args:
            function: Its module and name, such as `flows.one:in_turn`.
            args: What it is given; picklable, as its result.
            seconds: After which it is ended with its process.
        """
        return _end_of(self._schedule(function, args, {}, seconds), seconds)

    def fan_out(
        self,
        function: str,
        projects: Sequence[str],
        *,
        given: Mapping[str, object],
        seconds: float,
        begin_within: float,
    ) -> Iterator[tuple[str, Any]]:
        """Yield what became of each project, as they end; those that were not begun are left out.

        Args:
            function: As in `call`; its first argument is a project.
            projects: The first ones are begun first.
            given: Its keyword arguments.
            seconds: After which a call is ended with its process.
            begin_within: Seconds after which no further call is begun.
        """
        waiting, closing = list(reversed(projects)), time.monotonic() + begin_within
        running: dict[Future[Any], str] = {}
        while True:
            while waiting and len(running) < self._at_once and time.monotonic() < closing:
                project = waiting.pop()
                running[self._schedule(function, (project,), given, seconds)] = project
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), _end_of(future, seconds)

    def _schedule(
        self,
        function: str,
        args: tuple[object, ...],
        given: Mapping[str, object],
        seconds: float,
    ) -> Future[Any]:
        module, _, name = function.partition(":")
        return self._pool.schedule(
            _call, args=(module, name, args, given, seconds), timeout=seconds
        )


@contextmanager
def processes(at_once: int, imported: Sequence[str]) -> Iterator[Pool]:
    """Lend processes that end with the block.

    Args:
        at_once: How many.
        imported: Modules that calls need. They are imported once, by a server that forks the
            processes, before there is any thread: so they must start none.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*imported])
    pool = ProcessPool(max_workers=at_once, initializer=_expendable, context=context)
    try:
        yield Pool(pool, at_once)
        pool.close()  # type: ignore[no-untyped-call]
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    finally:
        pool.join()


def _call(
    module: str, name: str, args: tuple[object, ...], given: Mapping[str, object], seconds: float
) -> object:
    faulthandler.dump_traceback_later(seconds + _ALONE_SECONDS, exit=True)
    try:
        function: Callable[..., object] = getattr(import_module(module), name)
        return function(*args, **given)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _end_of(future: Future[Any], seconds: float) -> Any:  # noqa: ANN401 - the function's
    try:
        return future.result()
    except TimeoutError:
        return Lost(f"it was ended after {seconds:g} seconds")
    except ProcessExpired as exc:
        return Lost(f"its process died ({exc})")
    except Exception as exc:  # noqa: BLE001 - whatever a project does, the others go on
        return Lost(f"{type(exc).__name__}: {exc}")


def _expendable() -> None:
    """Be what the kernel ends where memory runs out, instead of the process that goes on."""
    with suppress(OSError):  # where there is no such file, nothing is promised
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE, "ascii")

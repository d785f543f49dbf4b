"""One call a project, some at a time, in processes of their own.

So a project that hangs, takes all memory or brings its process down loses its own call and no other
one, and what a project file does to Python it does to nobody else.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pebble import ProcessExpired, ProcessPool

_Result = TypeVar("_Result")
_EXPENDABLE = "500"


@dataclass(frozen=True, slots=True)
class Lost:
    """A call that came to no end of its own."""

    why: str


def fan_out(
    call: Callable[[str], _Result],
    projects: Sequence[str],
    *,
    at_once: int,
    seconds: float,
    begin_within: float,
) -> Iterator[tuple[str, _Result | Lost]]:
    """Yield what became of each project, as they end; those that could not be begun are left out.

    Args:
        call: Called with a project; what it takes along must be picklable, as its result must be.
        projects: The first ones are begun first.
        at_once: Processes.
        seconds: After which a call is ended with its process.
        begin_within: Seconds after which no further call is begun.
    """
    waiting, closing = list(reversed(projects)), time.monotonic() + begin_within
    running: dict[Future[_Result], str] = {}
    with _pool(at_once) as pool:
        while True:
            while waiting and len(running) < at_once and time.monotonic() < closing:
                project = waiting.pop()
                running[pool.schedule(call, args=(project,), timeout=seconds)] = project
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                end: _Result | Lost = _end_of(future, seconds)
                yield running.pop(future), end


def _end_of(future: "Future[_Result]", seconds: float) -> _Result | Lost:
    try:
        return future.result()
    except TimeoutError:
        return Lost(f"it was ended after {seconds:g} seconds")
    except ProcessExpired as exc:
        return Lost(f"its process died ({exc})")
    except Exception as exc:  # noqa: BLE001 - whatever a project does, the others go on
        return Lost(f"{type(exc).__name__}: {exc}")


@contextmanager
def _pool(at_once: int) -> Iterator[ProcessPool]:
    # A server that forks: what all calls import is imported once, before there is any thread.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.each"])
    pool = ProcessPool(max_workers=at_once, initializer=_expendable, context=context)
    try:
        yield pool
        pool.close()  # type: ignore[no-untyped-call]
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        raise
    finally:
        pool.join()


def _expendable() -> None:
    """Be what the kernel ends where memory runs out, instead of the process that goes on."""
    with suppress(OSError):  # where there is no such file, nothing is promised
        Path("/proc/self/oom_score_adj").write_text(_EXPENDABLE, "ascii")

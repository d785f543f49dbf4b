"""Play many independent tasks on all cores, and leave no process behind."""

import multiprocessing as mp
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from sixgates.gates.errors import TransientError

Result = TypeVar("Result")

_ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip

_STEP = 0.2
"""Seconds."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Task(NamedTuple):
    """One call, and its name for people."""

    name: str
    function: Callable[..., Any]
    """At the top of a module: other processes import it by name."""
    arguments: tuple[Any, ...]


def play(
    tasks: Sequence[Task], *, processes: int, told: Callable[[Task], None]
) -> Generator[Any, None, None]:
    """Yield the result of every task, in their order.

    Args:
        tasks: What to do; none depends on another.
        processes: With 1, or with one task, everything happens in this process.
        told: Called about each task that ended, in whatever order they end.

    Raises:
        TransientError: A process was ended from outside, for want of memory say.
    """
    if min(processes, len(tasks)) <= 1:
        for task in tasks:
            result = task.function(*task.arguments)
            told(task)
            yield result
        return
    with _pool(min(processes, len(tasks))) as pool:
        futures = [pool.submit(task.function, *task.arguments) for task in tasks]
        for task, future in zip(tasks, futures, strict=True):
            future.add_done_callback(_teller(told, task))
        for future in futures:
            yield _result(future)


def apart(function: Callable[..., Result], *arguments: Any) -> Result:  # noqa: ANN401
    """Call a function in a process of its own."""
    with _pool(1) as pool:
        return _result(pool.submit(function, *arguments))


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool whose processes end with the block, however the block ends."""
    others = set(mp.active_children())
    context = mp.get_context("spawn")
    pool = ProcessPoolExecutor(processes, mp_context=context, initializer=_prepare)
    try:
        with _inherited():
            for _ in range(processes):  # a process is started for each call that finds none idle
                pool.submit(int)
        yield pool
        pool.shutdown()
    except BrokenProcessPool as exc:
        raise TransientError(
            "a process that plays worlds was ended from outside: free memory and try again"
        ) from exc
    finally:
        # Only after an interruption or an error is anything still at work here.
        for process in set(mp.active_children()) - others:
            process.terminate()
        pool.shutdown(cancel_futures=True)


def _result(future: Future[Result]) -> Result:
    """Wait for a result in steps that Ctrl-C can come between.

    Polars catches it in a way that lets a waiting thread go on waiting.
    """
    while not future.done():
        wait([future], timeout=_STEP)
    return future.result()


@contextmanager
def _inherited() -> Iterator[None]:
    """Let processes started here compute with one thread, and leave Ctrl-C to this one.

    Both hold from their first moment: libraries read the threads when they are loaded, and Ctrl-C
    reaches every process of a terminal. Held back here, it is not lost.
    """
    environment = {name: os.environ.get(name) for name in _ONE_THREAD}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in environment.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _prepare() -> None:
    """End when the parent is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = mp.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _teller(told: Callable[[Task], None], task: Task) -> Callable[[Future[Any]], None]:
    def tell(future: Future[Any]) -> None:
        if not future.cancelled() and future.exception() is None:
            told(task)

    return tell

"""Several processes on one port: start them, replace one that dies, and stop all together.

None outlives the process that started it: without that one nobody would stop or replace them.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from sixgates.gates.errors import ConfigurationError, PipelineError

_RESTART_SECONDS = 1.0
"""Pause before a dead worker is replaced, so that one that cannot live does not spin."""

_logger = logging.getLogger(__name__)


def supervise(
    workers: int,
    work: Callable[[Callable[[], None]], None],
    on_ready: Callable[[], None],
    on_stop: Callable[[], None],
) -> None:
    """Keep so many workers at work until SIGTERM or SIGINT, then wait until they have drained.

    Args:
        workers: How many.
        work: What each does in a process of its own, forked from this one; it calls what it is
            given once it is ready, and returns when it is told to stop.
        on_ready: Called once all were ready.
        on_stop: Called as soon as no worker will be started any more, before they have drained.

    Raises:
        ConfigurationError: a worker ended before all were ready; it has said why.
    """
    # Held open by this process alone: it is closed when this one ends, be it by SIGKILL.
    lifeline, held = os.pipe()

    def tied(ready: Callable[[], None]) -> None:
        os.close(held)
        threading.Thread(target=_end_after, args=(lifeline,), daemon=True).start()
        work(ready)

    started = [_fork(tied) for _ in range(workers)]
    pids = [pid for pid, _ in started]
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        on_stop()
        # Whatever came: a terminal sends SIGINT to them too, and a second one ends the draining.
        _tell(pids, signal.SIGTERM)

    former = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        ready = [_is_ready(pipe) for _, pipe in started]
        if not (all(ready) or stopping):
            _tell(pids, signal.SIGTERM)
            raise ConfigurationError("a worker of the gateway did not start: see above")
        on_ready()
        while not stopping:
            ended, _ = os.wait()
            if stopping:
                break
            _logger.warning("worker %d ended and is replaced", ended)
            pids = [pid for pid in pids if pid != ended]
            while len(pids) < workers:
                time.sleep(_RESTART_SECONDS)
                if stopping:
                    break
                begun = _replacement(tied)
                pids += begun
                if stopping:
                    _tell(begun, signal.SIGTERM)
    finally:
        _reap()
        os.close(lifeline)
        os.close(held)
        for number, handler in former.items():
            signal.signal(number, handler)


def _fork(work: Callable[[Callable[[], None]], None]) -> tuple[int, int]:
    """Start a worker; return its process and the pipe by which it says that it is ready."""
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    if pid:
        os.close(writing)
        return pid, reading
    code = 1
    try:
        os.close(reading)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        work(lambda: _say_ready(writing))
        code = 0
    except PipelineError as exc:
        _logger.error("%s", exc)  # noqa: TRY400 - it is a sentence for a person
    except Exception:
        _logger.exception("a worker failed")
    finally:
        # Not through what the parent would do at its end.
        os._exit(code)


def _end_after(pipe: int) -> None:
    """Stop this worker once nobody holds the other end of the pipe."""
    os.read(pipe, 1)
    _logger.warning("worker %d stops: the process that started it is gone", os.getpid())
    os.kill(os.getpid(), signal.SIGTERM)


def _replacement(work: Callable[[Callable[[], None]], None]) -> list[int]:
    """Start a worker in the place of another; none where there is no room for it just now."""
    try:
        pid, pipe = _fork(work)
    except OSError as exc:
        _logger.warning("a worker cannot be started yet (%s)", exc.strerror)
        return []
    os.close(pipe)
    return [pid]


def _say_ready(pipe: int) -> None:
    with suppress(BrokenPipeError):  # Of one that replaces another nobody asks.
        os.write(pipe, b"+")
    os.close(pipe)


def _is_ready(pipe: int) -> bool:
    """Wait until a worker says that it is ready; False where it ended before."""
    with open(pipe, "rb") as said:
        return said.read(1) == b"+"


def _tell(pids: list[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _reap() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return

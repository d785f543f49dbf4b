"""Child processes that end with their owner: started with a log, stopped politely, then surely."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.caretaker import Caretaker
from sixgates.gates.errors import TransientError


class Processes:
    """The children of one owner. Leaving the context stops every one of them.

    Those with groups of their own end with an owner that is killed, too.
    """

    def __init__(self, logs: Path, *, own_groups: bool) -> None:
        """Start nothing yet.

        Args:
            logs: folder of one log file a process.
            own_groups: give each child a process group, so that a Ctrl-C in the terminal reaches
                the owner alone, and so that a child's own children end with it.
        """
        self._logs = logs
        self._own_groups = own_groups
        self._children: list[tuple[str, subprocess.Popen[str]]] = []
        self._caretaker: Caretaker | None = None
        logs.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Self:
        """Return itself."""
        self._caretaker = Caretaker() if self._own_groups else None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, newest first: first politely, then for certain."""
        for sign, patience in ((signal.SIGTERM, 8.0), (signal.SIGKILL, 5.0)):
            alive = [p for _, p in reversed(self._children) if self._alive(p)]
            for process in alive:
                self._send(process, sign)
            deadline = time.monotonic() + patience
            while any(self._alive(p) for p in alive) and time.monotonic() < deadline:
                time.sleep(0.05)
        if self._caretaker is not None:
            self._caretaker.dismiss()

    def spawn(
        self,
        name: str,
        command: list[str],
        *,
        env: Mapping[str, str],
        stdout: int | None = None,
        stdin: int | None = None,
    ) -> subprocess.Popen[str]:
        """Start a process, its output in `<name>.log` unless `stdout` says otherwise."""
        with (self._logs / f"{name}.log").open("a") as log:
            process = subprocess.Popen(  # noqa: S603 - our own command lines
                command,
                env=dict(env),
                stdout=log if stdout is None else stdout,
                stdin=subprocess.DEVNULL if stdin is None else stdin,
                stderr=log,
                text=True,
                start_new_session=self._own_groups,
            )
        self._children.append((name, process))
        if self._caretaker is not None:
            self._caretaker.take(process)
        return process

    def raise_for_dead(self) -> None:
        """Raise TransientError, naming the log, when a child has ended with an error."""
        for name, process in self._children:
            if process.poll() not in (None, 0):
                raise TransientError(
                    f"{name} ended with code {process.returncode}: see {self._logs}/{name}.log"
                )

    def _alive(self, process: subprocess.Popen[str]) -> bool:
        ended = process.poll() is not None
        if not self._own_groups:
            return not ended
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _send(self, process: subprocess.Popen[str], sign: signal.Signals) -> None:
        try:
            if self._own_groups:
                os.killpg(process.pid, sign)
            else:
                process.send_signal(sign)
        except ProcessLookupError:
            return


@contextmanager
def terminate_as_interrupt() -> Iterator[None]:
    """Let SIGTERM, or a terminal that closes, stop everything in order, as Ctrl-C does.

    What `nohup` started goes on without its terminal.
    """

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    heard = [signal.SIGTERM, signal.SIGHUP]
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        heard.remove(signal.SIGHUP)
    former = {s: signal.signal(s, interrupt) for s in heard}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)

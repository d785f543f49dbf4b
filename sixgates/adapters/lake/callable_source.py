"""Rows that a callable of the project file gives. It may raise anything."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from polars.exceptions import PanicException

from sixgates.adapters.lake.source import Cut, first_line
from sixgates.gates.errors import ConfigurationError, PipelineError, TransientError


class CallableSource:
    """What a callable without arguments returns: a LazyFrame."""

    def __init__(self, call: Callable[[], pl.LazyFrame], project: str) -> None:
        self._call = call
        # Not its representation: that of a partial shows the arguments.
        name = getattr(call, "__qualname__", type(call).__qualname__)
        self.address = f"the callable {name} of project {project}"

    def pin(self) -> str:
        """Return its name: what it read, it alone knows."""
        return self.address

    def scan(self, cut: Cut) -> pl.LazyFrame:  # noqa: ARG002 - Polars pushes the condition down
        """Return what it returns."""
        return self.peek()

    def peek(self) -> pl.LazyFrame:
        """Return what it returns."""
        frame = self._call()
        if not isinstance(frame, pl.LazyFrame):
            raise ConfigurationError(
                f"{self.address} returned a {type(frame).__name__}: return a LazyFrame"
            )
        return frame

    def files(self) -> tuple[Path, ...]:
        """Return none: rows come otherwise."""
        return ()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn what it raises into one sentence, also where it does so only when it is collected.

        Raises:
            TransientError: what it asked did not answer.
            ConfigurationError: anything else went wrong.
        """
        try:
            yield
        except PipelineError:
            raise
        except (Exception, PanicException) as exc:
            if _is_outage(exc):
                raise TransientError(f"{self.address} did not answer: {first_line(exc)}") from exc
            raise ConfigurationError(
                f"{self.address} raised {type(exc).__name__}: {first_line(exc)}; mend the callable"
            ) from exc


def _is_outage(exc: BaseException | None) -> bool:
    """Whether a connection broke or a time ran out; libraries wrap that in errors of their own."""
    while exc is not None:
        if isinstance(exc, ConnectionError | TimeoutError):
            return True
        exc = exc.__cause__ or exc.__context__
    return False

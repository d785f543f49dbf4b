"""What a piece of work costs alone: processor time and memory of a process of its own."""

import json
import os
import statistics
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import BENCH
from sixgates.gates.errors import TransientError

_PATIENCE_SECONDS = 3_600
_VARIABLES = {
    # Threads of linear algebra wait busily as soon as they are there; nobody here needs them.
    "OPENBLAS_NUM_THREADS": "1",
    # No peer tells its makers that it was used.
    "DO_NOT_TRACK": "1",
    "NML_DISABLE_USAGE_LOGGING": "1",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """What one run took, from after its imports to its result."""

    cpu: float
    """User and system time of the whole process, in seconds."""
    peak: float
    """Largest resident size since the process began, in MiB."""
    result: Any
    """What it found, as JSON says it."""


def run(command: Sequence[str | Path]) -> Spent:
    """Run a command whose last line is that of `bench.clock.spend`.

    Raises:
        TransientError: it failed, or does not end.
    """
    variables = {**os.environ, **_VARIABLES, "PYTHONPATH": str(BENCH.parent)}
    try:
        done = subprocess.run(  # noqa: S603 - our own command lines
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS,
            env=variables,
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise TransientError(f"{command} took more than {_PATIENCE_SECONDS:,} s") from exc
    if done.returncode:
        raise TransientError(f"{command} failed: {done.stderr.strip()[-400:]}")
    return Spent(**json.loads(done.stdout.splitlines()[-1]))


def warm(path: Path) -> None:
    """Read a file, so that the system has it in memory."""
    with path.open("rb") as file:
        while file.read(1 << 24):
            pass


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two pieces of work, done in turn again and again."""

    first: tuple[Spent, ...]
    second: tuple[Spent, ...]

    @property
    def ratio(self) -> float:
        """Median over pairs of the processor time, first over second."""
        return statistics.median(self._ratios())

    @property
    def note(self) -> str:
        """Spread of the pairs, and what each side takes."""
        ratios = self._ratios()
        first, second = (
            statistics.median(spent.cpu for spent in side) for side in (self.first, self.second)
        )
        spread = f"median of {len(ratios)} pairs, {min(ratios):.2f} to {max(ratios):.2f}"
        return f"{spread}; {first:.2f} s against {second:.2f} s"

    def _ratios(self) -> list[float]:
        return [a.cpu / b.cpu for a, b in zip(self.first, self.second, strict=True)]


def in_turn(first: Callable[[], Spent], second: Callable[[], Spent], pairs: int) -> Pairs:
    """Do both once without counting it, then one after the other, each in turn first.

    What else the machine does then meets both, though not alike.
    """
    first(), second()
    found = []
    for i in range(pairs):
        turn = -1 if i % 2 else 1
        one, other = [work() for work in (first, second)[::turn]][::turn]
        found.append((one, other))
    firsts, seconds = zip(*found, strict=True)
    return Pairs(firsts, seconds)

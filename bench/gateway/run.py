"""What every group of figures is given: models, folders, how long to measure, and who listens."""

import itertools
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway.figures import Figure, failed
from bench.gateway.house import House
from bench.gateway.made import Made
from sixgates.gates.errors import PipelineError


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the bench."""

    made: Made
    folder: Path
    """Of everything that is written meanwhile."""
    environments: Path
    """Of the peers, kept from run to run."""
    quick: bool
    """Whether shortened, to see that it works: the figures then say little."""
    say: Callable[[str], None]
    """Told what is being done."""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def house(self) -> Iterator[House]:
        """Give a new home, without a route; it is removed afterwards, for logs grow large."""
        house = House(self.folder / f"home-{next(self._numbers)}", self.made)
        try:
            yield house
        finally:
            house.close()
            shutil.rmtree(house.folder)

    def of(self, usual: int, quick: int) -> int:
        """Return how many or how long, by the kind of run."""
        return quick if self.quick else usual


def or_failed(name: str, figures: Iterable[Figure]) -> Iterator[Figure]:
    """Pass figures on; where one cannot be measured, say so under a name in its place."""
    try:
        yield from figures
    except PipelineError as exc:
        yield failed(name, str(exc))


def progress() -> Callable[[str], None]:
    """Return what writes lines with the time since now to standard error."""
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
        sys.stderr.flush()

    return say

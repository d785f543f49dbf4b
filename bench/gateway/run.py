"""What every group of figures is given: models, folders, how long to measure, and who listens."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway.house import House
from bench.gateway.made import Made
from bench.report import Say


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
    say: Say
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

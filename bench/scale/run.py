"""What every group of figures is given: models, a database of its own, and who listens."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway.house import House
from bench.gateway.made import Made
from bench.gateway.servers import free_port
from bench.report import Say
from cli.rehearsal.full.postgres import Cluster, cluster


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the bench."""

    made: Made
    folder: Path
    """Of everything that is written meanwhile."""
    quick: bool
    """Whether shortened, to see that it works: the figures then say little."""
    say: Say
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def house(self) -> Iterator[tuple[House, Cluster]]:
        """Give a new home with its ledger in a new PostgreSQL; both are removed afterwards."""
        number = next(self._numbers)
        with cluster(host="*", port=free_port()) as server:
            url = server.create("ledger")
            house = House(self.folder / f"home-{number}", self.made, url)
            try:
                yield house, server
            finally:
                house.close()
                shutil.rmtree(house.folder)

    def of(self, usual: int, quick: int) -> int:
        """Return how many or how long, by the kind of run."""
        return quick if self.quick else usual

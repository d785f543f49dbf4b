"""What every group of figures is given: files, how often to measure, and who listens."""

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.report import Say
from bench.spent import Spent, run, warm
from bench.watch.windows import paths

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the bench."""

    data: Path
    """Folder of the windows, kept from run to run."""
    environments: Path
    """Of the peers, kept from run to run."""
    quick: bool
    """Whether shortened, to see that it works: the figures then say little."""
    say: Say

    @property
    def rows(self) -> tuple[int, int]:
        """How many rows a window has: where times are measured, and where memory is."""
        return (50_000, 100_000) if self.quick else (MILLION, 5 * MILLION)

    def of(self, usual: int, quick: int) -> int:
        """Return how often, by the kind of run."""
        return quick if self.quick else usual

    def windows(self, rows: int) -> tuple[Path, Path]:
        """Return reference and current window, made where they are not there, and in memory."""
        files = paths(self.data, rows)
        if not all(file.exists() for file in files):
            self.say(f"two windows of {rows:,} rows")
            self.data.mkdir(exist_ok=True)
            run([sys.executable, "-m", "bench.watch.windows", str(self.data), str(rows)])
        for file in files:
            warm(file)
        return files

    def alone(self, work: str, rows: int) -> Spent:
        """Do a piece of work of `bench.watch.alone` in a process of its own."""
        return run([sys.executable, "-m", "bench.watch.alone", work, str(self.data), str(rows)])

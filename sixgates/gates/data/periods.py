"""The newest weeks, period by period: what volume, repeats and the label rate are judged by.

A period that has just begun, or whose rows are still coming in, says nothing about itself: the
newest row's own period is left out, and how old it may be is a matter of freshness.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sixgates.gates.verdict import Check, Outcome

RECENT = 7
"""Newest whole periods that are judged, each by those before them. So a fault that is over, like a
holiday, holds up nothing for longer."""
FEWEST = 14
"""Periods before them below which nothing is usual yet."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC throughout
"""Where periods are counted from."""


@dataclass(frozen=True, slots=True)
class Periods:
    """One figure a period, oldest first, without a gap: a period without rows has zeros."""

    first: int
    """Which period the first is, counted since 1970."""
    new_from: int
    """First whole period that the champion learned nothing from, counted so too."""
    broken: tuple[int, ...]
    """Places, from 0, of periods in which the watch knew the feed to be broken: their rows count
    nowhere, so nothing is judged by them."""
    rows: tuple[int, ...]
    """All that came, whatever gate 1 thinks of them."""
    repeated: tuple[int, ...]
    """Rows whose features an earlier row of these periods had already."""
    same_key: tuple[int, ...]
    """Rows that share entity and event time with another one; the event time alone where the
    project names no entity."""
    known: tuple[int, ...]
    """Rows whose label is known."""
    classes: tuple[str, ...]
    """What is counted in `labels`. Of numbers: those below and above most weeks before, and those
    equal to the commonest of the newest ones."""
    labels: tuple[tuple[int, ...], ...]
    """Of each period, the rows with a known label of each class."""

    def start(self, place: int, length: timedelta) -> datetime:
        """Return when a period begins.

        Args:
            place: of the period among these, from 0.
            length: of a period.
        """
        return EPOCH + (self.first + place) * length

    @property
    def recent(self) -> list[int]:
        """Places of the periods that are judged: whole, new, and the newest."""
        return [i for i in range(self._border, len(self.rows)) if i not in self.broken]

    @property
    def before(self) -> list[int]:
        """Places of the periods by which these are judged."""
        return [i for i in range(self._border) if i not in self.broken]

    @property
    def _border(self) -> int:
        n = len(self.rows)
        return min(max(n - RECENT, self.new_from - self.first), n)


def not_judged(name: str, why: str, n: int) -> Check:
    """Return a check that says why there is nothing to say; it decides nothing."""
    sentence = f"{name} not judged: {why} (n = {n:,})"
    return Check(name, Outcome.INCONCLUSIVE, None, None, n, sentence, muted=True)

"""What the scenarios share: one seed, one clock, and the drift that most of them tell.

Days count from the start of the world: forty days of history, then live traffic of 400 rows a day.
The drift of most is one story in two acts. First inquiries at the credit bureau, which meant
nothing, begin to mean risk: no input looks different. A week later they also grow more frequent,
which the watch sees; by then the lake holds enough of the new world to learn it, even though the
newest fifth is kept for the holdout.
"""

from datetime import datetime

from simulation.drift import Shift, ShiftKind
from simulation.world import World

START = datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC throughout; a Monday
SEED = 2
LIVE = 40
"""The first model is trained on this day."""
MEANING = 41
"""Inquiries begin to mean risk."""
INPUTS = 48
"""Inquiries grow more frequent: what the watch can see."""

TWO_ACTS = (
    Shift(ShiftKind.CONCEPT, MEANING, size=1.2, feature="inquiries"),
    Shift(ShiftKind.COVARIATE, INPUTS, size=1.2, feature="inquiries"),
)


def live(days: int, *shifts: Shift) -> World:
    """Return a world with so many days of live traffic."""
    return World(seed=SEED, start=START, days=LIVE + days, rows_per_day=400, shifts=shifts)

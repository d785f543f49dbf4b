"""How a simulated world moves: which of its laws changes, by how much, from when until when."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from sixgates.gates.errors import ConfigurationError

MOVABLE = ("income", "debt_ratio", "utilisation", "age", "inquiries")
"""Features that a shift can name: the numeric ones."""


class ShiftKind(StrEnum):
    """Which law changes."""

    COVARIATE = "covariate"
    """P(features): one feature moves, what it means for the label stays."""
    PRIOR = "prior"
    """P(label): defaults become more or less frequent, P(features | label) stays."""
    CONCEPT = "concept"
    """P(label | features): the weight of one feature changes, the features stay."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One change of the world."""

    kind: ShiftKind
    from_day: float
    """First day it is felt, in days since the world's start."""
    size: float
    """At full strength: standard deviations the feature moves (covariate), change of its weight
    in the log-odds (concept), or change of the log-odds of a default (prior)."""
    feature: str | None = None
    """Which feature, one of `MOVABLE`; None for a prior shift."""
    ramp_days: float = 0.0
    """Days from nothing to full strength; 0 is sudden."""
    until_day: float | None = None
    """The day on which the world reverts at once; None never."""
    period_days: float | None = None
    """Days from one peak to the next of a shift that comes and goes as a sine; None stays."""
    region: str | None = None
    """The only region that feels it; None is everybody."""

    def __post_init__(self) -> None:
        """Refuse a shift that names no feature, or one that does not exist."""
        named = self.feature is not None
        if named is (self.kind is ShiftKind.PRIOR):
            rule = "no feature" if named else f"one of {MOVABLE}"
            raise ConfigurationError(f"a {self.kind} shift needs {rule}, got {self.feature!r}")
        if named and self.feature not in MOVABLE:
            raise ConfigurationError(f"no feature {self.feature!r} to shift: choose of {MOVABLE}")
        if self.region is not None and self.kind is ShiftKind.PRIOR:
            raise ConfigurationError(f"{self} cannot be of one region: choose another kind")
        if self.ramp_days < 0 or not np.isfinite(self.size):
            raise ConfigurationError(f"{self} needs a finite size and ramp_days >= 0")

    def amount(self, days: np.ndarray) -> np.ndarray:
        """Return how much of `size` is felt at each moment, given in days since the start.

        >>> ramp = Shift(ShiftKind.PRIOR, from_day=10, size=2.0, ramp_days=4, until_day=20)
        >>> ramp.amount(np.array([9.0, 10.0, 12.0, 14.0, 19.9, 20.0])).tolist()
        [0.0, 0.0, 1.0, 2.0, 2.0, 0.0]
        """
        since = days - self.from_day
        risen = (since >= 0).astype(float) if self.ramp_days == 0 else since / self.ramp_days
        strength = np.clip(risen, 0.0, 1.0)
        if self.period_days is not None:
            strength = strength * np.sin(2 * np.pi * since / self.period_days)
        if self.until_day is not None:
            strength = np.where(days >= self.until_day, 0.0, strength)
        return np.asarray(self.size * strength, dtype=np.float64)


def total(
    shifts: tuple[Shift, ...],
    kind: ShiftKind,
    feature: str | None,
    days: np.ndarray,
    regions: np.ndarray | None = None,
) -> np.ndarray:
    """Return the sum of all shifts of one kind on one feature at each moment; 0 where none.

    Args:
        shifts: Of a world.
        kind: Which of them.
        feature: Which of them; None for prior shifts.
        days: Moments, in days since the world's start.
        regions: The region of each row, for shifts that only one of them feels.
    """
    amounts = [
        s.amount(days) * (1.0 if s.region is None else regions == s.region)
        for s in shifts
        if s.kind is kind and s.feature == feature
    ]
    return np.asarray(np.sum([np.zeros(days.size), *amounts], axis=0), dtype=np.float64)

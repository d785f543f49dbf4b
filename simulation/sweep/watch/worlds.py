"""Worlds in which nothing moves, or three features do, as the looks that the watch has at them.

A window of a world is drawn as its counts by group, 500 rows of 50 features. Where windows wobble,
each feature of each window is shifted by a little of its own, in its standard deviations; so are
the champion's answers, and the loss and the classifier's area rise and fall in the same manner.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtri

from sixgates.gates.drift.expected_loss import ExpectedLoss
from sixgates.gates.drift.look import Look
from sixgates.gates.profile.groups import Window
from sixgates.gates.watch import WatchEvidence

FEATURES, GROUPS, ROWS = 50, 20, 500
MOVED = 3
"""Features that a shift moves."""
_AREA, _AREA_NOISE = 0.5, 0.013
"""Of a classifier that cannot tell 500 rows from 1,000, and its standard deviation."""
_TOLD = 30
"""Newest training windows that the classifier is tried on."""
LOSS = 0.2
"""Mean loss of a row, on the holdout and ever after."""
MARGIN = 0.02
"""What gate 4 takes for no difference."""
_LOSS_NOISE = 0.01
_UNSEEN = 0.2
"""Newest part of the training windows that training did not see: of them the answers are known."""
_LATE = 2
"""Windows until the labels of one are known."""
_HEAVY = 3.0
"""Degrees of freedom of a wobble with heavy tails."""
_WEEK = 7
_START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC
_SCORES = ndtri((np.arange(GROUPS) + 0.5) / GROUPS)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Quiet:
    """A world in which nothing moves for good."""

    wobble: float = 0.0
    """Standard deviation of a window's own shift, in standard deviations of the feature."""
    lasting: float = 0.0
    """Correlation of the wobble of one window with that of the next."""
    heavy: bool = False
    """Whether the wobble is Student's, with three degrees of freedom."""
    season: float = 0.0
    """The same as `wobble`, of the days of a week, which differ in the same way each week."""
    past: int = 60
    """Training windows."""


WORLDS: Mapping[str, Quiet] = {
    "iid": Quiet(),
    "season": Quiet(season=0.2, wobble=0.05),
    "season-young": Quiet(season=0.2, wobble=0.05, past=20),
    "season-unknown": Quiet(season=0.2, wobble=0.05, past=10),
    "wobble": Quiet(wobble=0.1),
    "wobble-lasting": Quiet(wobble=0.1, lasting=0.5),
    "wobble-heavy": Quiet(wobble=0.1, heavy=True),
}
TOLD: Mapping[str, str] = {
    "iid": "60 training windows, all windows of one distribution.",
    "season": "Days of the week differ; 60 days of training.",
    "season-young": "The same, after 20 days of training.",
    "season-unknown": "The same, after 10 days: too few to tell a week.",
    "wobble": "Each window is off by a little of its own, a tenth of a standard deviation.",
    "wobble-lasting": "The same, and half of it is still there in the next window.",
    "wobble-heavy": "The same without memory, but now and then a feature is far off for a window.",
}


@dataclass(frozen=True, slots=True)
class Stream:
    """A life of one champion: its training windows, then those it lives through."""

    past: int
    counts: NDArray[np.int64]
    """Of shape (windows, features, groups)."""
    answers: NDArray[np.int64]
    """Of shape (windows, groups)."""
    areas: Floats
    """How well a classifier tells each window from the training."""
    expected: Floats
    """Mean loss that the answers lead one to expect."""
    losses: Floats
    """Mean loss of each live window, once its labels are known."""

    @property
    def live(self) -> int:
        """Windows since the training."""
        return len(self.counts) - self.past

    @property
    def asked(self) -> int:
        """Training windows before the first one of which the answers are known."""
        return self.past - max(1, round(_UNSEEN * self.past))

    @property
    def told(self) -> int:
        """Training windows before the first one that the classifier was tried on."""
        return max(0, self.past - _TOLD)

    def ends(self) -> list[datetime]:
        """Return the end of each window."""
        return [_START + timedelta(days=i + 1) for i in range(len(self.counts))]

    def known_losses(self, live: int) -> Floats:
        """Return the losses that are known after so many live windows."""
        return self.losses[: max(0, live - _LATE)]

    def evidence(self, live: int) -> WatchEvidence:
        """Return what the watch sees after so many live windows."""
        looks = tuple(self._look(i, end) for i, end in enumerate(self.ends()[: self.past + live]))
        return WatchEvidence(
            past=looks[: self.past],
            live=looks[self.past :],
            features=tuple(f"f{j}" for j in range(self.counts.shape[1])),
            calendar=(),
            period_losses=self.known_losses(live),
            holdout_loss=LOSS,
            margin=MARGIN,
            since_run=None,
        )

    def _look(self, i: int, end: datetime) -> Look:
        counts = tuple(map(tuple, self.counts[i].tolist()))
        window = Window(end - timedelta(days=1), end, ROWS, counts)
        area = float(self.areas[i]) if i >= self.told else None
        if i < self.asked:
            return Look(window, apart=area)
        answers = (tuple(self.answers[i].tolist()),)
        return Look(window, answers, ExpectedLoss(float(self.expected[i])), area)


def stream_of(
    world: Quiet,
    live: int,
    rng: np.random.Generator,
    *,
    moves: int | None = None,
    stability: float = 0.0,
) -> Stream:
    """Draw a life.

    Args:
        world: Its laws.
        live: Windows since the training.
        rng: Source of all chance.
        moves: Live windows before three features move for good; None where nothing does. Neither
            answers, area nor losses tell of it: the inputs alone must.
        stability: Stability index of what moves.
    """
    windows = world.past + live
    shifts = _wobble(world, (windows, FEATURES), rng)
    if moves is not None:
        some = rng.permutation(FEATURES)[:MOVED]
        shifts[world.past + moves :, some] += shift_of(stability)
    counts = rng.multinomial(ROWS, _tilted(shifts))
    answers = rng.multinomial(ROWS, _tilted(_wobble(world, (windows,), rng)))
    areas = _AREA + _AREA_NOISE * _scalar(world, windows, rng)
    expected, losses = (LOSS + _LOSS_NOISE * _scalar(world, windows, rng) for _ in range(2))
    return Stream(world.past, counts, answers, areas, expected, losses[world.past :])


def shift_of(stability: float) -> float:
    """Return the shift that has a stability index, in standard deviations.

    >>> round(shift_of(0.25), 2)
    0.52
    """

    def off(shift: float) -> float:
        return float(shift * (_tilted(np.array(shift)) @ _SCORES)) - stability

    return float(brentq(off, 0.0, 5.0))


def _tilted(shifts: Floats) -> Floats:
    """Shares of the groups of a normal feature that is shifted so; its groups are equal at 0."""
    weights = np.exp(shifts[..., None] * _SCORES)
    tilted: Floats = weights / weights.sum(axis=-1, keepdims=True)
    return tilted


def _scalar(world: Quiet, windows: int, rng: np.random.Generator) -> Floats:
    """A figure with noise of its own, in units of it; what the world adds is twice as large."""
    size = 2.0 / (max(world.wobble, world.season) or 1.0)
    return rng.standard_normal(windows) + size * _wobble(world, (windows,), rng)


def _wobble(world: Quiet, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    wobble = world.wobble * _lasting(_noise(world, shape, rng), world.lasting)
    week = rng.standard_normal((_WEEK, *shape[1:]))
    week = world.season * (week - week.mean(axis=0))
    total: Floats = wobble + week[np.arange(shape[0]) % _WEEK]
    return total


def _noise(world: Quiet, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    if world.heavy:
        heavy: Floats = rng.standard_t(_HEAVY, shape) / math.sqrt(_HEAVY / (_HEAVY - 2))
        return heavy
    return rng.standard_normal(shape)


def _lasting(noise: Floats, share: float) -> Floats:
    """Let a share of each window's noise stay in the next, the variance as it was."""
    if not share:
        return noise
    lasting = noise.copy()
    for i in range(1, len(noise)):
        lasting[i] = share * lasting[i - 1] + math.sqrt(1 - share**2) * noise[i]
    return lasting

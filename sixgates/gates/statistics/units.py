"""The e-processes of `counts.py` for bounded losses: linear factors, one a randomised unit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.errors import ContractError
from sixgates.gates.statistics.counts import DualEvidence, Floats, check_bets, clip_mean, projection


class LossBatch(NamedTuple):
    """One matured cohort of the random split: one unit, one mean loss."""

    assigned: NDArray[np.bool_]
    """True where the unit went to the canary."""
    losses: Floats
    """Mean loss of the unit, scaled to [0, 1]."""
    share: float
    """Probability that a unit went to the canary, known beforehand."""


def log_e_values(
    assigned: NDArray[np.bool_],
    losses: Floats,
    share: float,
    *,
    control_mean: float,
    margin: float,
    null: float,
    variance: float | None = None,
) -> float:
    """Log e-value of one batch of bounded losses, one linear factor a randomised unit.

    `1 + sign * stake * [A (y - q_canary)/share - (1 - A)(y - q_control)/(1 - share)]`. Without
    `variance` the stake is the one for good-or-bad losses, which vary most. A smaller past-only
    variance raises it in proportion, up to half of what keeps every factor positive.

    Raises:
        ContractError: Losses outside [0, 1] or NaN, arrays of two lengths, a figure out of range.

    >>> rows = np.array([True, True, False, False]), np.array([0.0, 1.0, 0.0, 0.0])
    >>> round(log_e_values(*rows, 0.5, control_mean=0.1, margin=0.02, null=0.0), 8)
    0.09805842
    >>> from sixgates.gates.statistics.counts import log_e_counts
    >>> round(log_e_counts(1, 2, 0, 2, control_mean=0.1, margin=0.02, null=0.0), 8)
    0.09805842
    """
    _check(assigned, losses)
    check_bets(control_mean, margin, null, share)
    past = None if variance is None else np.array([variance])
    return float(
        log_es_of_units(
            assigned[None, :], losses[None, :], share,
            control_mean=np.array([control_mean]), variance=past,
            null=null, lean=margin if null == 0 else 0.0,
        )[0]
    )  # fmt: skip


def log_es_of_units(
    assigned: NDArray[np.bool_],
    losses: Floats,
    share: float,
    *,
    control_mean: Floats,
    variance: Floats | None,
    null: float,
    lean: float,
    counted: NDArray[np.bool_] | None = None,
) -> Floats:
    """Log e-value of one batch in each of many worlds: what `log_e_values` says for one.

    Args:
        assigned: Shape (worlds, units).
        losses: The same shape, in [0, 1].
        share: Probability of the canary.
        control_mean: Past-only guess for each world, where `check_bets` allows it.
        variance: Past-only variance for each world, or None.
        null: Difference of the means at the null's edge.
        lean: Difference that the bet supposes; above `null`, bad canary units are evidence.
        counted: False where a world has fewer units than the shape, or where one counted before;
            None counts all.
    """
    control = control_mean[:, None]
    canary, sign = control + lean, 1 if lean > null else -1
    q_control = projection(control, canary, null, np.array(share))
    q_canary = q_control + null
    stake = share * np.abs(canary - q_canary) / (q_canary * (1 - q_canary))
    if variance is not None:
        arms = (q_canary, share), (q_control, 1 - share)
        widest = np.maximum(*(np.maximum(q, 1 - q) / p for q, p in arms))
        spread = control * (1 - control) / np.maximum(variance[:, None], 1e-9)
        stake = np.maximum(stake, np.minimum(stake * spread, 0.5 / widest))
    pull = np.where(assigned, (losses - q_canary) / share, -(losses - q_control) / (1 - share))
    logs = np.log1p(sign * stake * pull)
    return np.asarray((logs if counted is None else logs * counted).sum(axis=1))


class ControlPast:
    """What earlier batches say about the control's losses, for each of many worlds."""

    def __init__(self, worlds: int = 1) -> None:
        self.n, self.total, self.squares = np.zeros((3, worlds))

    def mean(self, margin: float) -> Floats:
        """Guess of the mean: 1/2 before any batch, the most cautious one."""
        return clip_mean((self.total + 0.5) / (self.n + 1), margin)

    def variance(self) -> Floats:
        """Guess of the variance; ten imagined rows of 1/4 keep a quiet spell from raising bets."""
        around = np.maximum(self.squares - self.total**2 / np.maximum(self.n, 1), 0.0)
        return np.asarray((around + 2.5) / (self.n + 10))

    def learn(
        self,
        assigned: NDArray[np.bool_],
        losses: Floats,
        counted: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one batch, arrays of shape (worlds, units) as for `log_es_of_units`."""
        control = ~assigned if counted is None else ~assigned & counted
        self.n += control.sum(axis=1)
        self.total += (losses * control).sum(axis=1)
        self.squares += (losses**2 * control).sum(axis=1)


def dual_values(batches: Sequence[LossBatch], margin: float, floor: float = 0.0) -> DualEvidence:
    """Judge losses in [0, 1] of both arms over batches in time order.

    Raises:
        ContractError: As `log_e_values`.
    """
    promote, rollback = log_es_by_batch(batches, margin, floor)
    canary = sum(int(batch.assigned.sum()) for batch in batches)
    split = sum(batch.losses.size for batch in batches if batch.share > 0)
    return DualEvidence(float(promote.sum()), float(rollback.sum()), canary, split - canary)


def log_es_by_batch(
    batches: Sequence[LossBatch], margin: float, floor: float = 0.0
) -> tuple[Floats, Floats]:
    """Log e-values of each batch, for promotion and for rollback.

    Control mean and variance are those of earlier batches; before any they are 1/2 and 1/4, the
    most cautious bet. A batch with share 0, the champion's record from before the split, only
    teaches them. `margin` and `floor` (as in `dual_counts`) are in units of the scaled loss.

    Raises:
        ContractError: As `log_e_values`.
    """
    sides = (margin, 0.0), (floor, floor + margin)
    logs, past = np.zeros((2, len(batches))), ControlPast()
    for i, (assigned, losses, share) in enumerate(batches):
        _check(assigned, losses)
        if share > 0:
            mean = past.mean(floor + margin)
            check_bets(float(mean[0]), floor + margin, 0.0, share)
            for side, (null, lean) in enumerate(sides):
                logs[side, i] = log_es_of_units(
                    assigned[None, :], losses[None, :], share, control_mean=mean,
                    variance=past.variance(), null=null, lean=lean,
                )[0]  # fmt: skip
        past.learn(assigned[None, :], losses[None, :])
    return logs[0], logs[1]


def _check(assigned: NDArray[np.bool_], losses: Floats) -> None:
    if assigned.shape != losses.shape:
        raise ContractError(
            f"{assigned.size} assignments for {losses.size} losses: pair them one to one"
        )
    if not np.all((losses >= 0) & (losses <= 1)):
        raise ContractError("losses outside [0, 1] or NaN: clip and scale them before judging")

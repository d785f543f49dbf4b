"""The e-processes of `counts.py` for bounded losses: linear factors, one a randomised unit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.errors import ContractError
from sixgates.gates.statistics.counts import (
    Bet,
    DualEvidence,
    Floats,
    check_bets,
    clip_mean,
    projection,
)


class LossBatch(NamedTuple):
    """One matured cohort of the random split: one unit, one mean loss."""

    assigned: NDArray[np.bool_]
    """True where the unit went to the canary."""
    losses: Floats
    """Mean loss of the unit, scaled to [0, 1]."""

    @property
    def compares(self) -> bool:
        """Whether units of both arms are there; else the batch only teaches the bets."""
        return bool(self.assigned.any() and not self.assigned.all())


def log_es_of_units(
    assigned: NDArray[np.bool_],
    losses: Floats,
    *,
    control_mean: Floats,
    variance: Floats | None,
    null: float,
    supposed: float,
    counted: NDArray[np.bool_] | None = None,
) -> Floats:
    """Log e-value of one batch of bounded losses in each of many worlds; 0 where one arm is empty.

    One linear factor a unit, `1 + sign * stake * [A (y - q_canary)/share - (1 - A)(y - q_control)/
    (1 - share)]`, with the canary's part of the units as `share`. Their product is an e-value given
    the arm sizes: by the weighted mean inequality its expectation is at most
    `(1 + sign * stake * (delta - null)) ^ units`. So it does not matter that labels of one arm may
    arrive for fewer units. Without `variance` the stake is the one for good-or-bad losses, which
    vary most. A smaller past-only variance, `(1 - share) canary's + share control's` as the factors
    of both arms vary, raises it in proportion, up to half of what keeps every factor positive.

    Args:
        assigned: True where a unit went to the canary; shape (worlds, units).
        losses: The same shape, in [0, 1].
        control_mean: Past-only guess for each world, where `check_bets` allows it.
        variance: Past-only variances of control and canary, shape (2, worlds), or None.
        null: Difference of the means at the null's edge.
        supposed: Difference that the bet supposes; above `null`, bad canary units are evidence.
        counted: False where a world has fewer units than the shape, or where one counted before;
            None counts all.

    >>> rows = np.array([[True, True, False, False]]), np.array([[0.0, 1.0, 0.0, 0.0]])
    >>> bet = {"control_mean": np.array([0.1]), "variance": None, "null": 0.0, "supposed": 0.02}
    >>> round(float(log_es_of_units(*rows, **bet)[0]), 8)
    0.09805842
    >>> from sixgates.gates.statistics.counts import log_e_counts
    >>> round(log_e_counts(1, 2, 0, 2, control_mean=0.1, margin=0.02, null=0.0), 8)
    0.09805842
    """
    mine = np.ones(assigned.shape, dtype=bool) if counted is None else counted
    n, on = mine.sum(axis=1, keepdims=True), (assigned & mine).sum(axis=1, keepdims=True)
    compared = (on > 0) & (on < n)
    share = np.where(compared, on / np.maximum(n, 1), 0.5)
    control = control_mean[:, None]
    canary, sign = control + supposed, 1 if supposed > null else -1
    q_control = projection(control, canary, null, share)
    q_canary = q_control + null
    stake = share * np.abs(canary - q_canary) / (q_canary * (1 - q_canary))
    if variance is not None:
        arms = (q_canary, share), (q_control, 1 - share)
        widest = np.maximum(*(np.maximum(q, 1 - q) / p for q, p in arms))
        seen = share * variance[0][:, None] + (1 - share) * variance[1][:, None]
        spread = control * (1 - control) / np.maximum(seen, 1e-9)
        stake = np.maximum(stake, np.minimum(stake * spread, 0.5 / widest))
    pull = np.where(assigned, (losses - q_canary) / share, -(losses - q_control) / (1 - share))
    logs = np.log1p(sign * stake * pull)
    return np.asarray((logs * (mine & compared)).sum(axis=1))


class Past:
    """What earlier batches say about the losses of both arms, for each of many worlds."""

    def __init__(self, worlds: int = 1) -> None:
        self._n, self._total, self._squares = np.zeros((3, 2, worlds))

    def mean(self, margin: float) -> Floats:
        """Guess of the control's mean: 1/2 before any batch, the most cautious one."""
        return clip_mean((self._total[0] + 0.5) / (self._n[0] + 1), margin)

    def variance(self) -> Floats:
        """Guess of the variances of control and canary, shape (2, worlds).

        Ten imagined rows keep a quiet spell from raising bets: in the control of 1/4, in the canary
        of the control's own variance.
        """
        control = self._variance(0, 0.25)
        return np.stack([control, self._variance(1, control)])

    def learn(
        self,
        assigned: NDArray[np.bool_],
        losses: Floats,
        counted: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one batch, arrays of shape (worlds, units) as for `log_es_of_units`."""
        mine = np.ones(assigned.shape, dtype=bool) if counted is None else counted
        for arm, its in enumerate((~assigned & mine, assigned & mine)):
            self._n[arm] += its.sum(axis=1)
            self._total[arm] += (losses * its).sum(axis=1)
            self._squares[arm] += (losses**2 * its).sum(axis=1)

    def _variance(self, arm: int, imagined: float | Floats) -> Floats:
        n, total = self._n[arm], self._total[arm]
        around = np.maximum(self._squares[arm] - total**2 / np.maximum(n, 1), 0.0)
        return np.asarray((around + 10 * imagined) / (n + 10))


def dual_values(batches: Sequence[LossBatch], margin: float, floor: float = 0.0) -> DualEvidence:
    """Judge losses in [0, 1] of both arms over batches in time order.

    Raises:
        ContractError: As `log_es_by_batch`.
    """
    promote, rollback = log_es_by_batch(batches, margin, floor)
    split = [batch.assigned for batch in batches if batch.assigned.any()]
    canary, units = (sum(map(count, split)) for count in (np.count_nonzero, np.size))
    return DualEvidence(float(promote.sum()), float(rollback.sum()), canary, units - canary)


def log_es_by_batch(
    batches: Sequence[LossBatch], margin: float, floor: float = 0.0
) -> tuple[Floats, Floats]:
    """Log e-values of each batch, for promotion and for rollback.

    Mean and variance are those of earlier batches; before any they are 1/2 and 1/4, the most
    cautious bet. A batch of one arm, as the champion's record from before the split, only teaches
    them. `margin` and `floor` (as in `rollback_of_counts`) are in units of the scaled loss.

    Raises:
        ContractError: Losses outside [0, 1] or NaN, arrays of two lengths, a margin out of range.
    """
    bets = Bet(margin, 0.0), Bet(floor, floor + margin)
    logs, past = np.zeros((2, len(batches))), Past()
    for i, (assigned, losses) in enumerate(batches):
        _check(assigned, losses)
        mean = past.mean(floor + margin)
        check_bets(float(mean[0]), floor + margin, 0.0, 0.5)
        for side, bet in enumerate(bets):
            logs[side, i] = log_es_of_units(
                assigned[None, :], losses[None, :], control_mean=mean, variance=past.variance(),
                null=bet.null, supposed=bet.supposed,
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

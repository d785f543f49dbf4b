"""The e-processes of `eprocess.py` for bounded losses: linear factors, one a randomised unit."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sixgates.gates.eprocess import DualEvidence, Floats, clip_mean, control_and_canary_bets
from sixgates.gates.errors import ContractError


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
    >>> from sixgates.gates.eprocess import log_e_counts
    >>> round(log_e_counts(1, 2, 0, 2, control_mean=0.1, margin=0.02, null=0.0), 8)
    0.09805842
    """
    if assigned.shape != losses.shape:
        raise ContractError(
            f"{assigned.size} assignments for {losses.size} losses: pair them one to one"
        )
    if not np.all((losses >= 0) & (losses <= 1)):
        raise ContractError("losses outside [0, 1] or NaN: clip and scale them before judging")
    bets = control_and_canary_bets(control_mean, margin, null, share)
    stake = bets.stake
    if variance is not None:
        qs = bets.q_canary, bets.q_control
        widest = max(max(q, 1 - q) / p for q, p in zip(qs, (share, 1 - share), strict=True))
        spread = control_mean * (1 - control_mean) / max(variance, 1e-9)
        stake = max(stake, min(stake * spread, 0.5 / widest))
    pull = np.where(
        assigned, (losses - bets.q_canary) / share, -(losses - bets.q_control) / (1 - share)
    )
    return float(np.log1p(bets.sign * stake * pull).sum())


def dual_values(batches: Sequence[LossBatch], margin: float) -> DualEvidence:
    """Judge losses in [0, 1] of both arms over batches in time order.

    Control mean and variance are those of earlier batches; before any they are 1/2 and 1/4, the
    most cautious bet. `margin` is in units of the scaled loss.

    Raises:
        ContractError: As `log_e_values`.
    """
    evidence = {margin: 0.0, 0.0: 0.0}
    n_canary = n_control = 0
    total = squares = 0.0
    for assigned, losses, share in batches:
        mean = float(clip_mean(np.array((total + 0.5) / (n_control + 1)), margin))
        # Ten imagined rows of variance 1/4 keep an early quiet spell from raising the stake.
        around = max(squares - total**2 / max(n_control, 1), 0.0)
        variance = (around + 2.5) / (n_control + 10)
        for null in evidence:
            evidence[null] += log_e_values(
                assigned,
                losses,
                share,
                control_mean=mean,
                margin=margin,
                null=null,
                variance=variance,
            )
        control = losses[~assigned]
        total, squares = total + float(control.sum()), squares + float((control**2).sum())
        n_control += control.size
        n_canary += losses.size - control.size
    return DualEvidence(evidence[margin], evidence[0.0], n_canary, n_control)

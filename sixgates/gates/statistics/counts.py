"""Is the canary worse than the champion, judged while it runs, however often one looks?

Arm 1 is the canary, arm 0 the champion (the control); `y` in [0, 1] is bad when large and
`delta = E[y | canary] - E[y | control]`. An e-process is a product of factors whose expectation is
at most 1 while its null holds, so P(it ever reaches 1/alpha) <= alpha (Ville). Two of them run side
by side: promotion gathers evidence against `delta >= margin`, rollback against `delta <= 0`. Bets
depend on earlier batches alone: a bad bet costs power, never validity. References: Turner, Ly and
Grünwald, JSPI 230, 2024; Lindon and Malek, NeurIPS 2022.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from sixgates.gates.errors import ContractError

Floats = NDArray[np.float64]

_SMALLEST_MEAN = 0.001
"""Bets never suppose a cleaner control than this: one surprise must not empty the purse."""
_HISTORY = 1_000.0
"""Control rows that the bets remember at most, so that they follow a base rate that moves."""
_PRIOR = (0.1, 1.0)
"""Beta prior of a control's bad rate: half its mass below 0.001, a fifth above 0.1."""
_GUESSES = (np.arange(8) + 0.5) / 8
"""Quantiles of what is known about the control at which bets are placed, equally weighted."""


_NEWTON_STEPS = 10
"""Ten digits at the worst of 400,000 random bets: off the root, a factor would be no e-value."""


class Memory(NamedTuple):
    """Control rows that bets remember before each batch; arrays of shape (worlds, batches)."""

    bad: Floats
    good: Floats


class Bet(NamedTuple):
    """What an e-process doubts, and what it supposes instead: how much worse the canary is."""

    null: float
    supposed: float


class Bets(NamedTuple):
    """Where a bet is placed, for one batch."""

    q_control: float
    """Control mean of the null's nearest member (reverse information projection)."""
    q_canary: float
    """Its canary mean, `q_control + null`."""
    a_control: float
    """Control mean that the bet supposes."""
    a_canary: float
    """Canary mean that the bet supposes."""
    stake: float
    """`lambda`, at least 0, of the linear factors."""
    sign: int
    """+1 when bad canary rows are evidence (rollback), -1 when good ones are (promotion)."""


@dataclass(frozen=True, slots=True)
class ArmCounts:
    """Bad rows and rows of both arms in one batch: one day of one stage, say.

    A batch with an empty canary gives no evidence of its own but tells the bets how the control
    behaves; the champion's record from before the canary may be passed so, as the first batch.
    """

    canary_bad: int
    canary_n: int
    control_bad: int
    control_n: int
    share: float | None = None
    """Probability of the canary, known beforehand; None judges given the realised arm sizes."""

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        for bad, n in ((self.canary_bad, self.canary_n), (self.control_bad, self.control_n)):
            if not 0 <= bad <= n:
                raise ContractError(f"{bad} bad of {n} rows cannot be: count the batch again")


@dataclass(frozen=True, slots=True)
class DualEvidence:
    """Evidence for both decisions, as natural logarithms of e-values."""

    log_promote: float
    """Against `delta >= margin`: promote at `log(1/alpha)`."""
    log_rollback: float
    """Against `delta <= 0`: roll back at `log(1/beta)`."""
    n_canary: int
    n_control: int


def control_and_canary_bets(control_mean: float, margin: float, null: float, share: float) -> Bets:
    """Place the bet of one batch against `delta <= 0` (null 0) or `delta >= margin` (null margin).

    Each side bets on the other's boundary: rollback on `control_mean + margin`, promotion on
    `control_mean`. `q_control` is the `c` that minimises
    `share KL(a_canary, c + null) + (1 - share) KL(a_control, c)`.

    Args:
        control_mean: Past-only guess of the control's mean, above 0, below `1 - margin`.
        margin: Non-inferiority margin, in (0, 1).
        null: 0 or `margin`.
        share: Probability of the canary, in (0, 1).

    Raises:
        ContractError: A figure outside its range, NaN among them.

    >>> bets = control_and_canary_bets(0.10, 0.02, null=0.02, share=0.5)
    >>> round(bets.q_canary, 8), round(bets.q_control, 8)
    (0.11088102, 0.09088102)
    """
    check_bets(control_mean, margin, null, share)
    sign = 1 if null == 0 else -1
    a_canary = control_mean + margin if sign > 0 else control_mean
    supposed = np.array(control_mean), np.array(a_canary)
    q_control = float(projection(*supposed, null, np.array(share)))
    q_canary = q_control + null
    stake = share * abs(a_canary - q_canary) / (q_canary * (1 - q_canary))
    return Bets(q_control, q_canary, control_mean, a_canary, stake, sign)


def log_e_counts(
    canary_bad: int,
    canary_n: int,
    control_bad: int,
    control_n: int,
    *,
    control_mean: float,
    margin: float,
    null: float,
    share: float | None = None,
) -> float:
    """Log e-value of one batch of good and bad rows, from its four counts.

    Batches add up. Without `share` the realised one, `canary_n / (canary_n + control_n)`, is used:
    the factor is then an e-value given the arm sizes, and exactly 1 (log 0) where one arm is empty,
    because a batch with one arm compares nothing. With a known share every row counts.

    >>> round(log_e_counts(12, 100, 8, 100, control_mean=0.1, margin=0.02, null=0.0), 8)
    0.31523788
    >>> log_e_counts(12, 100, 0, 0, control_mean=0.1, margin=0.02, null=0.0)
    0.0
    """
    batch = ArmCounts(canary_bad, canary_n, control_bad, control_n, share)
    if _compares_nothing(batch):
        return 0.0
    known = _share_of(batch)
    check_bets(control_mean, margin, null, known)
    rows = canary_bad, canary_n - canary_bad, control_bad, control_n - control_bad, known
    columns = _Columns(*(np.array([[value]], dtype=np.float64) for value in rows))
    bet = Bet(null, margin if null == 0 else 0.0)
    return float(_log_e(columns, np.array([[control_mean]]), bet)[0, 0])


def dual_bets(margin: float) -> tuple[Bet, Bet]:
    """Return the bets for promotion and for rollback: each supposes the other's boundary."""
    return Bet(margin, 0.0), Bet(0.0, margin)


def rollback_of_counts(batches: Sequence[ArmCounts], margin: float, floor: float = 0.0) -> float:
    """Log e-value against "worse by at most `floor`", on a bet by `margin` above it.

    Floor 0 finds any harm; more finds only large harm, and finds it where the difference itself
    moves from day to day.

    >>> round(rollback_of_counts([ArmCounts(30, 100, 8, 100)], 0.02), 2)
    4.17
    """
    return float(log_es_of_batches(batches, [Bet(floor, floor + margin)]).sum())


def check_bets(control_mean: float, margin: float, null: float, share: float) -> None:
    """Refuse a bet that cannot be placed, NaN included."""
    if not (0 < margin < 1 and 0 < control_mean < 1 - margin and 0 < share < 1):
        raise ContractError(
            f"no bet on control mean {control_mean}, margin {margin}, share {share}: "
            "all lie strictly between 0 and 1, mean and margin together too"
        )
    if null not in (0.0, margin):
        raise ContractError(f"null {null} is neither 0 (rollback) nor the margin (promotion)")


def projection(control: Floats, canary: Floats, null: float, share: Floats) -> Floats:
    """Return `q_control`, the `c` that minimises `share KL(canary, c + null) + ... KL(control, c)`.

    For each pair of supposed means. The objective is convex, so its slope has one root: Newton's
    method on the slope times `c(1-c)q(1-q)`, kept inside the bracket that holds the root.
    """
    if null == 0:
        return np.asarray(control + share * (canary - control))
    low, high = (
        np.maximum(np.minimum(control, canary - null), 0.0),
        np.maximum(control, canary - null),
    )
    c = np.maximum(control + share * (canary - null - control), low + (high - low) / 4)
    for _ in range(_NEWTON_STEPS):
        q = c + null
        in_c, in_q = c * (1 - c), q * (1 - q)
        level = share * (q - canary) * in_c + (1 - share) * (c - control) * in_q
        slope = (
            share * (in_c + (q - canary) * (1 - 2 * c))
            + (1 - share) * (in_q + (c - control) * (1 - 2 * q))
        )  # fmt: skip
        low, high = np.where(level < 0, c, low), np.where(level < 0, high, c)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = c - level / slope
        c = np.where((step >= low) & (step <= high), step, (low + high) / 2)
    return np.asarray(c)


class Counts(NamedTuple):
    """Counts of both arms, one row a world (a stream of its own), one column a batch in order."""

    canary_bad: Floats
    canary_n: Floats
    control_bad: Floats
    control_n: Floats

    @classmethod
    def of(cls, batches: Sequence[ArmCounts]) -> "Counts":
        """Set the batches of one stream in a row."""
        rows = [(b.canary_bad, b.canary_n, b.control_bad, b.control_n) for b in batches]
        table = np.array(rows, dtype=np.float64).reshape(-1, 4).T
        return cls(*table[:, None, :])


def log_es_of_counts(
    counts: Counts,
    bets: Sequence[Bet],
    *,
    share: Floats | None = None,
    memory: Memory | None = None,
) -> Floats:
    """Log e-values of each batch of each world, for each bet; of shape (bets, worlds, batches).

    This is `log_es_of_batches` for many streams at once. A batch that compares nothing has 0.

    Args:
        counts: Arrays of shape (worlds, batches).
        bets: What is doubted and supposed, each in [0, 1).
        share: Probability of the canary, of the same shape; NaN, or None for all, judges given the
            realised arm sizes.
        memory: What the bets know before each batch; by default the batches before it.

    Raises:
        ContractError: A bet or a share outside (0, 1).

    >>> one = Counts.of([ArmCounts(12, 100, 8, 100)])
    >>> log_es_of_counts(one, dual_bets(0.02)).shape
    (2, 1, 1)
    """
    canary_bad, canary_n, control_bad, control_n = counts
    known = np.full(canary_n.shape, np.nan) if share is None else share
    realised = canary_n / np.maximum(canary_n + control_n, 1.0)
    judged = ~np.isnan(known) | ((canary_n > 0) & (control_n > 0))
    logs = np.zeros((len(bets), *canary_n.shape))
    if not judged.any():
        return logs
    pi = np.where(np.isnan(known), realised, known)[judged][:, None]
    past = memory if memory is not None else control_memory(control_bad, control_n)
    widest = max(max(bet) for bet in bets)
    control = _control_guesses(past.bad[judged], past.good[judged], widest)
    for extreme in (float(pi.min()), float(pi.max())):
        check_bets(float(control[0, 0]), widest, 0.0, extreme)
    columns = _Columns(
        canary_bad[judged][:, None],
        (canary_n - canary_bad)[judged][:, None],
        control_bad[judged][:, None],
        (control_n - control_bad)[judged][:, None],
        pi,
    )
    for log, bet in zip(logs, bets, strict=True):
        log[judged] = _log_mean(_log_e(columns, control, bet))
    return logs


def log_es_of_batches(batches: Sequence[ArmCounts], bets: Sequence[Bet]) -> Floats:
    """Log e-values of each batch of one stream, for each bet; of shape (bets, batches).

    The control mean a batch bets on is not known but has a distribution: the Beta posterior given
    the control rows of **earlier** batches (the last 1,000 rows' worth). The batch's e-value is the
    mean of the e-values at 8 of its quantiles, so the first batch needs no guess and a wrong one
    costs at most `log 8`. With margin 0.02 and no bad row in either arm, 156 canary rows reach 20
    at any share once the control is known to be clean, 182 where it is not. Where the base rate is
    high, pass the champion's record from before the canary as first batch: at base rate 0.10 and
    margin 0.02 the mean sample at equality is then 1.05 times Wald's, without it 1.4 times.

    Args:
        batches: Counts in time order.
        bets: What is doubted and supposed, each in [0, 1).

    Raises:
        ContractError: A bet or a share outside (0, 1).

    >>> ramp = [ArmCounts(0, 20, 0, 1_980), ArmCounts(0, 150, 0, 2_850)]
    >>> promote, rollback = log_es_of_batches(ramp, dual_bets(0.02)).sum(axis=1)
    >>> bool(promote > np.log(20))
    True
    """
    if not batches:
        return np.zeros((len(bets), 0))
    share = np.array([[np.nan if b.share is None else b.share for b in batches]])
    return log_es_of_counts(Counts.of(batches), bets, share=share)[:, 0]


def control_memory(control_bad: Floats, control_n: Floats) -> Memory:
    """Return what the bets remember of the control before each batch; arrays (worlds, batches)."""
    bad, good = np.zeros(control_n.shape), np.zeros(control_n.shape)
    b, g = np.zeros(len(control_n)), np.zeros(len(control_n))
    for i in range(control_n.shape[1]):
        bad[:, i], good[:, i] = b, g
        b, g = b + control_bad[:, i], g + control_n[:, i] - control_bad[:, i]
        kept = np.minimum(1.0, _HISTORY / np.maximum(b + g, 1.0))
        b, g = b * kept, g * kept
    return Memory(bad, good)


class _Columns(NamedTuple):
    """Counts of several batches, each of shape (batches, 1) to stand against guesses."""

    canary_bad: Floats
    canary_good: Floats
    control_bad: Floats
    control_good: Floats
    share: Floats


def _log_e(batch: _Columns, control: Floats, bet: Bet) -> Floats:
    """Log e-value of each batch for each guess of its control mean."""
    canary = control + bet.supposed
    q_control = projection(control, canary, bet.null, batch.share)
    q_canary = q_control + bet.null
    return np.asarray(
        batch.canary_bad * np.log(canary / q_canary)
        + batch.canary_good * np.log((1 - canary) / (1 - q_canary))
        + batch.control_bad * np.log(control / q_control)
        + batch.control_good * np.log((1 - control) / (1 - q_control))
    )


def _log_mean(logs: Floats) -> Floats:
    """Log of the mean e-value over the guesses, the last axis."""
    highest = logs.max(axis=-1, keepdims=True)
    return np.asarray(highest[..., 0] + np.log(np.exp(logs - highest).mean(axis=-1)))


def _compares_nothing(batch: ArmCounts) -> bool:
    return batch.share is None and 0 in (batch.canary_n, batch.control_n)


def _share_of(batch: ArmCounts) -> float:
    if batch.share is not None:
        return batch.share
    return batch.canary_n / (batch.canary_n + batch.control_n)


def _control_guesses(bad: Floats, good: Floats, margin: float) -> Floats:
    bad, good = bad[:, None], good[:, None]
    return clip_mean(betaincinv(_PRIOR[0] + bad, _PRIOR[1] + good, _GUESSES), margin)


def clip_mean(mean: Floats, margin: float) -> Floats:
    """Keep a guess of the control's mean where a bet can be placed on it."""
    highest = max(0.95 - margin, (1 - margin) / 2)
    return np.asarray(np.clip(mean, min(_SMALLEST_MEAN, highest), highest))

"""How much evidence a decision will take, roughly, before any of it exists.

Approximations for planning, from assumptions that are stated beside them. The gates decide by the
evidence itself, whatever was expected here.
"""

import math

import numpy as np

from sixgates.gates.errors import ContractError
from sixgates.gates.statistics.counts import control_and_canary_bets
from sixgates.gates.statistics.periods import log_t_eprocess, sr_detector

_LONGEST = 2_000
"""Periods after which a forecast gives up."""
_RARE = 0.001
_STEADY = 1e-3
"""Spread of periods that all but agree, against a rise of 1."""


def wald_requests(
    base: float,
    margin: float,
    *,
    truth: float,
    promote: float,
    rollback: float,
    share: float = 0.5,
) -> float:
    """Return the expected canary requests until the randomised split decides (Wald 1945).

    Every loss counts as all or nothing with mean `base`, the widest spread a bounded loss can have.
    With boundaries A = `promote` and B = `rollback` (in log e) and I the information of one request
    by Kullback and Leibler, in favour of the truth,

        at effect 0:       ( (1 - b) A - b B ) / I,   b = (1 - e^-A) / (e^B - e^-A)
        at the margin:     ( (1 - a) B - a A ) / I,   a = (1 - e^-B) / (e^A - e^-B)

    times `share`. The e-process itself takes some 6 to 17 % more.

    Args:
        base: mean loss of the champion as a share of the largest loss, in (0, 1 - margin).
        margin: non-inferiority margin in the same unit.
        truth: true effect, 0 or `margin`.
        promote: log e at which promotion is decided, above 0.
        rollback: log e at which rollback is decided, above 0.
        share: of the canary, in (0, 1).

    Raises:
        ContractError: a figure outside its range.

    >>> limit = float(np.log(19))  # both errors at 5 %, as Wald sets his boundaries
    >>> round(wald_requests(0.1, 0.02, truth=0.02, promote=limit, rollback=limit), -1)
    2590.0
    """
    if truth not in (0.0, margin):
        raise ContractError(f"effect {truth} is neither 0 nor the margin {margin}")
    toward, away = (promote, rollback) if truth == 0 else (rollback, promote)
    bets = control_and_canary_bets(base, margin, null=margin if truth == 0 else 0.0, share=share)
    information = share * _divergence(bets.a_canary, bets.q_canary)
    information += (1 - share) * _divergence(bets.a_control, bets.q_control)
    wrong = -math.expm1(-toward) / (math.exp(away) - math.exp(-toward))
    return share * ((1 - wrong) * toward - wrong * away) / information


def pair_periods(effect_size: float, level: float, fewest: int) -> int | None:
    """Return the matured periods until the t e-process of shadow pairs reaches `level`, or None.

    Args:
        effect_size: distance of the truth from the null it is to be told from, in standard
            deviations between periods.
        level: log e to reach.
        fewest: periods before which nothing is judged.

    >>> pair_periods(1.0, float(np.log(20)), 3)
    11
    """
    for k in range(max(2, fewest), _LONGEST):
        if log_t_eprocess(effect_size, 1.0, k, null=0.0, sign=1) >= level:
            return k
    return None


def clean_requests(margin: float, alpha: float) -> int:
    """Return the clean canary requests that show "not worse by the margin" for a rare fault.

    Where the champion hardly ever fails, a clean request multiplies the evidence by 1 + margin:
    `log(1 / alpha) / log(1 + margin)`.

    >>> clean_requests(0.02, 0.05)
    152
    """
    return math.ceil(math.log(1 / alpha) / math.log1p(margin))


def failing_requests(margin: float, share: float, level: float) -> int:
    """Return the canary requests until a canary on which every request fails is rolled back.

    Against a champion that fails once in a thousand, each failure multiplies the evidence by
    `(0.001 + margin) / (0.001 + share margin)`.

    >>> failing_requests(0.02, 0.5, float(np.log(80)))
    7
    """
    return math.ceil(level / math.log((_RARE + margin) / (_RARE + share * margin)))


def alarm_periods(run_length: float) -> int | None:
    """Return the fewest periods in which the e-detector of gate 6 could alarm at all, or None.

    Reached when every period agrees on the same rise.

    >>> alarm_periods(200.0)
    6
    """
    for k in range(2, _LONGEST):
        steady = 1.0 + _STEADY * np.resize([1.0, -1.0], k)
        if sr_detector(steady) >= math.log(run_length):
            return k
    return None


def _divergence(a: float, q: float) -> float:
    """Kullback-Leibler divergence of two coins."""
    return a * math.log(a / q) + (1 - a) * math.log((1 - a) / (1 - q))

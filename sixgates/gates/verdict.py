"""A verdict is a value: which gate, what outcome, and the checks behind it.

Every check keeps what was seen, what was required and how many rows stood behind it, so that a
person can argue with it and a program can compute it again.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

_DIGITS = 4
"""Of a figure, where no more are needed."""
_ALL_DIGITS = 16
"""From so many on the shortest text is written that no other float has."""


class Gate(StrEnum):
    """The six gates, in the order in which every challenger meets them."""

    VALIDATE = "validate"
    RETRAIN = "retrain"
    EVALUATE = "evaluate"
    COMPARE = "compare"
    CANARY = "canary"
    MONITOR = "monitor"

    @property
    def number(self) -> int:
        """Position in the walk, 1 to 6."""
        return list(Gate).index(self) + 1


class Outcome(StrEnum):
    """What a check or a gate says."""

    PASS = "pass"  # noqa: S105 - an outcome, not a password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class EValues:
    """How much evidence speaks for a promotion and for a rollback; 1 is none at all.

    Each counts up to e^700, and stands beside the value at which it is enough.
    """

    promote: float | None
    """For "not worse by the margin"; None where it can only roll back."""
    promote_at: float | None
    rollback: float | None
    """For "worse"; None where it could not be judged."""
    rollback_at: float
    """At which it rolls back were it alone, every other one being nothing."""

    @classmethod
    def of_logs(
        cls, promote: float | None, rollback: float, *, promote_at: float | None, rollback_at: float
    ) -> Self:
        """Return e-values that were computed as logs; NaN is one that could not be judged.

        >>> EValues.of_logs(None, 0.0, promote_at=None, rollback_at=20.0).rollback
        1.0
        """
        return cls(_e(promote), promote_at, _e(rollback), rollback_at)


def _e(log: float | None) -> float | None:
    return None if log is None or math.isnan(log) else math.exp(min(log, 700.0))


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of what was seen with what was required."""

    name: str
    outcome: Outcome
    seen: float | None
    """The measured value, or None where nothing could be measured."""
    required: float | None
    """The limit it was held against, or None where none applies."""
    n: int
    """Rows, requests or periods behind the measured value."""
    sentence: str
    """The comparison for a person: `brier 0.412 > limit 0.400 (n = 8,210)`."""
    muted: bool = False
    """Recorded and shown, but no part of the outcome."""
    e_values: EValues | None = None
    """The evidence behind it; None where it is no test, and in verdicts from before this field."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision of one gate."""

    gate: Gate
    outcome: Outcome
    checks: tuple[Check, ...]

    @classmethod
    def of(cls, gate: Gate, checks: list[Check]) -> Self:
        """Fold checks: one FAIL fails, else one INCONCLUSIVE holds; muted ones decide nothing.

        No checks at all, or muted ones alone, are a FAIL.

        >>> Verdict.of(Gate.EVALUATE, []).reason
        'nothing was checked'
        """
        if all(check.muted for check in checks):
            nothing = Check("evidence", Outcome.FAIL, None, None, 0, "nothing was checked")
            checks = [*checks, nothing]
        outcomes = {check.outcome for check in checks if not check.muted}
        for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
            if outcome in outcomes:
                return cls(gate, outcome, tuple(checks))
        return cls(gate, Outcome.PASS, tuple(checks))

    @property
    def passed(self) -> bool:
        """True for PASS alone."""
        return self.outcome is Outcome.PASS

    @property
    def reason(self) -> str:
        """The sentences of the checks that decided the outcome."""
        deciding = (c for c in self.checks if c.outcome is self.outcome and not c.muted)
        return "; ".join(c.sentence for c in deciding)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the ledger, the registry and reports."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild a stored verdict."""
        checks = tuple(map(_check, stored["checks"]))
        return cls(Gate(stored["gate"]), Outcome(stored["outcome"]), checks)


def _check(stored: dict[str, Any]) -> Check:
    found = stored.get("e_values")
    e_values = EValues(**found) if found else None
    return Check(**{**stored, "outcome": Outcome(stored["outcome"]), "e_values": e_values})


def number(value: float) -> str:
    """Write a figure with four significant digits, or all digits of a whole number.

    >>> number(0.412345), number(8210), number(12345.6), number(2.75e27)
    ('0.4123', '8,210', '12,346', '2.75e+27')
    """
    return _number(value, _DIGITS)


def numbers(*values: float | None, unknown: str = "none") -> list[str]:
    """Write figures that are compared: as `number`, and no two that differ are written alike.

    >>> numbers(0.40001, 0.4), numbers(0.4, 0.4), numbers(1000.04, 1000)
    (['0.40001', '0.4'], ['0.4', '0.4'], ['1,000.04', '1,000'])
    """
    known = [value for value in values if value is not None]
    digits = next(d for d in range(_DIGITS, _ALL_DIGITS + 1) if _told_apart(known, d))
    return [unknown if value is None else _number(value, digits) for value in values]


def _told_apart(values: Sequence[float], digits: int) -> bool:
    written = {float(_number(value, digits).replace(",", "")) for value in values}
    return digits == _ALL_DIGITS or len(written) >= len(set(values))


def _number(value: float, digits: int) -> str:
    value += 0.0  # of the two zeros, the one without a sign
    if digits == _ALL_DIGITS:
        return f"{value:,}"
    if abs(value) >= 1e9:  # noqa: PLR2004 - past this, digits say nothing
        return f"{value:.{digits - 1}g}"
    if float(value).is_integer():
        return f"{value:,.0f}"
    if abs(value) >= 1000:  # noqa: PLR2004 - four digits
        return f"{value:,.{digits - _DIGITS}f}"
    return f"{value:.{digits}g}"


def percent(share: float) -> str:
    """Write a share of requests or units with three significant digits, however small it is.

    >>> percent(0.05), percent(0.025), percent(0.001)
    ('5%', '2.5%', '0.1%')
    """
    return f"{100 * share:.3g}%"


def at_most(name: str, seen: float | None, limit: float | None, n: int) -> Check:
    """Pass when `seen <= limit`. NaN, nothing seen, no rows and no limit are named refusals.

    >>> at_most("brier", 0.412, 0.4, 8210).sentence
    'brier 0.412 > limit 0.4 (n = 8,210)'
    >>> at_most("brier", 0.1, None, 8210).sentence
    'brier has no limit set: nothing can pass it'
    """
    return _bounded(name, seen, limit, n, upper=True)


def at_least(name: str, seen: float | None, limit: float | None, n: int) -> Check:
    """Pass when `seen >= limit`. NaN, nothing seen, no rows and no limit are named refusals.

    >>> at_least("rows", 12, 1000, 12).sentence
    'rows 12 < limit 1,000 (n = 12)'
    """
    return _bounded(name, seen, limit, n, upper=False)


def _bounded(name: str, seen: float | None, limit: float | None, n: int, *, upper: bool) -> Check:
    refusal = None
    if limit is None or not math.isfinite(limit):
        refusal = f"{name} has no limit set: nothing can pass it"
    elif seen is None:
        refusal = f"{name} could not be measured (n = {n:,})"
    elif not math.isfinite(seen):
        refusal = f"{name} is {seen}, not a number to judge (n = {n:,})"
    if refusal or seen is None or limit is None:
        return Check(name, Outcome.FAIL, None, limit, n, refusal or "")
    passed = seen <= limit if upper else seen >= limit
    if passed and n <= 0:
        return Check(name, Outcome.FAIL, seen, limit, n, f"{name} has no rows behind it (n = 0)")
    sign = ("<=" if upper else ">=") if passed else (">" if upper else "<")
    said, at = numbers(seen, limit)
    sentence = f"{name} {said} {sign} limit {at} (n = {n:,})"
    return Check(name, Outcome.PASS if passed else Outcome.FAIL, seen, limit, n, sentence)

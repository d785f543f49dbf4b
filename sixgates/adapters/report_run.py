"""One retrain, as its page tells it: verdicts, pictures of gates 4 to 6, and a bar a check."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from sixgates.adapters.bets_figure import STYLES, Line, draw_bets
from sixgates.adapters.difference_figure import MOST, draw_differences
from sixgates.adapters.figure_axes import days
from sixgates.gates.verdict import Gate

_HARM = {"harm": "harm, the mean of all", "service": "gate 6, service",
         "regression": "gate 6, regression"}  # fmt: skip
"""The checks whose e-values put the former champion back, as they are called here."""


class Bar(NamedTuple):
    """Where things lie on a small picture of a check, in percent of its width."""

    start: float
    """Where what was seen begins to be drawn: at zero, or at its own place below it."""
    length: float
    limit: float


def bar_of(check: dict[str, Any]) -> Bar | None:
    """Place what was seen and what was required on one line from zero; None where one is missing.

    >>> bar_of({"seen": 5.0, "required": 20.0})
    Bar(start=0.0, length=25.0, limit=100.0)
    """
    seen, required = check["seen"], check["required"]
    if seen is None or required is None or not math.isfinite(seen) or not math.isfinite(required):
        return None
    low, high = min(0.0, seen, required), max(0.0, seen, required)
    if low == high or not math.isfinite(high - low):
        return None
    zero, at, limit = (100 * (x - low) / (high - low) for x in (0.0, seen, required))
    return Bar(min(zero, at), abs(at - zero), limit)


@dataclass(frozen=True, slots=True)
class Run:
    """One retrain with the verdicts it met, in order."""

    id: str
    """Begins the names of its drawings."""
    retrain: dict[str, Any]
    verdicts: list[dict[str, Any]]

    @property
    def compared(self) -> dict[str, Any] | None:
        """Verdict of gate 4 with its differences; None where both models were not compared."""
        told = (v for v in self.verdicts if v["gate"] == Gate.COMPARE and v.get("differences"))
        return next(told, None)

    @property
    def margin(self) -> dict[str, Any]:
        """The check of gate 4 that holds the difference over all rows against its margin."""
        assert self.compared is not None  # noqa: S101 - asked only where there is one
        checks: list[dict[str, Any]] = self.compared["checks"]
        return next(check for check in checks if check["name"] == "loss difference")

    @property
    def differences(self) -> list[dict[str, Any]]:
        """Over all rows first, then by segment, the worst first."""
        assert self.compared is not None  # noqa: S101 - as above
        every, *segments = self.compared["differences"]
        return [every, *sorted(segments, key=lambda d: -d["mean"])]

    def draw_differences(self) -> Markup:
        """Draw them, or the worst where they are many."""
        check = self.margin
        salt = f"{self.id}-differences"
        return draw_differences(
            self.differences[:MOST], check["required"], check["outcome"], salt
        )  # fmt: skip

    @property
    def hidden(self) -> int:
        """How many segments are in the table alone."""
        return max(0, len(self.differences) - MOST)

    @property
    def promotion(self) -> list[Line]:
        """What spoke for a promotion, check by check, at each verdict of gate 5 on record."""
        told = (
            (check["name"], days(v["at"]), e["promote"], e["promote_at"])
            for v, check, e in self._e_values(Gate.CANARY)
            if e["promote"] is not None and e["promote_at"] is not None
        )
        return _lines(list(told))

    @property
    def harm(self) -> list[Line]:
        """What spoke for putting the former champion back, at each verdict of gates 5 and 6."""
        told = (
            (_HARM[check["name"]], days(v["at"]), e["rollback"], e["rollback_at"])
            for v, check, e in self._e_values(Gate.CANARY, Gate.MONITOR)
            if check["name"] in _HARM and e["rollback"] is not None
        )
        return _lines(list(told))

    def draw_promotion(self) -> Markup:
        """Draw what spoke for a promotion."""
        return draw_bets(self.promotion, "pass", f"{self.id}-promotion")

    def draw_harm(self) -> Markup:
        """Draw what spoke for putting the former champion back."""
        return draw_bets(self.harm, "fail", f"{self.id}-harm")

    def _e_values(
        self, *gates: Gate
    ) -> list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Pair each verdict and check of some gates with its e-values; muted ones are left out."""
        return [
            (verdict, check, check["e_values"])
            for verdict in self.verdicts
            if verdict["gate"] in gates
            for check in verdict["checks"]
            if check.get("e_values") and not check["muted"]
        ]


def _lines(told: Sequence[tuple[str, float, float, float]]) -> list[Line]:
    names = list(dict.fromkeys(name for name, *_ in told))[: len(STYLES)]
    return [
        Line(
            name,
            style,
            tuple(at for other, at, _, _ in told if other == name),
            tuple(e for other, _, e, _ in told if other == name),
            next(enough for other, _, _, enough in reversed(told) if other == name),
        )
        for name, style in zip(names, STYLES, strict=False)
    ]

"""A report: one page that shows what happened, when, and why, in numbers.

The page stands alone: no outside asset, no script, light and dark, on paper and on a telephone.
A rehearsal has one, and so has every run.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sixgates.adapters.drift_figure import draw_shape, is_even
from sixgates.adapters.report_figure import draw, periods_per_point
from sixgates.adapters.report_run import Run, bar_of
from sixgates.adapters.standalone_page import environment, figures_of
from sixgates.gates.errors import TransientError
from sixgates.gates.verdict import Gate, numbers


class UnwrittenError(TransientError):
    """A page could not be written; it only tells what happened, so nothing waits for it."""


def write_report(
    path: Path, title: str, plays: Mapping[str, dict[str, Any]], errors: Mapping[str, str]
) -> None:
    """Write a page.

    Args:
        path: Where to; the folder is made where it is missing.
        title: Of what it tells.
        plays: Name to what happened, as `story.tell` and the rehearsal give it.
        errors: Name to the sentence of what could not be played.

    Raises:
        UnwrittenError: the page cannot be written there.
    """
    template = environment().get_template("report.html.j2")
    told = [_Play(f"play-{n}", name, r) for n, (name, r) in enumerate(plays.items(), 1)]
    judged = [play for play in told if "ok" in play.result]
    page = template.render(
        title=title,
        plays=told,
        errors=errors,
        home=str(path.parent),
        judged=len(judged),
        good=sum(bool(play.result["ok"]) for play in judged),
        gates=list(Gate),
        bar_of=bar_of,
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
    except OSError as exc:
        raise UnwrittenError(
            f"the page {path} cannot be written ({exc.strerror}): let the user of this process"
            " write there, or make room on its disk"
        ) from exc


@dataclass(frozen=True, slots=True)
class _Play:
    """One result, as the page tells it."""

    id: str
    name: str
    result: dict[str, Any]

    @property
    def runs(self) -> list[Run]:
        """Every verdict, under the retrain it belongs to; none is lost if its retrain is."""
        by_run: dict[str, list[dict[str, Any]]] = {}
        for verdict in self.result["verdicts"]:
            # Verdicts stored before a check could be muted do not say so.
            checks = [{"muted": False, **check} for check in verdict["checks"]]
            whole = {"summary": [], **verdict, "checks": checks}
            by_run.setdefault(verdict["run"], []).append(whole)
        told = [(r, by_run.pop(r["run"], [])) for r in self.result["retrains"]]
        told += [(_unrecorded(run, own), own) for run, own in by_run.items()]
        return [Run(f"{self.id}-run-{n}", *run) for n, run in enumerate(told, 1)]

    @property
    def trouble(self) -> list[str]:
        """Why the play is not as it should be, beyond its end."""
        said = []
        if self.result.get("failed_requests"):
            said.append(f"{self.result['failed_requests']:,} requests failed")
        if self.denied:
            said.append("the gateway does not serve what the ledger says")
        return said

    @property
    def denied(self) -> bool:
        """Whether a gateway was asked and does not serve what the ledger says."""
        return bool(self.result.get("denied", not self.result["proved"]))

    @property
    def losses(self) -> str:
        """What was lost, beside what the first model would have lost."""
        served, never = self.result["loss_served"], self.result["loss_never"]
        if not _known(served) or not _known(never):
            return "No served request has a known label"
        said = "Mean {} {} served, {} never retrained".format(self.loss, *numbers(served, never))
        if served == never:
            said += " (the same)"
        elif never > 0 and abs(change := (served - never) / never) >= 0.0005:  # noqa: PLR2004
            said += f" ({change:+.1%})"
        if "rmse_served" in self.result:
            errors = figures_of([self.result["rmse_served"], self.result["rmse_never"]])
            said += "; root mean squared error {} served, {} never retrained".format(*errors)
        return said

    @property
    def per_point(self) -> str:
        """What one point of the drawn losses stands for."""
        size = periods_per_point(self.result["daily"])
        return "period" if size == 1 else f"{size} periods"

    @property
    def loss(self) -> str:
        """The loss by its name."""
        return str(self.result["loss"]).replace("_", " ")

    def figure(self, *, wide: bool) -> Markup:
        """Draw what happened, for a desk or for a telephone."""
        return draw(self.result, f"{self.id}-{'wide' if wide else 'narrow'}", wide=wide)

    def evenly(self, shape: dict[str, Any]) -> bool:
        """Whether its picture is of groups, and not of values."""
        return is_even(shape)

    def shape(self, alert: dict[str, Any], place: int) -> Markup:
        """Draw one of the features that moved furthest when an alert was raised."""
        return draw_shape(alert["drift"][place], f"{self.id}-{alert['entry']}-{place}")


def _unrecorded(run: str, verdicts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what is known of a retrain that is not on record itself."""
    outcomes = {v["gate"]: v["outcome"] for v in verdicts}
    return {"run": run, "at": verdicts[0]["at"], "trigger": "not on record",
            "verdicts": outcomes, "ending": "not on record", "reason": ""}  # fmt: skip


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)

"""What would have asked for a retrain over the windows that have passed?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sixgates.gates.drift.trigger import between_alerts, judge_trigger
from sixgates.gates.policy import TriggerPolicy, WatchPolicy
from sixgates.gates.watch import WatchEvidence, WatchReport, judge_watch


@dataclass(frozen=True, slots=True)
class Would:
    """One window, as the watch would have judged it."""

    report: WatchReport
    rows: int
    by: tuple[str, ...]
    """Triggers that would have asked, whatever the policy's is."""
    triggered: bool
    """Whether the policy would have: its own trigger asks, and its cooldown is over."""


def dry_run(evidences: Iterable[WatchEvidence], policy: WatchPolicy) -> list[Would]:
    """Judge each window by what was known at its end, as if no alert had been answered.

    Triggers that need a figure which the policy does not give (a schedule's, a cost) are left out.
    """
    found: list[Would] = []
    last: datetime | None = None
    for evidence in evidences:
        report, window = judge_watch(evidence, policy), evidence.live[-1].inputs
        cooled = last is None or window.end - last >= between_alerts(policy)
        triggered = report.asks and cooled
        last = window.end if triggered else last
        by = tuple(
            trigger.on
            for trigger in _triggers(policy.trigger)
            if not report.faults and judge_trigger(report.grounds, trigger).asks
        )
        found.append(Would(report, window.rows, by, triggered))
    return found


def _triggers(own: TriggerPolicy) -> list[TriggerPolicy]:
    kinds = ["drift", "loss", "m of n"]
    kinds += ["schedule"] if own.every is not None else []
    kinds += ["cost-benefit"] if own.retrain_cost is not None else []
    return [own.model_copy(update={"on": kind}) for kind in kinds]

"""Which policies must not run: those that cannot decide in time, or would not see harm."""

import math
from collections.abc import Iterator
from datetime import timedelta

from sixgates.gates.early import FEWEST_ANSWERS
from sixgates.gates.explain.plan import Plan, Traffic
from sixgates.gates.explain.spans import about, span, span_of_days
from sixgates.gates.project import Project
from sixgates.gates.verdict import number

_DAY = timedelta(days=1)


def problems_of(project: Project, traffic: Traffic, plan: Plan) -> tuple[str, ...]:
    """Return a sentence for each reason not to run; none where the policies can decide."""
    return (*_undecidable(project, traffic, plan), *_mute(project, plan))


def _undecidable(project: Project, traffic: Traffic, plan: Plan) -> Iterator[str]:
    """Say why no verdict can come in time."""
    policies = project.policies
    deadline = policies.canary.deadline / _DAY
    needed = plan.shadow_days if plan.promote_days is None else plan.promote_days
    if needed > deadline:
        rate = traffic.requests_per_day
        at = "" if rate is None else f" at {number(rate)} requests a day"
        yield (
            f"cannot decide: an equal challenger needs {about(needed)} to be"
            f" promoted{at}, and canary.deadline is {span(policies.canary.deadline)}: widen"
            f" canary.margin, or allow more time"
        )
    elif plan.rollback_days is not None and plan.rollback_days > deadline:
        yield (
            f"cannot decide: a challenger worse by the margin needs"
            f" {about(plan.rollback_days)} to be rolled back, and expires after"
            f" {span(policies.canary.deadline)}: widen canary.margin, or allow more time"
        )
    yield from _no_usual_range(project, traffic, plan)
    if policies.training.window is not None:
        yield from _short_window(project, policies.training.window)


def _short_window(project: Project, window: timedelta) -> Iterator[str]:
    """Say where the training window holds too little: of its rows only the matured ones count."""
    known = window - (project.roles.label_horizon or timedelta())
    needed = project.policies.comparison.min_clusters
    if known <= timedelta():
        yield (
            f"cannot train: training.window is {span(window)}, and no label is known before the"
            f" label horizon of {span(window - known)}: widen training.window"
        )
    elif project.roles.entity is None:
        share = project.policies.training.holdout_share
        blocks = math.floor(known * share / project.period) + 1
        if blocks < needed:
            yield (
                f"cannot decide: the holdout spans about {blocks} periods and gate 4 needs"
                f" {needed} clusters: widen training.window or training.holdout_share, or name an"
                f" entity"
            )


def _no_usual_range(project: Project, traffic: Traffic, plan: Plan) -> Iterator[str]:
    policy, rate = project.policies.canary, traffic.requests_per_day
    judged = policy.prediction_margin is not None and "predictions" not in policy.muted
    if judged and rate and rate * plan.shadow_days < FEWEST_ANSWERS:
        yield (
            f"cannot decide: the shadow phase sees about {number(rate * plan.shadow_days)} answers,"
            f" and the champion's usual range takes {FEWEST_ANSWERS}: raise canary.min_periods, or"
            f" set canary.prediction_margin to None"
        )


def _mute(project: Project, plan: Plan) -> Iterator[str]:
    """Say where harm would not be seen in time to roll back."""
    policies = project.policies
    deadline = policies.canary.deadline / _DAY
    first = (project.period + (project.roles.label_horizon or timedelta())) / _DAY
    if first > deadline:
        yield (
            f"no signal to roll back on: the first period with known labels ends after"
            f" {span_of_days(first)}, and canary.deadline is {span(policies.canary.deadline)}"
        )
    if plan.alarm_periods > policies.monitor.periods:
        yield (
            f"no signal to roll back on: the e-detector of gate 6 can reach"
            f" {number(policies.monitor.run_length)} after {number(plan.alarm_periods)} periods at"
            f" the soonest, and the promotion is confirmed after {policies.monitor.periods}: raise"
            f" monitor.periods or lower monitor.run_length"
        )
    seen = plan.holdback_requests
    if seen is not None and seen < 1 and not project.pairs_count:
        yield (
            f"no signal to roll back on: the hold-back of gate 6 sees {number(seen)} requests in a"
            f" period, and the loss is judged by it alone: raise monitor.holdback"
        )

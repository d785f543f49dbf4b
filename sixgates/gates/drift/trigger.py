"""Does what the watch saw ask for a retrain?"""

from dataclasses import dataclass
from datetime import timedelta

from sixgates.gates.explain.spans import span
from sixgates.gates.policy import TriggerPolicy, WatchPolicy
from sixgates.gates.verdict import number, numbers


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a trigger is decided on."""

    moved: int
    """Signals that alert."""
    losing: bool
    """Whether one of them is about the loss."""
    loss: float | None
    """Loss of a row now, as measured of late or else as expected; None where neither is known."""
    fresh_loss: float
    """Mean loss of a fresh model: the champion's on its holdout."""
    rows: int
    """Rows of a window."""
    window: timedelta
    since_run: timedelta | None
    """Time since the last run began; None where none ever did."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether a retrain is asked for."""

    asks: bool
    why: str


def judge_trigger(grounds: Grounds, policy: TriggerPolicy) -> Answer:
    """Apply the policy to what was seen."""
    match policy.on:
        case "never":
            return Answer(asks=False, why="the policy never asks for a retrain")
        case "schedule":
            return _by_schedule(grounds, policy)
        case "drift":
            return Answer(grounds.moved > 0, _count(grounds))
        case "loss":
            losing = "the loss rises" if grounds.losing else "the loss does not rise"
            return Answer(grounds.losing, losing)
        case "m of n":
            needed = f"{_count(grounds)}, {policy.agree} must"
            return Answer(grounds.moved >= policy.agree, needed)
        case "cost-benefit":
            return _by_benefit(grounds, policy)


def between_alerts(policy: WatchPolicy) -> timedelta:
    """Return the least time between two alerts: a schedule is not held up by a longer cooldown.

    >>> between_alerts(WatchPolicy(trigger={"on": "schedule", "every": timedelta(days=1)})).days
    1
    """
    every = policy.trigger.every if policy.trigger.on == "schedule" else None
    return policy.cooldown if every is None else min(policy.cooldown, every)


def _by_schedule(grounds: Grounds, policy: TriggerPolicy) -> Answer:
    every, since = policy.every, grounds.since_run
    if every is None or since is None:
        return Answer(asks=every is not None, why="no run ever began")
    return Answer(since >= every, f"the last run began {span(since)} ago, {span(every)} are given")


def _by_benefit(grounds: Grounds, policy: TriggerPolicy) -> Answer:
    cost = policy.retrain_cost
    if not grounds.moved:
        return Answer(asks=False, why=_count(grounds))
    if grounds.loss is None or cost is None:
        return Answer(asks=False, why="what a retrain would save is not known: no loss is")
    rows = grounds.rows * (policy.horizon / grounds.window)
    saved = (grounds.loss - grounds.fresh_loss) * rows
    sign = ">=" if saved >= cost else "<"
    would_save, costs = numbers(saved, cost)
    now, fresh = numbers(grounds.loss, grounds.fresh_loss)
    return Answer(
        saved >= cost,
        f"a fresh model would save {would_save} {sign} cost {costs} within"
        f" {span(policy.horizon)} ({now} a row now, {fresh} on the holdout, {number(rows)} rows)",
    )


def _count(grounds: Grounds) -> str:
    return "1 signal alerts" if grounds.moved == 1 else f"{grounds.moved} signals alert"

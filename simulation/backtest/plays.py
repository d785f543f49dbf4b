"""Which policies are played, and what each of them asks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from simulation.backtest.history import History
from simulation.backtest.models import BLOCKS
from sixgates.gates.policy import TriggerPolicy


class Policy(StrEnum):
    """When a retrain is asked for."""

    NEVER = "never"
    EVERY = "every 5 %"
    """When a twentieth of all rows has come since the last run."""
    DRIFT = "drift"
    BENEFIT = "cost-benefit"
    ALWAYS = "always"
    """At the end of every window of the watch at which no release is open."""


class Kind(NamedTuple):
    """One play."""

    policy: Policy
    gates: bool


PLAYS = (
    Kind(Policy.NEVER, gates=True),  # without a retrain, gates make no difference
    *(Kind(policy, gates) for policy in list(Policy)[1:] for gates in (True, False)),
)
WATCHED = {Policy.DRIFT: "drift", Policy.BENEFIT: "cost-benefit"}


@dataclass(frozen=True, slots=True)
class Triggers:
    """What the watch asks by."""

    drift: TriggerPolicy
    benefit: TriggerPolicy

    def of(self, policy: Policy) -> TriggerPolicy:
        """Return that of a policy."""
        return self.drift if policy is Policy.DRIFT else self.benefit


def triggers_of(history: History) -> Triggers:
    """Return the project's triggers; one that names no cost gets one.

    A retrain then costs what gate 4's margin is worth: so much on every row within the horizon.
    """
    own = history.project.policies.watch.trigger
    cost = own.retrain_cost
    if cost is None:
        days = (history.moment(-1) - history.moment(0)) / own.horizon
        cost = history.project.policies.comparison.margin * history.rows / days
    given = own.model_dump() | {"retrain_cost": cost}
    return Triggers(
        TriggerPolicy.model_validate(given | {"on": "drift"}),
        TriggerPolicy.model_validate(given | {"on": "cost-benefit"}),
    )


def rows_between_runs(history: History) -> int:
    """Return after how many rows the fixed schedule asks again."""
    return history.rows // BLOCKS

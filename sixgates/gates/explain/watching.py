"""When does the watch ask for a retrain, in words?"""

from datetime import timedelta

from sixgates.gates.drift.trigger import between_alerts
from sixgates.gates.explain.spans import percent, span
from sixgates.gates.policy import WatchPolicy
from sixgates.gates.verdict import number

_TRIGGERS = {
    "never": "None of it asks for a retrain.",
    "schedule": "A retrain is asked for every {every}, and by nothing else.",
    "drift": "Any of it asks for a retrain.",
    "loss": "Only the loss asks for a retrain.",
    "cost-benefit": "It asks for a retrain where a fresh model saves {cost} or more in {horizon}.",
    "m of n": "Any {agree} of it at once ask for a retrain.",
}


def watching(policy: WatchPolicy) -> tuple[str, ...]:
    """Say when the watch alerts, and what of it asks for a retrain."""
    return (
        (
            f"Every {span(policy.window)} is compared with the champion's training data and ranked"
            f" among all before it. While nothing moves, there is a false alert once in"
            f" {number(policy.run_length)} of them or more."
        ),
        (
            f"Drift counts where it is large: a stability index of {number(policy.psi_floor)}, of a"
            f" feature or of the answers; rows that a classifier tells from the training's with an"
            f" area under the curve of {number(policy.area_floor)}; or a loss, expected or"
            f" measured, more than {percent(policy.loss_tolerance)} above the holdout's."
        ),
        _TRIGGERS[policy.trigger.on].format(
            every=span(policy.trigger.every or timedelta(0)),
            agree=policy.trigger.agree,
            cost=number(policy.trigger.retrain_cost or 0.0),
            horizon=span(policy.trigger.horizon),
        ),
        (
            "A broken feed (schema, volume, nulls, categories, units, swapped columns, duplicates,"
            " stale rows) stops that: its rows are quarantined, and the data's owner is told."
        ),
        (
            f"Then there is no other alert for {span(between_alerts(policy))}, nor while a release"
            " is open."
        ),
    )

from datetime import timedelta

import pytest
from pydantic import ValidationError

from sixgates.gates.drift.trigger import Grounds, judge_trigger
from sixgates.gates.policy import TriggerPolicy

DAY = timedelta(days=1)


def grounds(moved=1, *, losing=False, loss=0.3, fresh=0.2, rows=1_000, since=2 * DAY):
    return Grounds(moved, losing, loss, fresh, rows, DAY, since)


def asks(policy, **given):
    return judge_trigger(grounds(**given), TriggerPolicy(**policy))


@pytest.mark.parametrize(
    ("policy", "given", "expected"),
    [
        ({"on": "never"}, {"moved": 5}, False),
        ({"on": "drift"}, {"moved": 1}, True),
        ({"on": "drift"}, {"moved": 0}, False),
        ({"on": "loss"}, {"moved": 2}, False),
        ({"on": "loss"}, {"moved": 1, "losing": True}, True),
        ({"on": "m of n"}, {"moved": 1}, False),
        ({"on": "m of n"}, {"moved": 2}, True),
        ({"on": "m of n", "agree": 3}, {"moved": 2}, False),
        ({"on": "schedule", "every": DAY}, {"moved": 0}, True),
        ({"on": "schedule", "every": 3 * DAY}, {"moved": 5}, False),
        ({"on": "schedule", "every": 3 * DAY}, {"moved": 0, "since": None}, True),
    ],
)
def test_each_policy_asks_for_its_own_reason(policy, given, expected):
    assert asks(policy, **given).asks is expected


@pytest.mark.parametrize(
    ("cost", "given", "expected", "why"),
    [
        # 0.1 a row, 1,000 rows a day, 30 days.
        (2_999.0, {}, True, "would save 3,000 >= cost 2,999"),
        (3_001.0, {}, False, "would save 3,000 < cost 3,001"),
        (0.0, {"loss": 0.19}, False, "would save -300 < cost 0"),
        (0.0, {"loss": None}, False, "not known"),
        (0.0, {"moved": 0}, False, "0 signals"),
    ],
)
def test_a_retrain_must_be_worth_its_cost(cost, given, expected, why):
    answer = asks({"on": "cost-benefit", "retrain_cost": cost}, **given)
    assert answer.asks is expected
    assert why in answer.why


@pytest.mark.parametrize(
    "incomplete", [{"on": "schedule"}, {"on": "cost-benefit"}, {"on": "often"}, {"agree": 6}]
)
def test_a_policy_that_cannot_decide_is_refused(incomplete):
    with pytest.raises(ValidationError):
        TriggerPolicy(**incomplete)

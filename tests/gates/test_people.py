"""What `sixgates explain` says about people."""

import pytest

from sixgates.gates.explain.people import people
from sixgates.gates.policy import Policies


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({}, "is promoted without asking anybody"),
        ({}, "is rolled back, without asking"),
        ({}, "is answered 'busy'"),
        ({"approval": {"need": "required"}}, "Every challenger that passes gate 5 waits"),
        ({"approval": {"need": "required"}}, "Without an answer within 3 days it expires"),
        ({"approval": {"need": "above-risk", "risk": 0.25}}, "lies above 25 % of its margin"),
        ({"canary": {"on_harm": "freeze"}}, "100 times as much evidence of harm rolls back"),
        ({"governor": {"newer": "replace"}}, "ends that release and begins"),
    ],
)
def test_each_policy_about_people_is_said(rules, said):
    assert said in " ".join(people(Policies.with_margin(0.01, **rules)))

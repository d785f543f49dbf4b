"""Approval as a table: what gate 5 says, what people said, and what follows."""

from datetime import timedelta

import numpy as np
import pytest

from sixgates.gates.approval import RISK_CHECK, Approval, person_needed, rule
from sixgates.gates.compare import PairedEvidence, judge_comparison
from sixgates.gates.decision import Decision, Move
from sixgates.gates.policy import ApprovalPolicy, ComparisonPolicy
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from tests.fakes import day

NOW = day(100)
NEED = "approval.need is 'required'"
YES = Approval("ann", "it looks good")
OVERRIDE = Approval("ann", "", "a wave of fraud")
OUTCOMES = {Move.ROLL_BACK: Outcome.FAIL, Move.PROMOTE: Outcome.PASS}


def decided(move, outcome=None):
    outcome = outcome or OUTCOMES.get(move, Outcome.INCONCLUSIVE)
    return Decision(
        Verdict.of(Gate.CANARY, [Check("loss", outcome, 0.1, 0.2, 30, "said")]), move, "said"
    )


def ruled(move, *, outcome=None, need=NEED, approval=None, asked=None):
    """Rule; `asked` is how long the question is still open."""
    until = None if asked is None else NOW + asked
    return rule(decided(move, outcome), need=need, approval=approval, asked_until=until, now=NOW)


def compared(seen=0.012, required=0.02, name=RISK_CHECK):
    return Verdict.of(Gate.COMPARE, [Check(name, Outcome.PASS, seen, required, 900, "said")])


LEFT, OVER = timedelta(seconds=1), timedelta(0)


@pytest.mark.parametrize(
    ("given", "move", "asks"),
    [
        pytest.param({"need": ""}, Move.PROMOTE, False, id="no need, no question"),
        pytest.param({}, Move.HOLD, True, id="a promotion waits and asks"),
        pytest.param({"asked": LEFT}, Move.HOLD, False, id="and asks once"),
        pytest.param({"asked": OVER}, Move.EXPIRE, False, id="nobody's answer is a no"),
        pytest.param({"asked": OVER, "approval": YES}, Move.PROMOTE, False, id="yes was in time"),
        pytest.param({"asked": LEFT, "approval": YES}, Move.PROMOTE, False, id="yes promotes"),
        pytest.param({"approval": YES, "need": ""}, Move.PROMOTE, False, id="an idle yes"),
        pytest.param({"asked": OVER, "need": ""}, Move.PROMOTE, False, id="need was lifted"),
    ],
)
def test_what_follows_from_a_pass(given, move, asks):
    found = ruled(Move.PROMOTE, **given)
    assert found.decision.move is move
    assert bool(found.ask) is asks


@pytest.mark.parametrize(
    ("given", "move"),
    [
        pytest.param({}, Move.HOLD, id="nothing was asked yet"),
        pytest.param({"asked": LEFT}, Move.HOLD, id="evidence fell back while waiting"),
        pytest.param({"asked": OVER}, Move.EXPIRE, id="the question runs out all the same"),
        pytest.param({"approval": YES}, Move.HOLD, id="a yes needs the gate to pass"),
        pytest.param({"approval": OVERRIDE}, Move.PROMOTE, id="an override does not"),
        pytest.param({"approval": OVERRIDE, "need": ""}, Move.PROMOTE, id="nor a need"),
    ],
)
def test_what_follows_while_gate_5_is_undecided(given, move):
    found = ruled(Move.HOLD, **given)
    assert found.decision.move is move
    assert not found.ask


@pytest.mark.parametrize("approval", [None, YES, OVERRIDE])
@pytest.mark.parametrize("asked", [None, LEFT, OVER])
@pytest.mark.parametrize(
    ("move", "outcome"),
    [(Move.ROLL_BACK, Outcome.FAIL), (Move.EXPIRE, Outcome.INCONCLUSIVE)],
)
def test_neither_a_question_nor_an_approval_touches_a_failure_or_an_expiry(
    move, outcome, asked, approval
):
    found = ruled(move, outcome=outcome, asked=asked, approval=approval)
    assert found.decision == decided(move, outcome)
    assert not found.ask


@pytest.mark.parametrize("approval", [None, YES, OVERRIDE])
@pytest.mark.parametrize("asked", [None, LEFT])
def test_a_frozen_share_stays_whatever_was_approved(asked, approval):
    found = ruled(Move.HOLD, outcome=Outcome.FAIL, asked=asked, approval=approval)
    assert found.decision == decided(Move.HOLD, Outcome.FAIL)
    assert not found.ask


def test_a_question_runs_out_also_while_the_share_is_frozen():
    assert ruled(Move.HOLD, outcome=Outcome.FAIL, asked=OVER).decision.move is Move.EXPIRE


def test_a_share_grows_without_a_person():
    assert ruled(Move.ADVANCE).decision.move is Move.ADVANCE


def test_who_approved_and_why_stands_in_the_reason():
    assert ruled(Move.PROMOTE, approval=YES).decision.reason == (
        "approved by ann (it looks good): said"
    )
    overridden = ruled(Move.HOLD, approval=OVERRIDE).decision
    assert overridden.reason == "approved by ann before gate 5 decided (a wave of fraud): said"
    assert overridden.verdict.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        pytest.param(compared(0.0101), "more than 0.01", id="above the risk"),
        pytest.param(compared(0.01), "", id="at the risk"),
        pytest.param(compared(-0.5), "", id="far better"),
        pytest.param(None, "cannot be told", id="no verdict"),
        pytest.param(compared(name="segments"), "cannot be told", id="no such check"),
        pytest.param(compared(seen=None), "cannot be told", id="nothing seen"),
        pytest.param(compared(required=None), "cannot be told", id="no margin"),
        pytest.param(compared(seen=float("nan")), "not a number", id="NaN"),
    ],
)
def test_above_risk_asks_where_the_bound_is_large_or_unknown(verdict, words):
    said = person_needed(ApprovalPolicy(need="above-risk", risk=0.5), verdict)
    assert words in said
    assert bool(said) is bool(words)


def test_the_bound_is_the_one_that_gate_4_stores():
    rng = np.random.default_rng(1)
    evidence = PairedEvidence(rng.normal(0.002, 0.01, 900), np.arange(900) // 10, 0.1, 0.102)
    verdict = judge_comparison(evidence, ComparisonPolicy(margin=0.02), cold_start=False)
    stored = Verdict.from_dict(verdict.to_dict())
    for risk, asks in ((0.05, True), (0.5, False)):
        policy = ApprovalPolicy(need="above-risk", risk=risk)
        assert bool(person_needed(policy, stored)) is asks


def test_approval_is_off_unless_a_project_asks_for_it():
    assert person_needed(ApprovalPolicy(), None) == ""

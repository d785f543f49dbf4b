"""What follows from harm: back to nothing, or a share that stays until a person decides."""

import math

import numpy as np
import pytest

from sixgates.gates.canary import Breaker, judge_canary
from sixgates.gates.decision import Move
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.verdict import Outcome
from tests.fakes import tiny_project
from tests.gates.releases import (
    BETTER,
    BROKEN,
    CLEAN,
    EARLIER,
    LATE,
    SHADOW,
    check,
    counted,
    evidence,
    in_shadow,
    stage,
)

LIMIT = 20.0


def judge(found, at, on_harm="freeze", **canary):
    project = tiny_project(canary={"on_harm": on_harm, **canary}, pairs="no")
    return judge_canary(found, at, project)


def harm(errors):
    return check(judge(evidence(errors=errors), stage()), "harm").seen


def bearable():
    """Return errors whose harm is shown and bearable."""
    return next(
        errors
        for bad in range(1, 400)
        if LIMIT <= harm(errors := counted(ArmCounts(bad, 400, 0, 3_600))) < 100 * LIMIT
    )


@pytest.mark.parametrize("at", [stage(), EARLIER])
def test_bearable_harm_freezes_the_share_where_the_project_says_so(at):
    found = judge(evidence(errors=bearable()), at)
    assert (found.move, found.verdict.outcome) == (Move.HOLD, Outcome.FAIL)
    assert found.reason == f"frozen at 10%, a person must decide: {found.verdict.reason}"
    assert judge(evidence(errors=bearable()), at, "roll_back").move is Move.ROLL_BACK


def test_unbearable_harm_rolls_back_all_the_same():
    assert harm(BROKEN) >= 100 * LIMIT
    assert judge(evidence(errors=BROKEN), stage()).move is Move.ROLL_BACK


def test_the_limit_of_what_is_bearable_is_a_hundred_times_that_of_harm():
    seen, found = harm(bearable()), evidence(errors=bearable())
    for times, move in ((0.999, Move.ROLL_BACK), (1.001, Move.HOLD)):
        assert judge(found, stage(), beta=100 / (seen * times)).move is move


def test_a_frozen_share_still_expires():
    late = stage(open_for=LATE)
    assert judge(evidence(errors=bearable()), late).move is Move.EXPIRE


def test_harm_that_cannot_be_judged_is_not_bearable():
    broken = np.append(BETTER[:-1], math.nan)
    assert judge(in_shadow(pair_means=broken), SHADOW).move is Move.ROLL_BACK


def test_a_broken_split_rolls_back_also_beside_bearable_harm():
    found = judge(evidence(errors=bearable(), shares=((300, 400, 0.1),)), stage())
    assert found.move is Move.ROLL_BACK


def test_a_canary_that_a_gateway_cut_off_is_never_bearable():
    cut = Breaker("it failed in 5 of its last 20 answers", 5, 5, 20)
    for errors in (CLEAN, bearable()):
        found = judge(evidence(errors=errors), stage(breaker=cut))
        assert found.move is Move.ROLL_BACK


def test_a_split_that_is_hardly_broken_is_not_bearable():
    found = judge(evidence(shares=((74, 400, 0.1),)), stage())
    assert check(found, "split").seen < 100 * check(found, "split").required
    assert found.move is Move.ROLL_BACK


def test_a_frozen_share_goes_on_when_harm_is_no_longer_shown():
    assert judge(evidence(), stage()).move is Move.PROMOTE

"""Guardrails by their figures: predictions, early errors, muting, and units that return."""

import math
import re

import numpy as np
import pytest
from scipy.stats import binom

from sixgates.gates.canary import judge_canary, rollback_signals
from sixgates.gates.cohorts import answers_of
from sixgates.gates.decision import Move
from sixgates.gates.guardrails import early_errors, large_harm, rate
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.split import Counted, count, loss_batches, mean_by_unit, period_differences
from sixgates.gates.statistics.counts import ArmCounts, rollback_of_counts
from sixgates.gates.statistics.guards import error_ratio_log_e, mean_log_e
from sixgates.gates.verdict import Outcome, Verdict
from tests.fakes import dual_counts, tiny_project
from tests.gates.releases import BROKEN, SHADOW, check, counted, evidence, in_shadow, stage

ALL = ("server errors", "slow answers", "predictions", "early errors")


UNITS = {"unit": "units", "alpha": 0.05, "muted": False, "returning": True}
REQUESTS = {**UNITS, "returning": False}


def judged(found, at=None, *, entity=None, **policy):
    return judge_canary(found, at or stage(), tiny_project(entity=entity, canary=policy))


def test_the_rollback_of_a_rate_is_the_mean_of_units_and_of_large_harm_to_rows():
    once = (ArmCounts(0, 0, 5, 500), ArmCounts(9, 100, 1, 100))
    every = (ArmCounts(0, 0, 5, 900), ArmCounts(30, 300, 1, 300))
    found = rate(
        "x", Counted(once, every), 0.02, unit="units", alpha=0.05, muted=False, returning=True
    )
    units = dual_counts(once, 0.02)
    rows = rollback_of_counts(every, 0.02, floor=0.04)
    assert found.log_promote == units.log_promote
    expected = mean_log_e([units.log_rollback, rows])
    assert found.log_rollback == pytest.approx(expected)
    assert (found.n, found.seen) == (100, pytest.approx(0.08))  # the record is no part of it


def test_a_share_that_grows_with_the_base_rate_is_no_difference():
    """Better in both stages, by .05 and by .02, of which the second is worse for both arms."""
    stages = ArmCounts(5, 100, 190, 1_900), ArmCounts(280, 1_000, 300, 1_000)
    found = rate("x", counted(*stages), 0.02, **REQUESTS)
    assert found.seen == pytest.approx(-(95 * 0.05 + 500 * 0.02) / 595)


def test_where_each_request_is_a_unit_all_of_them_count_at_once():
    even = counted(ArmCounts(3, 100, 3, 100))
    alone = rate("x", even, 0.02, **REQUESTS).log_rollback
    assert alone == dual_counts(even.once, 0.02).log_rollback


@pytest.mark.parametrize("margin", [0.001, 0.2, 0.5, 0.95])
def test_large_harm_leaves_room_for_a_bet(margin):
    assert 0 < large_harm(margin) < 1 - margin
    even = counted(ArmCounts(10, 100, 10, 100))
    found = rate("x", even, margin, **UNITS)
    assert found.log_rollback < math.log(20)


@pytest.mark.parametrize("clean", [0, 6, 20])
def test_harm_that_begins_on_any_day_is_found_on_that_day(clean):
    usual, failing = ArmCounts(380, 19_000, 20, 1_000), ArmCounts(950, 19_000, 20, 1_000)
    found = counted(ArmCounts(0, 0, 20, 1_000), *(usual,) * clean, failing)
    assert rate("x", found, 0.02, **REQUESTS, any_day=True).log_rollback > math.log(40)


def test_quiet_days_are_seldom_taken_for_harm_that_began_on_one_of_them():
    rng, runs, wrong = np.random.default_rng(17), 200, 0
    for _ in range(runs):
        bad = rng.binomial((950, 50), 0.1, (20, 2))
        days = [ArmCounts(0, 0, 100, 1_000), *(ArmCounts(a, 950, b, 50) for a, b in bad.tolist())]
        found = (
            rate("x", counted(*days[:k]), 0.02, **REQUESTS, any_day=True) for k in range(2, 22)
        )
        wrong += any(g.log_rollback >= math.log(20) for g in found)
    assert wrong <= allowed(runs)


def test_a_base_rate_that_is_known_makes_promotion_quicker():
    # At base rate 0.10 the bets learn it from the champion's record instead of from the split.
    split = (ArmCounts(150, 1_500, 150, 1_500),) * 2
    known = (ArmCounts(0, 0, 1_000, 10_000), *split)
    assert dual_counts(known, 0.02).log_promote > dual_counts(split, 0.02).log_promote + 0.5


@pytest.mark.parametrize(
    ("unusual", "n", "move"),
    [
        (8, 400, Move.PROMOTE),
        (48, 400, Move.PROMOTE),  # a tenth more than the champion's 2 %
        (80, 400, Move.PROMOTE),  # some .18 more: nearly what is tolerated
        (12, 40, Move.HOLD),  # more than is tolerated, and not shown to be clearly more
        (300, 400, Move.ROLL_BACK),
    ],
)
def test_answers_may_move_as_far_as_the_margin_allows(unusual, n, move):
    batch = counted(ArmCounts(0, 0, 8, 400), ArmCounts(unusual, n, 72, 3_600))
    decision = judged(evidence(predictions=batch))
    assert decision.move is move
    if move is Move.ROLL_BACK:
        assert "predictions differ by 0.73 (n = 400" in decision.reason


def _of_answers(rng, excess, ticks):
    """Judge answers of which so many more are unusual than the champion's 2 %, tick by tick."""
    batches = [ArmCounts(0, 0, 8, 400)]
    for _ in range(ticks):
        batches.append(
            ArmCounts(rng.binomial(100, 0.02 + excess), 100, rng.binomial(100, 0.02), 100)
        )
        yield rate("x", counted(*batches), 0.2, **REQUESTS, tolerated=True)


def test_answers_that_moved_within_the_margin_are_seldom_a_reason_to_roll_back():
    rng = np.random.default_rng(14)
    runs = (_of_answers(rng, 0.2, 20) for _ in range(200))
    back = sum(any(g.log_rollback >= math.log(20) for g in run) for run in runs)
    assert back <= allowed(200)


def test_answers_that_moved_by_twice_the_margin_are_seldom_promoted():
    rng = np.random.default_rng(15)
    runs = (_of_answers(rng, 0.4, 20) for _ in range(200))
    promoted = sum(any(g.log_promote >= math.log(20) for g in run) for run in runs)
    assert promoted <= allowed(200)


@pytest.mark.parametrize("excess", [0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.6])
def test_no_excess_of_unusual_answers_is_left_undecided(excess):
    rng = np.random.default_rng(16)
    for _ in range(20):
        last = list(_of_answers(rng, excess, 10))[-1]
        assert max(last.log_promote, last.log_rollback) >= math.log(100)


def test_what_points_the_other_way_has_no_forecast():
    batch = counted(ArmCounts(0, 0, 8, 400), ArmCounts(20, 40, 72, 3_600))
    said = check(judged(evidence(predictions=batch)), "predictions").sentence
    assert "n = 40 canary requests, needs more than can be foreseen" in said


def test_without_a_record_of_usual_answers_nothing_is_promoted():
    decision = judged(evidence(predictions=None))
    assert decision.move is Move.HOLD
    assert "canary.prediction_margin = None goes without" in decision.reason
    without = judged(evidence(predictions=None), prediction_margin=None)
    assert without.move is Move.PROMOTE
    assert "predictions" not in {c.name for c in without.verdict.checks}


@pytest.mark.parametrize(
    ("bad", "expected", "move"),
    [
        (10, 10, Move.PROMOTE),
        (15, 10, Move.PROMOTE),  # tolerated
        (60, 10, Move.ROLL_BACK),
    ],
)
def test_early_errors_only_roll_back(bad, expected, move):
    found = evidence(early=(ArmCounts(bad, 400, 9 * expected, 3_600),))
    decision = judged(found)
    assert decision.move is move
    said = check(decision, "early errors")
    assert said.outcome is Outcome.PASS
    assert said.seen == pytest.approx(bad / expected)
    assert f"{bad} units with a large loss among early labels, {expected} expected" in said.sentence
    assert judged(found, early_ratio=None).move is Move.PROMOTE


def test_early_errors_are_judged_cohort_by_cohort_at_their_own_share():
    cohorts = (ArmCounts(4, 100, 6, 900), ArmCounts(0, 0, 5, 90), ArmCounts(9, 300, 8, 300))
    found = early_errors(cohorts, CanaryPolicy(margin=0.01, early_ratio=2.0))
    ratios = {"ratio": 4.0, "null_ratio": 2.0}
    by_hand = error_ratio_log_e(4, 6, share=0.1, **ratios)
    by_hand += error_ratio_log_e(9, 8, share=0.5, **ratios)
    assert found.log_rollback == pytest.approx(by_hand)
    assert found.seen == pytest.approx(13 / (6 / 9 + 8))


@pytest.mark.parametrize(
    "broken",
    [
        {"errors": BROKEN},
        {"slow": BROKEN},
        {"predictions": counted(ArmCounts(300, 400, 0, 3_600))},
        {"early": (ArmCounts(90, 400, 90, 3_600),)},
    ],
)
def test_a_muted_guardrail_is_recorded_and_shown_and_decides_nothing(broken):
    found = evidence(**broken)
    assert judged(found).move is Move.ROLL_BACK
    decision = judged(found, muted=ALL)
    assert decision.move is Move.PROMOTE
    muted = [c for c in decision.verdict.checks if c.muted]
    assert {c.name for c in muted} == set(ALL)
    assert all(c.sentence.startswith("muted: ") for c in muted)
    (shown,) = [c for c in muted if c.outcome is Outcome.FAIL]
    assert re.search(r"worse than the champion: .*e-value", shown.sentence)
    assert "muted" not in decision.reason
    assert Verdict.from_dict(decision.verdict.to_dict()) == decision.verdict


def test_a_muted_guardrail_is_not_waited_for():
    found = evidence(slow=counted(ArmCounts(0, 20, 0, 180)))
    assert judged(found).move is Move.HOLD
    assert judged(found, muted=("slow answers",)).move is Move.PROMOTE


def test_muted_server_errors_are_muted_in_shadow_too():
    found = in_shadow(shadow_errors=(ArmCounts(100, 400, 0, 400),))
    assert judged(found, SHADOW).move is Move.ROLL_BACK
    assert judged(found, SHADOW, muted=("server errors",)).move is Move.ADVANCE


def test_the_loss_cannot_be_muted():
    with pytest.raises(ValueError, match="muted"):
        CanaryPolicy(margin=0.01, muted=("loss",))


@pytest.mark.parametrize(
    ("policy", "count"),
    [
        ({}, 6),
        ({"prediction_margin": None}, 5),
        ({"prediction_margin": None, "early_ratio": None}, 4),
        ({"muted": ("slow answers",)}, 5),
        ({"muted": ALL}, 1),
    ],
)
def test_the_mean_is_over_what_may_decide(policy, count):
    given = CanaryPolicy(margin=0.01, **policy)
    assert len(rollback_signals(given)) == count
    # Only slow answers show harm; the others stand at e = 1.
    slow = counted(ArmCounts(8, 40, 0, 400))
    nothing = evidence(
        errors=counted(), predictions=counted(), pair_means=np.empty(0), slow=slow, early=()
    )
    alone = rate("x", slow, 0.02, **REQUESTS).log_rollback
    if "slow answers" in rollback_signals(given):
        e = check(judged(nothing, **policy), "harm").seen
        assert e == pytest.approx((math.exp(alone) + count - 1) / count)


def returning(rng, *, units, share, periods, habits, worse=0.0, fault=None):
    """Users who come back every other day, each with an own rate of bad answers, .1 in mean.

    `worse` is the canary's excess; from period `fault` on every answer of the canary is bad.
    """
    habit, arm = rng.beta(*habits, units), rng.random(units) < share
    period_of, entity_of, bad_of = [], [], []
    for period in range(-5, periods):
        here = np.flatnonzero(rng.random(units) < 0.5)
        bad = rng.random(here.size) < habit[here]
        on = arm[here] & (period >= 0)
        bad |= on & (rng.random(here.size) < worse / 0.9)
        if fault is not None and period >= fault:
            bad |= on
        period_of.append(np.full(here.size, period))
        entity_of.append(here)
        bad_of.append(bad)
    period, entity, bad = map(np.concatenate, (period_of, entity_of, bad_of))
    split = period >= 0
    answers = answers_of(
        np.where(split, 2, 1), period, np.where(split, share, 0.0),
        entity=entity, on_trial=arm[entity] & split, split=split,
    )  # fmt: skip
    return answers, bad


HABITS = {"units": 300, "share": 0.25, "periods": 20, "habits": (0.2, 1.8)}


def allowed(runs):
    """So many of `runs` are exceeded with probability below .001 when each happens at 5 %."""
    return int(binom.ppf(0.999, runs, 0.05))


def test_users_with_habits_who_return_are_seldom_taken_for_an_error():
    rng = np.random.default_rng(11)
    back = promoted = 0
    for _ in range(150):
        (equal,) = count(*returning(rng, **HABITS))
        (worse,) = count(*returning(rng, **HABITS, worse=0.05))
        back += rate("x", equal, 0.02, **UNITS).log_rollback >= math.log(20)
        promoted += rate("x", worse, 0.05, **UNITS).log_promote >= math.log(20)
    assert back <= allowed(150)
    assert promoted <= allowed(150)


@pytest.mark.parametrize("varies", ["yes", "no"])
def test_losses_of_users_with_habits_who_return_neither_promote_nor_roll_back_falsely(varies):
    rng = np.random.default_rng(12)
    project = tiny_project(pairs="yes", effect_varies=varies, canary={"margin": 0.05})

    def moved(worse):
        answers, bad = returning(rng, **HABITS, worse=worse)
        units = mean_by_unit(answers, bad.astype(float))
        found = evidence(losses=loss_batches(units, 1.0), split_means=period_differences(units))
        return judge_canary(found, stage(), project).move

    assert sum(moved(0.0) is Move.ROLL_BACK for _ in range(60)) <= allowed(60)
    assert sum(moved(0.05) is Move.PROMOTE for _ in range(60)) <= allowed(60)


def test_a_fault_that_starts_late_and_meets_returning_users_alone_is_rolled_back():
    rng = np.random.default_rng(13)
    everybody_by_then = {**HABITS, "habits": (0.1, 9.9), "fault": 12}
    for _ in range(10):
        (found,) = count(*returning(rng, **everybody_by_then))
        assert all(b.canary_bad < 3 for b in found.once[1:])  # new users show nothing
        assert judged(evidence(errors=found), entity="user").move is Move.ROLL_BACK
        before = Counted(found.once[:12], found.every[:12])
        assert judged(evidence(errors=before), entity="user").move is not Move.ROLL_BACK

"""Gate 6 as a table: what the hold-back shows, and the move that follows."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgates.gates.decision import Move
from sixgates.gates.evidence import Evidence
from sixgates.gates.monitor import judge_monitor
from sixgates.gates.split import Counted, Losses
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch
from sixgates.gates.verdict import Gate, Outcome
from tests.fakes import tiny_project

EMPTY = np.empty(0)


def counted(*batches):
    """Rows that are units of their own."""
    return Counted(batches, batches)


SILENCE = Evidence(
    pair_means=EMPTY, pairs=0, split_means=EMPTY, losses=Losses((), ()), errors=counted(),
    slow=counted(), predictions=None, early=None, shadow_errors=(), shares=(), stage_requests=0,
    requests_per_period=0.0, units_per_period=0.0,
)  # fmt: skip
QUIET = np.array([-0.004, 0.002, -0.003, 0.003, -0.001, -0.003, 0.002])
REGRESSED = np.append(QUIET, [0.03, 0.032, 0.028, 0.031, 0.029, 0.03, 0.031, 0.03, 0.033])
EVEN = counted(ArmCounts(10, 3_800, 1, 200))
FAILING = counted(ArmCounts(1_900, 3_800, 0, 200))


def cohort(holdback, new, n=400):
    """A matured period in which every unit of an arm has the same loss; 95 % meet the new model."""
    assigned = np.arange(n) < 0.95 * n
    return LossBatch(assigned, np.where(assigned, new, holdback))


def evidence(**changes):
    usual = {"pair_means": QUIET, "errors": EVEN, "slow": EVEN, "predictions": EVEN}
    return replace(SILENCE, **{**usual, **changes})


def check(decision, name):
    return next(c for c in decision.verdict.checks if c.name == name)


@pytest.mark.parametrize(
    ("found", "move", "outcome"),
    [
        pytest.param(SILENCE, Move.HOLD, "inconclusive", id="silence holds"),
        pytest.param(evidence(), Move.CONFIRM, "pass", id="N quiet periods confirm"),
        pytest.param(
            evidence(pair_means=QUIET[:6]), Move.HOLD, "inconclusive", id="one period too few"
        ),
        pytest.param(evidence(pair_means=REGRESSED), Move.ROLL_BACK, "fail", id="a regression"),
        pytest.param(
            evidence(pair_means=REGRESSED[7:12]), Move.ROLL_BACK, "fail",
            id="a regression is not waited for",
        ),
        pytest.param(evidence(errors=FAILING), Move.ROLL_BACK, "fail", id="errors"),
        pytest.param(evidence(slow=FAILING), Move.ROLL_BACK, "fail", id="slow answers"),
        pytest.param(
            replace(SILENCE, errors=FAILING), Move.ROLL_BACK, "fail", id="errors need no labels"
        ),
        pytest.param(
            evidence(pair_means=np.append(QUIET, math.nan)), Move.ROLL_BACK, "fail", id="NaN"
        ),
    ],
)  # fmt: skip
def test_what_is_known_decides_the_move(found, move, outcome):
    decision = judge_monitor(found, tiny_project(monitor={"run_length": 50.0}))
    assert (decision.move, decision.verdict.outcome) == (move, Outcome(outcome))
    assert decision.verdict.gate is Gate.MONITOR
    assert decision.reason == decision.verdict.reason != ""


@pytest.mark.parametrize("pairs", ["yes", "unknown"])
def test_where_predictions_change_outcomes_the_hold_back_alone_judges_the_loss(pairs):
    project = tiny_project(pairs=pairs)
    even = (cohort(0.2, 0.2),) * 7
    by_split = evidence(pair_means=REGRESSED, split_means=QUIET, losses=Losses(even, even))
    assert judge_monitor(by_split, project).move is Move.CONFIRM
    by_pairs = evidence(pair_means=QUIET, split_means=REGRESSED)
    assert judge_monitor(by_pairs, project).move is Move.ROLL_BACK
    assert judge_monitor(evidence(), project).move is Move.HOLD


def test_where_the_effect_does_not_vary_units_find_a_regression_before_periods_can():
    worse = (*(cohort(0.2, 0.2),) * 3, *(cohort(0.2, 0.9),) * 2)
    found = evidence(split_means=np.array([0.0, 0.001, 0.0, 0.7, 0.7]), losses=Losses(worse, worse))
    margin = {"canary": {"margin": 0.1}}
    by_unit = tiny_project(pairs="yes", effect_varies="no", **margin)
    assert judge_monitor(found, by_unit).move is Move.ROLL_BACK


@pytest.mark.parametrize("varies", ["yes", "no"])
def test_a_large_regression_of_units_that_all_return_is_found(varies):
    late = (*(cohort(0.2, 0.2),) * 3, *(cohort(0.2, 0.9),) * 4)
    found = evidence(split_means=QUIET[:3], losses=Losses(late[:3], late))
    project = tiny_project(pairs="yes", entity="user", effect_varies=varies, canary={"margin": 0.1})
    assert judge_monitor(found, project).move is Move.ROLL_BACK


def test_units_that_all_return_are_watched_all_the_same():
    record = LossBatch(np.zeros(400, dtype=bool), np.full(400, 0.2))
    every = (record, *(cohort(0.2, 0.2),) * 7)
    found = evidence(split_means=QUIET[:1], losses=Losses(every[:2], every))
    decision = judge_monitor(found, tiny_project(pairs="yes"))
    assert decision.move is Move.CONFIRM
    assert check(decision, "watched").n == 7


def test_a_loss_of_the_split_that_is_not_a_number_is_refused():
    odd = (cohort(0.2, math.nan),)
    found = evidence(split_means=QUIET, losses=Losses(odd, odd))
    decision = judge_monitor(found, tiny_project(pairs="yes"))
    assert decision.move is Move.ROLL_BACK
    assert "not a number" in decision.reason


def test_what_needs_no_labels_speaks_first():
    found = replace(SILENCE, predictions=FAILING)
    decision = judge_monitor(found, tiny_project())
    assert [c.name for c in decision.verdict.checks] == ["service", "regression", "watched"]
    assert decision.move is Move.ROLL_BACK
    assert "worse than the hold-back: predictions differ by 0.5" in decision.reason


def test_answers_may_move_within_their_margin_and_errors_may_not():
    more = counted(ArmCounts(570, 3_800, 8, 200))  # .11 more, of .2 that are tolerated
    assert judge_monitor(evidence(predictions=more), tiny_project()).move is Move.CONFIRM
    assert judge_monitor(evidence(errors=more), tiny_project()).move is Move.ROLL_BACK


def test_errors_that_only_returning_units_meet_are_found():
    late = Counted(EVEN.once, FAILING.every)
    decision = judge_monitor(evidence(errors=late), tiny_project(entity="user"))
    assert decision.move is Move.ROLL_BACK


@pytest.mark.parametrize(
    "found",
    [
        {"errors": counted(ArmCounts(0, 0, 0, 50_000), ArmCounts(50_000, 50_000, 0, 50_000))},
        {"pair_means": 0.03 + 1e-12 * np.arange(300)},
    ],
)
def test_evidence_beyond_all_figures_rolls_back_all_the_same(found):
    decision = judge_monitor(evidence(**found), tiny_project())
    assert decision.move is Move.ROLL_BACK
    assert max(c.seen for c in decision.verdict.checks) == pytest.approx(math.exp(700))


def test_a_muted_guardrail_is_shown_and_decides_nothing():
    project = tiny_project(monitor={"muted": ("slow answers",)})
    decision = judge_monitor(evidence(slow=FAILING), project)
    assert decision.move is Move.CONFIRM
    muted = check(decision, "slow answers")
    assert (muted.muted, muted.outcome) == (True, "fail")
    assert muted.sentence.startswith("muted: worse than the champion: slow answers differ by 0.5")
    everything = tiny_project(monitor={"muted": ("server errors", "slow answers", "predictions")})
    decision = judge_monitor(evidence(errors=FAILING, slow=FAILING), everything)
    assert decision.move is Move.CONFIRM
    assert "every guardrail of it is muted" in check(decision, "service").sentence


def test_without_a_range_of_usual_answers_that_is_said():
    said = check(judge_monitor(evidence(predictions=None), tiny_project()), "service").sentence
    assert "predictions not judged, too few answers before the split" in said
    off = tiny_project(monitor={"prediction_margin": None})
    found = evidence(predictions=FAILING)
    assert judge_monitor(found, off).move is Move.CONFIRM
    for judged in (judge_monitor(evidence(), tiny_project()), judge_monitor(found, off)):
        assert "not judged" not in check(judged, "service").sentence


@pytest.mark.parametrize(
    ("found", "name", "words"),
    [
        (SILENCE, "watched", "0 of 7 matured periods watched"),
        (SILENCE, "regression", r"no regression shown \(e-detector 0 of 200, n = 0 periods; "),
        (
            evidence(pair_means=REGRESSED), "regression",
            r"worse than the previous champion by 0\.0\d+ in mean .*n = 16 periods",
        ),
        (
            evidence(errors=FAILING), "service",
            r"worse than the hold-back: server errors differ by 0.5 \(n = 3,800; mean",
        ),
        (evidence(), "service", "serves as well as the hold-back"),
        (evidence(), "regression", "an equal model alarms once in 200 periods or more"),
        (
            evidence(pair_means=np.append(QUIET, math.nan)), "regression",
            r"not a number \(n = 8 periods\)",
        ),
    ],
)  # fmt: skip
def test_sentences_say_what_was_seen_and_what_is_needed(found, name, words):
    said = check(judge_monitor(found, tiny_project()), name).sentence
    assert re.search(words, said), said


@given(st.lists(st.floats(-0.05, 0.05), max_size=12).map(np.array), st.integers(2, 20))
@settings(deadline=None, max_examples=100)
def test_watching_longer_never_confirms_sooner(means, periods):
    def moved(asked):
        return judge_monitor(
            evidence(pair_means=means), tiny_project(monitor={"periods": asked})
        ).move

    if moved(periods) is not Move.CONFIRM:
        assert moved(periods + 1) is not Move.CONFIRM


@pytest.mark.parametrize("found", [evidence(), evidence(pair_means=REGRESSED), SILENCE])
def test_the_e_values_behind_its_checks_can_only_roll_back(found):
    verdict = judge_monitor(found, tiny_project()).verdict
    tested = [c for c in verdict.checks if c.e_values is not None]
    assert [c.name for c in tested] == ["service", "regression"]
    for c in tested:
        e = c.e_values
        assert (e.promote, e.rollback, e.rollback_at) == (None, c.seen, c.required)
        assert (e.rollback >= e.rollback_at) == (c.outcome is Outcome.FAIL)

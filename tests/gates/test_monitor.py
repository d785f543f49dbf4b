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
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.verdict import Gate, Outcome
from tests.fakes import tiny_project

EMPTY = np.empty(0)
SILENCE = Evidence(EMPTY, 0, EMPTY, (), (), (), (), (), 0, 0.0)
QUIET = np.array([-0.004, 0.002, -0.003, 0.003, -0.001, -0.003, 0.002])
REGRESSED = np.append(QUIET, [0.03, 0.032, 0.028, 0.031, 0.029, 0.03, 0.031, 0.03, 0.033])
EVEN = (ArmCounts(10, 3_800, 1, 200),)
FAILING = (ArmCounts(1_900, 3_800, 0, 200),)


def evidence(**changes):
    return replace(SILENCE, **{"pair_means": QUIET, "errors": EVEN, "slow": EVEN, **changes})


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
    by_split = evidence(pair_means=REGRESSED, split_means=QUIET)
    assert judge_monitor(by_split, project).move is Move.CONFIRM
    by_pairs = evidence(pair_means=QUIET, split_means=REGRESSED)
    assert judge_monitor(by_pairs, project).move is Move.ROLL_BACK
    assert judge_monitor(evidence(), project).move is Move.HOLD


@pytest.mark.parametrize(
    ("found", "name", "words"),
    [
        (SILENCE, "watched", "0 of 7 matured periods watched"),
        (SILENCE, "regression", r"no regression shown \(e-detector .* of 200, n = 0 periods\)"),
        (
            evidence(pair_means=REGRESSED), "regression",
            r"worse than the previous champion by 0\.0\d+ in mean .*n = 16 periods",
        ),
        (evidence(errors=FAILING), "service", r"more errors or slow answers .*n = 3,800 requests"),
        (evidence(), "service", "serves as well as the hold-back"),
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

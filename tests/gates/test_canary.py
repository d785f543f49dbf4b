"""Gate 5 as a table: what is known of the challenger, and the move that follows."""

import math
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sixgates.gates.canary import Phase, Stage, judge_canary, planned_shares
from sixgates.gates.decision import Move
from sixgates.gates.evidence import Evidence, LossBatch
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.verdict import Outcome
from tests.fakes import tiny_project

EMPTY = np.empty(0)
SILENCE = Evidence(EMPTY, 0, EMPTY, (), (), (), (), (), 0, 0.0)
BETTER = np.array([-0.004, -0.002, -0.003, -0.005, -0.001, -0.003, -0.002, -0.004])
WORSE = BETTER + 0.04
CLEAN = (ArmCounts(0, 400, 0, 3_600),)
SOUND = ((40, 400, 0.1),)


def evidence(**changes):
    """A split at 10 % in which nothing goes wrong and the challenger is a little better."""
    good = replace(
        SILENCE, pair_means=BETTER, pairs=800, errors=CLEAN, slow=CLEAN, shares=SOUND,
        stage_requests=400, requests_per_period=500.0,
    )  # fmt: skip
    return replace(good, **changes)


def in_shadow(**changes):
    nothing_served = {"errors": (), "slow": (), "shares": (), "stage_requests": 0}
    shadow = (ArmCounts(0, 400, 0, 400),)
    return evidence(**{**nothing_served, "shadow_errors": shadow, **changes})


def stage(phase=Phase.SPLIT, **changes):
    share = 0.0 if phase is Phase.SHADOW else 0.1
    usual = Stage(phase, share, is_last=True, open_for=timedelta(days=10), unlogged=0)
    return replace(usual, **changes)


def judge(found, at, project=None):
    return judge_canary(found, at, project or tiny_project())


def check(decision, name):
    return next(c for c in decision.verdict.checks if c.name == name)


def cohort(control, canary, n=500, share=0.5):
    """A matured period of the split in which every unit of an arm has the same loss."""
    assigned = np.arange(n) < n * share
    return LossBatch(assigned, np.where(assigned, canary, control), share)


SHADOW = stage(Phase.SHADOW)
EARLIER = stage(is_last=False)
LATE = timedelta(days=61)
BROKEN = (ArmCounts(60, 400, 0, 3_600),)


@pytest.mark.parametrize(
    ("found", "at", "move", "outcome"),
    [
        pytest.param(SILENCE, SHADOW, Move.HOLD, "inconclusive", id="silence in shadow holds"),
        pytest.param(SILENCE, stage(), Move.HOLD, "inconclusive", id="silence in the split holds"),
        pytest.param(in_shadow(), SHADOW, Move.ADVANCE, "inconclusive", id="shadow grows"),
        pytest.param(evidence(), EARLIER, Move.ADVANCE, "pass", id="a share grows"),
        pytest.param(evidence(), stage(), Move.PROMOTE, "pass", id="the last share promotes"),
        pytest.param(
            in_shadow(pair_means=BETTER[:2]), SHADOW, Move.HOLD, "inconclusive",
            id="two periods of shadow are too few",
        ),
        pytest.param(
            evidence(stage_requests=19), stage(), Move.HOLD, "inconclusive",
            id="a stage must see its requests, also the last",
        ),
        pytest.param(
            evidence(errors=(ArmCounts(0, 20, 0, 180),)), stage(), Move.HOLD, "inconclusive",
            id="errors must be known before promotion",
        ),
        pytest.param(
            evidence(errors=(ArmCounts(0, 20, 0, 180),)), EARLIER, Move.ADVANCE, "inconclusive",
            id="but not before a larger share",
        ),
        pytest.param(
            evidence(pair_means=BETTER[:2]), EARLIER, Move.HOLD, "inconclusive",
            id="where pairs judge, the loss is known before anybody else is exposed",
        ),
        pytest.param(
            in_shadow(pair_means=WORSE), SHADOW, Move.ROLL_BACK, "fail", id="harm in shadow"
        ),
        pytest.param(
            evidence(pair_means=WORSE), stage(), Move.ROLL_BACK, "fail", id="harm in the split"
        ),
        pytest.param(
            in_shadow(shadow_errors=(ArmCounts(100, 400, 0, 400),)), SHADOW, Move.ROLL_BACK,
            "fail", id="failing in shadow",
        ),
        pytest.param(evidence(errors=BROKEN), EARLIER, Move.ROLL_BACK, "fail", id="errors"),
        pytest.param(evidence(slow=BROKEN), EARLIER, Move.ROLL_BACK, "fail", id="slowness"),
        pytest.param(
            evidence(shares=((200, 400, 0.1),)), stage(), Move.ROLL_BACK, "fail",
            id="a broken split judges nobody",
        ),
        pytest.param(
            evidence(), stage(unlogged=3), Move.HOLD, "inconclusive", id="gaps hold at the last"
        ),
        pytest.param(
            evidence(), replace(EARLIER, unlogged=3), Move.HOLD, "inconclusive", id="gaps hold"
        ),
        pytest.param(
            in_shadow(pair_means=WORSE), replace(SHADOW, unlogged=3), Move.ROLL_BACK, "fail",
            id="gaps do not stop a rollback",
        ),
        pytest.param(
            SILENCE, stage(open_for=LATE), Move.EXPIRE, "inconclusive", id="the deadline"
        ),
        pytest.param(
            evidence(), replace(EARLIER, open_for=LATE), Move.EXPIRE, "pass",
            id="a deadline is never a reason to grow",
        ),
        pytest.param(
            evidence(pair_means=WORSE), stage(open_for=LATE), Move.ROLL_BACK, "fail",
            id="harm goes before the deadline",
        ),
    ],
)  # fmt: skip
def test_what_is_known_decides_the_move(found, at, move, outcome):
    decision = judge(found, at)
    assert (decision.move, decision.verdict.outcome) == (move, Outcome(outcome))
    assert decision.reason


def test_a_better_challenger_walks_up_share_by_share():
    shares, now, moves = (0.05, 0.25, 0.5), in_shadow(), []
    for present in (None, *shares):
        at = SHADOW
        if present is not None:
            at = stage(share=present, is_last=present == shares[-1])
            served = ArmCounts(0, int(1_000 * present), 0, int(1_000 * (1 - present)))
            now = replace(
                now,
                errors=(*now.errors, served),
                slow=(*now.slow, served),
                shares=(*now.shares, (int(200 * present), 200, present)),
                stage_requests=served.canary_n,
            )
        decision = judge(now, at)
        moves.append(decision.move)
    assert moves == [Move.ADVANCE] * 3 + [Move.PROMOTE]
    assert {c.outcome for c in decision.verdict.checks} == {Outcome.PASS}
    named = {c.name for c in decision.verdict.checks}
    assert {"harm", "split", "loss", "server errors", "slow answers", "stage"} <= named


@pytest.mark.parametrize("at", [SHADOW, EARLIER, stage()])
@pytest.mark.parametrize("pairs", ["yes", "no", "unknown"])
def test_silence_neither_promotes_nor_rolls_back(at, pairs):
    decision = judge(SILENCE, at, tiny_project(pairs=pairs))
    assert decision.move is Move.HOLD
    assert decision.verdict.outcome is Outcome.INCONCLUSIVE
    assert check(decision, "harm").outcome is Outcome.PASS


@pytest.mark.parametrize("at", [SHADOW, EARLIER, stage()])
@pytest.mark.parametrize("pairs", ["yes", "no"])
def test_a_loss_that_is_not_a_number_never_passes(at, pairs):
    means = np.append(BETTER, math.nan)
    found = in_shadow() if at.phase is Phase.SHADOW else evidence()
    found = replace(
        found, pair_means=means, split_means=means,
        losses=(cohort(0.2, 0.1), cohort(0.2, math.nan)),
    )  # fmt: skip
    decision = judge(found, at, tiny_project(pairs=pairs))
    assert decision.verdict.outcome is Outcome.FAIL
    assert decision.move is Move.ROLL_BACK
    assert check(decision, "loss").outcome is not Outcome.PASS
    assert "not a number" in decision.reason


@pytest.mark.parametrize("pairs", ["yes", "unknown"])
def test_where_predictions_change_outcomes_the_split_alone_judges_the_loss(pairs):
    project = tiny_project(pairs=pairs, canary={"margin": 0.05})
    equal = tuple(cohort(0.20, 0.20) for _ in range(10))
    worse = tuple(cohort(0.20, 0.60) for _ in range(10))
    by_split = evidence(pair_means=WORSE, split_means=np.zeros(10), losses=equal)
    assert judge(by_split, stage(), project).move is Move.PROMOTE
    by_pairs = evidence(pair_means=BETTER, split_means=np.full(10, 0.4), losses=worse)
    assert judge(by_pairs, stage(), project).move is Move.ROLL_BACK
    assert judge(evidence(), stage(), project).move is Move.HOLD  # pairs are no evidence here
    loss = check(judge(by_split, stage(), project), "loss")
    assert (loss.n, loss.seen) == (2_500, 0.0)


def test_where_predictions_change_outcomes_a_share_grows_before_the_loss_is_known():
    project = tiny_project(pairs="yes")
    assert judge(evidence(pair_means=WORSE), EARLIER, project).move is Move.ADVANCE
    assert judge(in_shadow(pair_means=WORSE), SHADOW, project).move is Move.ADVANCE


def test_pairs_alone_judge_the_loss_where_predictions_change_nothing():
    worse = tuple(cohort(0.20, 0.60) for _ in range(10))
    found = evidence(losses=worse, split_means=np.full(10, 0.4))
    assert judge(found, stage()).move is Move.PROMOTE


@pytest.mark.parametrize(
    ("found", "at", "name", "words"),
    [
        (SILENCE, SHADOW, "loss", r"n = 0 periods, needs more than can be foreseen"),
        (in_shadow(pair_means=BETTER[:3] * 3), SHADOW, "loss", r"n = 3 periods, needs about \d+"),
        (SILENCE, stage(), "server errors", r"n = 0 canary requests, needs about 152 more"),
        (
            evidence(slow=(ArmCounts(0, 40, 0, 360),)), stage(), "slow answers",
            r"n = 40 canary requests, needs about \d+ more",
        ),
        (in_shadow(pair_means=BETTER[:2]), SHADOW, "stage", r"2 of 3 matured shadow periods"),
        (evidence(stage_requests=19), stage(), "stage", r"19 of 20 canary requests at 10%"),
        (evidence(), stage(unlogged=3), "complete log", r"3 answers could not be logged"),
        (evidence(), stage(), "loss", r"not worse by 0.01 \(difference -0.003, n = 8 periods\)"),
        (evidence(shares=((200, 400, 0.1),)), stage(), "split", r"broken.*n = 400 units"),
        (evidence(errors=BROKEN), stage(), "harm", r"server errors differ by 0.15 \(n = 400;"),
        (
            in_shadow(shadow_errors=(ArmCounts(100, 400, 0, 400),)), SHADOW, "harm",
            r"fails on shadow requests \(n = 400;",
        ),
    ],
)  # fmt: skip
def test_sentences_say_what_was_seen_and_what_is_needed(found, at, name, words):
    said = check(judge(found, at), name).sentence
    assert re.search(words, said), said


def test_what_more_is_needed_is_about_right():
    project = tiny_project()
    found = evidence(errors=(ArmCounts(0, 100, 0, 900),))
    said = check(judge(found, stage(), project), "server errors").sentence
    more = int(re.search(r"about (\d+) more", said)[1])
    enough = replace(found, errors=(*found.errors, ArmCounts(0, more + 5, 0, 9 * more)))
    assert check(judge(enough, stage(), project), "server errors").outcome is Outcome.PASS


def test_the_deadline_says_that_it_passed():
    reason = judge(SILENCE, stage(open_for=LATE)).reason
    assert "deadline" in reason
    assert "n = 0" in reason


def test_a_verdict_survives_storage():
    for found in (SILENCE, evidence(), evidence(errors=BROKEN)):
        verdict = judge(found, stage()).verdict
        assert type(verdict).from_dict(verdict.to_dict()) == verdict


means = st.lists(st.floats(-0.05, 0.05), min_size=0, max_size=12).map(np.array)


@given(
    means, st.floats(0.001, 0.1), st.floats(0.1, 1.0), st.sampled_from([SHADOW, EARLIER, stage()])
)
@settings(deadline=None, max_examples=150)
def test_a_tighter_margin_never_turns_another_move_into_a_promotion(found, margin, factor, at):
    def moved(limit):
        return judge(evidence(pair_means=found), at, tiny_project(canary={"margin": limit})).move

    assume(moved(margin) is not Move.PROMOTE)
    assert moved(margin * factor) is not Move.PROMOTE


@given(means, st.integers(0, 5), st.booleans())
@settings(deadline=None, max_examples=100)
def test_only_a_verdict_that_passes_promotes_and_only_one_that_fails_rolls_back(
    found, lost, is_last
):
    decision = judge(evidence(pair_means=found), stage(unlogged=lost, is_last=is_last))
    assert (decision.move is Move.ROLL_BACK) == (decision.verdict.outcome is Outcome.FAIL)
    if decision.move is Move.PROMOTE:
        assert decision.verdict.passed
        assert is_last
        assert not lost


def test_an_equal_challenger_in_the_split_is_seldom_rolled_back():
    rng = np.random.default_rng(5)
    project, wrong = tiny_project(pairs="yes", canary={"margin": 0.05}), 0
    for _ in range(60):
        batches = []
        for _ in range(10):
            assigned, losses = rng.random(200) < 0.25, rng.beta(1, 4, 200)
            batches.append(LossBatch(assigned, losses, 0.25))
        found = evidence(losses=tuple(batches), shares=((500, 2_000, 0.25),))
        wrong += judge(found, stage(), project).move is Move.ROLL_BACK
    assert wrong <= 8  # P(more than 8 of 60 at 5 %) < .002


@pytest.mark.parametrize(
    ("requests", "shares"),
    [(0.0, (0.5,)), (3.0, (0.5,)), (24.0, (0.25, 0.5)), (1e6, (0.01, 0.05, 0.25, 0.5))],
)
def test_shares_that_the_traffic_cannot_fill_are_left_out(requests, shares):
    assert planned_shares(CanaryPolicy(margin=0.02), requests, timedelta(days=1)) == shares

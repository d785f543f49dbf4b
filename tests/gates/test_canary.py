"""Gate 5 as a table: what is known of the challenger, and the move that follows."""

import math
import re
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sixgates.gates.canary import Breaker, Phase, judge_canary, planned_shares
from sixgates.gates.decision import Move
from sixgates.gates.policy import CanaryPolicy
from sixgates.gates.split import Losses
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.units import LossBatch
from sixgates.gates.verdict import Outcome
from tests.fakes import tiny_project
from tests.gates.releases import (
    BETTER,
    BROKEN,
    EARLIER,
    LATE,
    NOISE,
    SHADOW,
    SILENCE,
    WORSE,
    check,
    cohort,
    counted,
    evidence,
    in_shadow,
    split_losses,
    stage,
)


def judge(found, at, project=None):
    return judge_canary(found, at, project or tiny_project())


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
            evidence(errors=counted(ArmCounts(0, 20, 0, 180))), stage(), Move.HOLD, "inconclusive",
            id="errors must be known before promotion",
        ),
        pytest.param(
            evidence(errors=counted(ArmCounts(0, 20, 0, 180))), EARLIER, Move.ADVANCE,
            "inconclusive", id="but not before a larger share",
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
            grown = counted(*now.errors.once, served)
            now = replace(
                now,
                errors=grown,
                slow=grown,
                predictions=grown,
                shares=(*now.shares, (int(200 * present), 200, present)),
                stage_requests=served.canary_n,
            )
        decision = judge(now, at)
        moves.append(decision.move)
    assert moves == [Move.ADVANCE] * 3 + [Move.PROMOTE]
    assert {c.outcome for c in decision.verdict.checks} == {Outcome.PASS}
    named = {c.name for c in decision.verdict.checks}
    assert {"harm", "split", "loss", "server errors", "slow answers", "stage"} <= named
    assert {"predictions", "early errors"} <= named


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
        losses=split_losses(cohort(0.2, 0.1), cohort(0.2, math.nan)),
    )  # fmt: skip
    decision = judge(found, at, tiny_project(pairs=pairs))
    assert decision.verdict.outcome is Outcome.FAIL
    assert decision.move is Move.ROLL_BACK
    assert check(decision, "loss").outcome is not Outcome.PASS
    assert "not a number" in decision.reason


@pytest.mark.parametrize("pairs", ["yes", "unknown"])
def test_where_predictions_change_outcomes_the_split_alone_judges_the_loss(pairs):
    project = tiny_project(pairs=pairs, canary={"margin": 0.05})
    equal = split_losses(*(cohort(0.20, 0.20) for _ in range(10)))
    worse = split_losses(*(cohort(0.20, 0.60) for _ in range(10)))
    by_split = evidence(pair_means=WORSE, split_means=NOISE, losses=equal)
    assert judge(by_split, stage(), project).move is Move.PROMOTE
    by_pairs = evidence(pair_means=BETTER, split_means=NOISE + 0.4, losses=worse)
    assert judge(by_pairs, stage(), project).move is Move.ROLL_BACK
    assert judge(evidence(), stage(), project).move is Move.HOLD  # pairs are no evidence here


@pytest.mark.parametrize(
    ("varies", "n", "rule"),
    [
        ("no", 2_500, "matured canary units, by unit because the effect does not vary"),
        ("yes", 10, "periods of the split, by period because the effect may vary"),
        ("unknown", 10, "periods of the split, by period because the effect may vary"),
    ],
)
def test_the_split_is_judged_by_unit_only_where_the_effect_does_not_vary(varies, n, rule):
    project = tiny_project(pairs="yes", effect_varies=varies, canary={"margin": 0.05})
    equal = split_losses(*(cohort(0.20, 0.20) for _ in range(10)))
    decision = judge(evidence(split_means=NOISE, losses=equal), stage(), project)
    loss = check(decision, "loss")
    assert decision.move is Move.PROMOTE
    assert (loss.n, loss.seen) == (n, pytest.approx(NOISE.mean()))
    assert rule in loss.sentence


def test_what_varies_by_day_needs_periods_however_many_units_there_are():
    many = split_losses(*(cohort(0.20, 0.20, n=5_000) for _ in range(3)))
    found = evidence(split_means=NOISE[:2], losses=many)
    for varies, move in (("no", Move.PROMOTE), ("yes", Move.HOLD)):
        project = tiny_project(pairs="yes", effect_varies=varies, canary={"margin": 0.05})
        assert judge(found, stage(), project).move is move


@pytest.mark.parametrize("varies", ["yes", "no"])
def test_large_harm_to_units_that_return_is_rolled_back_whatever_the_new_ones_show(varies):
    project = tiny_project(
        pairs="yes", entity="user", effect_varies=varies, canary={"margin": 0.05}
    )
    quiet, worse = cohort(0.20, 0.20), cohort(0.20, 0.80)
    late = Losses((quiet,), (quiet, *[worse] * 5))
    decision = judge(evidence(split_means=NOISE[:3], losses=late), stage(), project)
    assert decision.move is Move.ROLL_BACK


def test_where_predictions_change_outcomes_a_share_grows_before_the_loss_is_known():
    project = tiny_project(pairs="yes")
    assert judge(evidence(pair_means=WORSE), EARLIER, project).move is Move.ADVANCE
    assert judge(in_shadow(pair_means=WORSE), SHADOW, project).move is Move.ADVANCE


def test_pairs_alone_judge_the_loss_where_predictions_change_nothing():
    worse = split_losses(*(cohort(0.20, 0.60) for _ in range(10)))
    found = evidence(losses=worse, split_means=np.full(10, 0.4))
    assert judge(found, stage()).move is Move.PROMOTE


@pytest.mark.parametrize(
    ("found", "at", "name", "words"),
    [
        (SILENCE, SHADOW, "loss", r"n = 0 periods, by pairs, needs more than can be foreseen"),
        (
            in_shadow(pair_means=BETTER[:3] * 3), SHADOW, "loss",
            r"n = 3 periods, by pairs, needs about (\d+) more, some \1 days at the present rate",
        ),
        (
            SILENCE, stage(), "server errors",
            r"n = 0 canary requests, needs about 152 more\)$",  # no rate, no time
        ),
        (
            in_shadow(), SHADOW, "server errors",
            r"n = 0 canary requests, needs about 152 more after the split begins\)",
        ),
        (
            # 500 units a day, a tenth of them to the canary
            evidence(slow=counted(ArmCounts(0, 0, 0, 360))), stage(), "slow answers",
            r"n = 0 canary requests, needs about 152 more, some 3 days at the present rate",
        ),
        (
            SILENCE, stage(), "predictions",
            r"predictions: not judged, because fewer than 50 answers of the champion",
        ),
        (SILENCE, SHADOW, "early errors", "early errors: silent: no split yet"),
        (
            evidence(early=(ArmCounts(5, 100, 40, 900),)), stage(), "early errors",
            r"^early errors: 5 units with a large loss among early labels, 4\.444 expected \(e-",
        ),
        (
            in_shadow(pair_means=BETTER[:2]), SHADOW, "stage",
            r"2 of 3 matured shadow periods, some 1 day at the present rate",
        ),
        (
            evidence(stage_requests=10), stage(), "stage",
            r"10 of 20 canary requests at 10%, some 4.8 hours at the present rate",
        ),
        (evidence(stage_requests=10), stage(share=0.004), "stage", r"canary requests at 0\.4%,"),
        (evidence(), stage(unlogged=3), "complete log", r"3 answers could not be logged"),
        (evidence(), stage(), "loss", r"not worse by 0.01 \(difference -0.003, n = 8 periods, "),
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
    found = evidence(errors=counted(ArmCounts(0, 100, 0, 900)))
    said = check(judge(found, stage(), project), "server errors").sentence
    more = int(re.search(r"about (\d+) more", said)[1])
    enough = replace(found, errors=counted(*found.errors.once, ArmCounts(0, more + 5, 0, 9 * more)))
    assert check(judge(enough, stage(), project), "server errors").outcome is Outcome.PASS


def test_harm_beyond_all_figures_rolls_back_all_the_same():
    everything = counted(ArmCounts(0, 0, 0, 50_000), ArmCounts(50_000, 50_000, 0, 50_000))
    decision = judge(evidence(errors=everything, shares=((5_000, 5_000, 0.1),)), stage())
    assert decision.move is Move.ROLL_BACK
    seen = [check(decision, name).seen for name in ("harm", "split")]
    assert seen == pytest.approx([math.exp(700)] * 2)


@pytest.mark.parametrize("at", [EARLIER, stage()])
def test_a_breaker_that_tripped_rolls_back_however_good_the_evidence(at):
    tripped = Breaker("it failed in 5 of its last 20 answers", 5, 5, 20)
    decision = judge(evidence(), replace(at, breaker=tripped))
    assert decision.move is Move.ROLL_BACK
    assert decision.reason == (
        "a gateway cut the canary off: it failed in 5 of its last 20 answers (n = 20)"
    )
    found = check(decision, "breaker")
    assert (found.outcome, found.seen, found.required, found.n) == (Outcome.FAIL, 5.0, 5.0, 20)


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


@pytest.mark.parametrize("varies", ["yes", "no"])
def test_an_equal_challenger_in_the_split_is_seldom_rolled_back(varies):
    rng = np.random.default_rng(5)
    project = tiny_project(pairs="yes", effect_varies=varies, canary={"margin": 0.05})
    wrong = 0
    for _ in range(60):
        batches = []
        for _ in range(10):
            assigned, losses = rng.random(200) < 0.25, rng.beta(1, 4, 200)
            batches.append(LossBatch(assigned, losses))
        means = [b.losses[b.assigned].mean() - b.losses[~b.assigned].mean() for b in batches]
        found = evidence(
            losses=split_losses(*batches), split_means=np.array(means),
            shares=((500, 2_000, 0.25),),
        )  # fmt: skip
        wrong += judge(found, stage(), project).move is Move.ROLL_BACK
    assert wrong <= 8  # P(more than 8 of 60 at 5 %) < .002


@pytest.mark.parametrize(
    ("requests", "shares"),
    [(0.0, (0.5,)), (3.0, (0.5,)), (24.0, (0.25, 0.5)), (1e6, (0.01, 0.05, 0.25, 0.5))],
)
def test_shares_that_the_traffic_cannot_fill_are_left_out(requests, shares):
    assert planned_shares(CanaryPolicy(margin=0.02), requests, timedelta(days=1)) == shares


@pytest.mark.parametrize(
    "found",
    [SILENCE, in_shadow(), evidence(), evidence(pair_means=WORSE), evidence(errors=BROKEN)],
)
def test_the_e_values_behind_the_checks_say_what_the_verdict_says(found):
    verdict = judge(found, stage()).verdict
    judged = {c.name: (c, c.e_values) for c in verdict.checks if c.e_values is not None}
    for name in ("loss", "server errors", "slow answers", "predictions"):
        check_, e = judged[name]
        assert (e.promote >= e.promote_at) == (check_.outcome is Outcome.PASS)
        assert (e.promote_at, e.rollback_at) == (pytest.approx(20), pytest.approx(6 * 20))
    assert judged["early errors"][1].promote_at is None
    harm, e = judged["harm"]
    assert (e.rollback, e.rollback_at) == (harm.seen, harm.required)
    assert (e.rollback >= e.rollback_at) == (harm.outcome is Outcome.FAIL)
    alone = [e.rollback >= e.rollback_at for name, (_, e) in judged.items() if name != "harm"]
    assert any(alone) <= (harm.outcome is Outcome.FAIL)


def test_a_muted_check_is_no_part_of_the_mean_that_rolls_back():
    project = tiny_project(canary={"muted": ("slow answers",)})
    verdict = judge(evidence(slow=BROKEN), stage(), project).verdict
    slow, errors = (
        next(c for c in verdict.checks if c.name == n) for n in ("slow answers", "server errors")
    )
    assert slow.e_values.rollback >= slow.e_values.rollback_at == pytest.approx(20)
    assert errors.e_values.rollback_at == pytest.approx(5 * 20)


def test_what_cannot_be_judged_has_no_e_value_for_harm():
    verdict = judge(evidence(pair_means=np.array([math.nan] * 5)), stage()).verdict
    assert next(c for c in verdict.checks if c.name == "loss").e_values.rollback is None

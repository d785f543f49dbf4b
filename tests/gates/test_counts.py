import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtrc, comb

from sixgates.gates.errors import ContractError
from sixgates.gates.statistics.counts import (
    ArmCounts,
    DualEvidence,
    control_and_canary_bets,
    dual_bets,
    log_e_counts,
    log_es_of_batches,
    rollback_of_counts,
)
from sixgates.gates.statistics.guards import error_ratio_log_e, mean_log_e, ratio_mismatch_log_e
from sixgates.gates.statistics.units import LossBatch, dual_values, log_es_of_units
from tests.fakes import dual_counts

TWENTY = math.log(20)
MARGIN = 0.02


def _too_many(hits, runs, nominal=0.05):
    """Whether so many hits in so many runs refute the nominal rate, at one in a thousand."""
    return bdtrc(hits - 1, runs, nominal) < 0.001


def _binomial(n, p):
    k = np.arange(n + 1)
    return comb(n, k) * p**k * (1 - p) ** (n - k)


@given(
    mean=st.floats(0.001, 0.9),
    margin=st.floats(0.005, 0.09),
    share=st.floats(0.01, 0.99),
    promote=st.booleans(),
)
def test_the_projection_lies_between_the_bet_and_the_null(mean, margin, share, promote):
    null = margin if promote else 0.0
    bets = control_and_canary_bets(mean, margin, null, share)
    assert 0 < bets.q_control < 1
    assert bets.q_canary == pytest.approx(bets.q_control + null)
    assert 0 <= bets.stake < math.inf
    assert (bets.a_canary - bets.q_canary) * bets.sign >= -1e-12


@given(
    guess=st.floats(0.001, 0.6),
    control=st.floats(0.0, 0.9),
    margin=st.floats(0.01, 0.1),
    arms=st.tuples(st.integers(1, 9), st.integers(1, 9), st.floats(0.0, 0.3)),
    promote=st.booleans(),
)
def test_a_batch_is_an_e_value_whatever_the_bet(guess, control, margin, arms, promote):
    null, (nt, nc, excess) = (margin if promote else 0.0), arms
    canary = min(1.0, control + margin + excess) if promote else max(0.0, control - excess)
    expected = sum(
        pt
        * pc
        * math.exp(log_e_counts(kt, nt, kc, nc, control_mean=guess, margin=margin, null=null))
        for kt, pt in enumerate(_binomial(nt, canary))
        for kc, pc in enumerate(_binomial(nc, control))
    )
    assert expected <= 1 + 1e-9


@given(
    arms=st.lists(st.booleans(), min_size=2, max_size=4),
    levels=st.lists(st.floats(0, 1 - MARGIN), min_size=1, max_size=3),
    guess=st.floats(0.001, 0.6),
    variances=st.tuples(st.floats(0.0, 0.25), st.floats(0.0, 0.25)),
    promote=st.booleans(),
)
def test_a_batch_of_bounded_losses_is_an_e_value_given_its_arms(
    arms, levels, guess, variances, promote
):
    """At the null's edge, where every canary unit loses as much more as the null allows."""
    null, supposed = (MARGIN, 0.0) if promote else (0.0, MARGIN)
    drawn = np.array(list(itertools.product(levels, repeat=len(arms))))
    assigned = np.tile(arms, (len(drawn), 1))
    logs = log_es_of_units(
        assigned, drawn + null * assigned, control_mean=np.full(len(drawn), guess),
        variance=np.tile(np.array(variances)[:, None], len(drawn)), null=null, supposed=supposed,
    )  # fmt: skip
    assert np.exp(logs).mean() <= 1 + 1e-9


def test_good_or_bad_losses_give_the_e_value_of_their_counts():
    rng = np.random.default_rng(3)
    assigned, bad = rng.random(400) < 0.25, rng.random(400) < 0.1
    counts = (
        int((assigned & bad).sum()), int(assigned.sum()),
        int((~assigned & bad).sum()), int((~assigned).sum()),
    )  # fmt: skip
    for null in (0.0, MARGIN):
        bet = {"control_mean": 0.1, "margin": MARGIN, "null": null}
        by_row = log_es_of_units(
            assigned[None], bad[None].astype(float), control_mean=np.array([0.1]), variance=None,
            null=null, supposed=0.0 if null else MARGIN,
        )[0]  # fmt: skip
        assert by_row == pytest.approx(log_e_counts(*counts, **bet), abs=1e-9)


def test_an_empty_arm_compares_nothing_and_teaches_the_bets():
    assert dual_counts([ArmCounts(0, 0, 50, 500)], MARGIN).log_promote == 0
    ramp = [ArmCounts(5, 50, 50, 500)]
    informed = dual_counts([ArmCounts(0, 0, 50, 500), *ramp], MARGIN)
    assert informed.log_promote != dual_counts(ramp, MARGIN).log_promote
    assert (informed.n_canary, informed.n_control) == (50, 1000)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5])
def test_clean_traffic_alone_promotes_at_any_share(share):
    before = ArmCounts(0, 0, 0, 1_000)
    batches = [ArmCounts(0, 20, 0, int(20 / share) - 20) for _ in range(8)]
    assert dual_counts([before, *batches[:7]], MARGIN).log_promote < TWENTY
    assert dual_counts([before, *batches], MARGIN).log_promote > TWENTY


def test_clean_traffic_promotes_without_history_in_one_batch():
    assert dual_counts([ArmCounts(0, 190, 0, 190)], MARGIN).log_promote > TWENTY


def test_a_failing_canary_is_rolled_back_within_a_few_errors():
    assert dual_counts([ArmCounts(4, 4, 0, 396)], MARGIN).log_rollback > TWENTY


@pytest.mark.parametrize(("harm", "side"), [(MARGIN, 0), (0.0, 1)])
def test_wrong_decisions_stay_rare_under_a_ramp_with_a_swinging_base(harm, side):
    rng = np.random.default_rng(11)
    runs, wrong = 300, 0
    ramp = np.repeat([0.01, 0.05, 0.25, 0.5], 8)
    base = 0.10 + 0.06 * np.sin(np.arange(ramp.size))
    for _ in range(runs):
        batches = []
        for share, p in zip(ramp, base, strict=True):
            nt = rng.binomial(600, share)
            batches.append(
                ArmCounts(rng.binomial(nt, p + harm), nt, rng.binomial(600 - nt, p), 600 - nt)
            )
        wrong += np.cumsum(log_es_of_batches(batches, dual_bets(MARGIN))[side]).max() >= TWENTY
    assert not _too_many(wrong, runs)


def test_an_equal_canary_is_promoted_with_about_the_rows_of_a_sequential_ratio_test():
    rng = np.random.default_rng(5)
    reached = []
    before = ArmCounts(0, 0, 100, 1_000)
    for _ in range(60):
        batches = [ArmCounts(rng.binomial(250, 0.1), 250, rng.binomial(250, 0.1), 250)
                   for _ in range(60)]  # fmt: skip
        level = np.cumsum(log_es_of_batches([before, *batches], dual_bets(MARGIN))[0])
        reached.append(
            250 * (1 + int(np.argmax(level >= TWENTY))) if level.max() >= TWENTY else 15_000
        )
    assert np.mean(reached) < 1.5 * 2_594


def _loss_batches(rng, *, shift, share=0.25, batches=12, units=400):
    made = []
    for _ in range(batches):
        assigned = rng.random(units) < share
        losses = np.clip(rng.beta(1.5, 8.5, units) + shift * assigned, 0, 1)
        made.append(LossBatch(assigned, losses))
    return made


def test_bounded_losses_are_decided_both_ways_and_seldom_wrongly():
    rng = np.random.default_rng(8)
    equal = [dual_values(_loss_batches(rng, shift=0.0), 0.03) for _ in range(150)]
    worse = [dual_values(_loss_batches(rng, shift=0.03), 0.03) for _ in range(150)]
    assert np.mean([d.log_promote >= TWENTY for d in equal]) > 0.8
    assert np.mean([d.log_rollback >= TWENTY for d in worse]) > 0.8
    assert not _too_many(sum(d.log_rollback >= TWENTY for d in equal), 150)
    assert not _too_many(sum(d.log_promote >= TWENTY for d in worse), 150)


def test_the_mean_of_e_values_ignores_no_guardrail_and_names_nan():
    assert mean_log_e([1_000.0, 0.0]) == pytest.approx(1_000 - math.log(2))
    assert math.isnan(mean_log_e([0.0, math.nan]))


def test_errors_alone_tell_a_rate_ratio():
    assert error_ratio_log_e(20, 20, share=0.5, ratio=2.0) < 0
    assert error_ratio_log_e(30, 10, share=0.5, ratio=2.0) > TWENTY
    assert error_ratio_log_e(5, 195, share=0.05, ratio=0.5, null_ratio=1.5) > TWENTY


def test_the_split_guard_finds_a_broken_split_and_spares_a_sound_one():
    rng = np.random.default_rng(2)
    assert ratio_mismatch_log_e(400, 5_000, 0.05) > TWENTY
    runs = 400
    units = rng.random((runs, 4_000)) < 0.05
    seen = np.arange(200, 4_001, 200)
    canary = units.cumsum(axis=1)[:, seen - 1]
    alarms = sum(
        any(
            ratio_mismatch_log_e(int(c), int(n), 0.05) >= TWENTY
            for c, n in zip(row, seen, strict=True)
        )
        for row in canary
    )
    assert not _too_many(alarms, runs)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ArmCounts(3, 2, 0, 0),
        lambda: ArmCounts(0, -1, 0, 0),
        lambda: control_and_canary_bets(math.nan, 0.02, 0.0, 0.5),
        lambda: control_and_canary_bets(0.1, 0.02, 0.01, 0.5),
        lambda: control_and_canary_bets(0.99, 0.02, 0.0, 0.5),
        lambda: control_and_canary_bets(0.1, 0.02, 0.0, 1.0),
        lambda: dual_counts([ArmCounts(0, 1, 0, 1)], math.nan),
        lambda: dual_counts([ArmCounts(0, 1, 0, 1, share=0.0)], 0.02),
        lambda: dual_values([LossBatch(np.array([True]), np.array([math.nan]))], 0.02),
        lambda: dual_values([LossBatch(np.array([True]), np.array([1.5]))], 0.02),
        lambda: dual_values([LossBatch(np.array([True, False]), np.array([0.5]))], 0.02),
        lambda: error_ratio_log_e(1, 1, share=0.5, ratio=math.nan),
        lambda: ratio_mismatch_log_e(5, 4, 0.5),
    ],
)
def test_figures_that_cannot_be_are_refused_by_name(call):
    with pytest.raises(ContractError):
        call()


def test_the_process_for_large_harm_is_blind_to_small_harm_and_finds_the_large():
    rng = np.random.default_rng(31)

    def rollback(excess):
        bad = rng.binomial(500, 0.1 + excess, 40), rng.binomial(500, 0.1, 40)
        batches = [ArmCounts(int(a), 500, int(b), 500) for a, b in zip(*bad, strict=True)]
        return rollback_of_counts(batches, MARGIN, floor=2 * MARGIN)

    assert max(rollback(0.02) for _ in range(40)) < TWENTY
    assert min(rollback(0.10) for _ in range(40)) > TWENTY


def test_the_same_on_losses_and_a_batch_without_a_split_only_teaches():
    rng = np.random.default_rng(32)
    units = rng.random(20_000) < 0.5
    bad = (rng.random(20_000) < np.where(units, 0.2, 0.1)).astype(float)
    days = [
        LossBatch(u, y) for u, y in zip(units.reshape(20, -1), bad.reshape(20, -1), strict=True)
    ]
    before = LossBatch(np.zeros(2_000, dtype=bool), (rng.random(2_000) < 0.1).astype(float))
    found = dual_values([before, *days], MARGIN, floor=2 * MARGIN)
    assert found.log_rollback > TWENTY
    assert found.n_canary + found.n_control == 20_000
    assert dual_values([before], MARGIN) == DualEvidence(0.0, 0.0, 0, 0)
    assert found.log_rollback > dual_values(days, MARGIN, floor=2 * MARGIN).log_rollback

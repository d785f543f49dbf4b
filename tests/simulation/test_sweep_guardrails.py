import numpy as np
import pytest

from simulation.sweep.guardrails import (
    GUARDRAILS,
    REACH,
    all_and_any,
    all_and_mean,
    guarded_of,
)
from simulation.sweep.rules import Limits
from simulation.sweep.worlds import BASE
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.guards import mean_log_e
from tests.fakes import dual_counts


def _evidence(guarded, world, looks):
    """What the gate's own functions say of each guardrail after so many looks."""
    found = []
    for g in range(GUARDRAILS):
        bad, n = (int(column[g, world]) for column in guarded.history)
        columns = (column[g, world, :looks].astype(int) for column in guarded.counts)
        ticks = [ArmCounts(*map(int, row)) for row in zip(*columns, strict=True)]
        found.append(dual_counts([ArmCounts(0, 0, bad, n), *ticks], Limits().margin))
    return [f.log_promote for f in found], [f.log_rollback for f in found]


@pytest.mark.parametrize("effect", [0.0, 0.02])
def test_the_verdict_is_the_first_that_the_gates_own_functions_give(effect):
    guarded = guarded_of(6, effect, np.random.default_rng(1))
    found = all_and_mean(guarded, Limits())
    bar = np.log(20)
    for world in range(6):
        looks = int(found.at[world]) + 1
        promote, rollback = _evidence(guarded, world, looks)
        assert found.promoted[world] == (min(promote) >= bar and mean_log_e(rollback) < bar)
        assert found.rolled_back[world] == (mean_log_e(rollback) >= bar)
        promote, rollback = _evidence(guarded, world, looks - 1)
        assert min(promote) < bar
        assert mean_log_e(rollback) < bar


def test_without_correction_equal_models_are_rolled_back_several_times_as_often():
    guarded, limits = guarded_of(300, 0.0, np.random.default_rng(2)), Limits()
    any_one = all_and_any(guarded, limits).rolled_back.mean()
    together = all_and_mean(guarded, limits).rolled_back.mean()
    assert together <= 0.09
    assert any_one > 2 * together
    assert any_one > 0.1


@pytest.mark.parametrize("effect", [-0.02, 0.0, 0.08])
def test_the_effect_hits_the_first_guardrail_alone(effect):
    counts = guarded_of(60, effect, np.random.default_rng(3)).counts
    rates = counts.canary_bad.sum(axis=(1, 2)) / counts.canary_n.sum(axis=(1, 2))
    assert rates[0] == pytest.approx(BASE + effect, abs=0.002)
    assert rates[1:] == pytest.approx(np.full(GUARDRAILS - 1, BASE), abs=0.002)
    assert REACH[0] <= effect <= REACH[1]


def test_the_guardrails_go_together():
    counts = guarded_of(60, 0.0, np.random.default_rng(4)).counts
    first, second = (counts.control_bad[g].ravel() / counts.control_n[g].ravel() for g in (0, 1))
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(0.25, abs=0.03)

import numpy as np
import pytest
from scipy.special import bdtrc

from simulation.sweep.gates import gate_4_false_passes
from simulation.sweep.pairs import pairs_of, period_evidence
from simulation.sweep.rules import Limits, production
from simulation.sweep.runs import ALL_WORLDS, Block, blocks, cells_of, fixed_n, interval, rules_of
from simulation.sweep.worlds import (
    BASE,
    SEGMENT_SHARE,
    TICKS,
    WORLDS,
    Traffic,
    reach_of,
    world_of,
)
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.periods import judge_periods
from tests.fakes import dual_counts

WORLDS_A_CELL = 200


def _too_many(share, runs, nominal=0.05):
    return bdtrc(round(share * runs) - 1, runs, nominal) < 0.001


def _cell(world, rule, effect, worlds=WORLDS_A_CELL):
    cells = {c.rule: c for c in cells_of(world, effect, worlds, 3, Limits())}
    return cells[rule]


def _of_the_gate(world, effect, rule="production"):
    """What one of the gate's own rules made of each world, without playing the others."""
    decide = rules_of(world)[rule]
    found = [decide(b.shown, Limits()) for b in blocks(world, effect, WORLDS_A_CELL, 3)]
    return (np.concatenate([getattr(f, end) for f in found]) for end in ("promoted", "rolled_back"))


@pytest.mark.parametrize("world", ALL_WORLDS)
def test_the_gate_is_seldom_wrong_in_any_world(world):
    promoted, _ = _of_the_gate(world, Limits().margin)
    assert not _too_many(promoted.mean(), WORLDS_A_CELL)
    _, rolled_back = _of_the_gate(world, 0.0)
    assert not _too_many(rolled_back.mean(), WORLDS_A_CELL)


def test_by_period_too_a_user_who_returns_is_counted_once():
    promoted, _ = _of_the_gate("returning-users", Limits().margin, "by-period")
    assert not _too_many(promoted.mean(), WORLDS_A_CELL)
    _, rolled_back = _of_the_gate("returning-users", 0.0, "by-period")
    assert not _too_many(rolled_back.mean(), WORLDS_A_CELL)


def test_large_harm_is_found_within_the_requests_of_a_fixed_test():
    cell = _cell("iid", "production", 2.0)
    assert cell.p_rollback_in_fixed_n >= 0.97
    assert cell.mean_requests < fixed_n(Limits())


@pytest.mark.parametrize("world", ["iid", "intra-user", "daily"])
def test_a_margin_of_any_size_is_judged_as_gate_5_judges_it(world):
    cells = cells_of(world, 2.0, 10, 3, Limits(margin=0.4))
    assert {c.rule: c.p_rollback for c in cells if c.rule in {"production", "by-period"}} == {
        rule: 1.0 for rule in rules_of(world) if rule in {"production", "by-period"}
    }


def test_peeking_and_labels_so_far_mislead_the_rules_of_today():
    assert _too_many(_cell("iid", "z-peek", 0.0).p_rollback, WORLDS_A_CELL)
    assert _too_many(_cell("iid", "fixed-limit", 0.0).p_rollback, WORLDS_A_CELL)
    assert _cell("delayed", "z-peek", 1.0).p_promote > 0.9


def test_the_evidence_of_many_worlds_is_that_of_each_alone():
    limits, traffic = Limits(), world_of("iid", 8, 0.02, np.random.default_rng(1))
    found = production(traffic, limits)
    bad, n = traffic.history
    for i in range(8):
        end = int(found.at[i]) + 1
        rows = zip(*(column[i, :end].astype(int) for column in traffic.matured), strict=True)
        before = ArmCounts(0, 0, int(bad[i]), int(n[i]))
        dual = dual_counts([before, *(ArmCounts(*map(int, row)) for row in rows)], limits.margin)
        crossed = dual.log_rollback if found.rolled_back[i] else dual.log_promote
        assert crossed >= np.log(20)


def test_the_evidence_of_pairs_is_that_of_gate_5_at_every_length():
    means = pairs_of("paired-day", 3, 0.01, np.random.default_rng(2)).means
    promote, rollback = period_evidence(means, 0.02)
    for k in (1, 2, 3, 17, 40):
        found = judge_periods(means[1, :k], 0.02, 3)
        assert (promote[1, k - 1], rollback[1, k - 1]) == pytest.approx(
            (found.log_promote, found.log_rollback), abs=1e-9
        )


def test_gate_4_seldom_passes_a_model_worse_by_the_margin():
    passed = gate_4_false_passes(60, 50, 400, np.random.default_rng(4), Limits())
    assert not _too_many(passed / 400, 400)


def test_a_seed_gives_its_cells_again_and_another_seed_others():
    first, again = (cells_of("iid", 0.0, 150, 5, Limits()) for _ in range(2))
    assert first == again
    assert first != cells_of("iid", 0.0, 150, 6, Limits())


def test_worlds_come_in_blocks_so_that_memory_does_not_grow():
    sizes = [len(block.requests) for block in blocks("iid", 0.0, 250, 1)]
    assert sizes == [100, 100, 50]


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("margins", [-1, 4])
def test_every_world_shows_counts_that_can_be(name, margins):
    traffic = world_of(name, 3, 0.02 * margins, np.random.default_rng(0))
    for counts in (traffic.matured, traffic.seen):
        assert (counts.canary_bad <= counts.canary_n).all()
        assert (counts.control_bad <= counts.control_n).all()
        assert min(column.min() for column in counts) >= 0
    assert (traffic.canary <= traffic.requests).all()
    low, high = reach_of(name)
    assert low <= -0.02 + 1e-9
    assert high >= 0.08 - 1e-9


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("effect", [-0.02, 0.0, 0.04])
def test_the_mean_effect_of_a_world_is_what_it_says(name, effect):
    shown = [world_of(name, 50, effect, np.random.default_rng(n)) for n in range(8)]
    seen = [_difference(traffic) for traffic in shown]
    spread = np.std(seen, ddof=1) / len(seen) ** 0.5
    assert abs(np.mean(seen) - effect) < max(4.5 * spread, 1e-3)


def _difference(traffic: Traffic) -> float:
    """Difference of the bad rates, each tick weighed by what it can say about it."""
    bad_1, n_1, bad_0, n_0 = traffic.matured
    rows = n_1 * n_0 / np.maximum(n_1 + n_0, 1)
    differences = bad_1 / np.maximum(n_1, 1) - bad_0 / np.maximum(n_0, 1)
    return float((rows * differences).sum() / rows.sum())


def test_a_segment_bug_leaves_the_other_segments_alone():
    worlds = world_of("segment-bug", 100, 0.08, np.random.default_rng(3))
    n = worlds.matured.canary_n.sum()
    worst = worlds.matured.canary_bad.sum() / n
    # Everything in the segment is bad by now, so what is left over is the others' own rate.
    assert (worst - SEGMENT_SHARE) == pytest.approx(BASE - 0.02, abs=4 * (0.09 / n) ** 0.5)


def test_harm_is_the_extra_bad_outcomes_of_canary_users_and_never_negative():
    worse, better = (_cell("iid", "production", effect, 100) for effect in (2.0, -1.0))
    assert worse.harmed == pytest.approx(0.04 * worse.canary_requests)
    assert 0.4 < worse.canary_requests / worse.mean_requests < 0.6
    assert better.harmed == 0.0
    assert _cell("paired-iid", "production", 2.0, 100).harmed == 0.0


def test_every_cell_says_how_sure_it_is():
    for cell in cells_of("ramp", 0.5, 60, 3, Limits()):
        for name in ("p_promote", "p_rollback", "p_undecided"):
            hits = round(getattr(cell, name) * 60)
            assert (getattr(cell, f"{name}_low"), getattr(cell, f"{name}_high")) == interval(
                hits, 60
            )
        assert cell.mean_requests_low <= cell.mean_requests <= cell.mean_requests_high
        assert cell.p_promote + cell.p_rollback + cell.p_undecided == pytest.approx(1)
        assert 1 <= cell.mean_looks <= TICKS


def test_other_limits_are_asked_of_every_rule():
    strict = {c.rule: c for c in cells_of("iid", 0.0, 60, 3, Limits(0.04, 0.001, 0.2))}
    usual = {c.rule: c for c in cells_of("iid", 0.0, 60, 3, Limits(0.04))}
    assert strict["production"].mean_requests > usual["production"].mean_requests
    assert strict["z-peek"].p_rollback > usual["z-peek"].p_rollback


def test_a_block_is_small_whatever_the_world():
    for name in ALL_WORLDS:
        (block,) = blocks(name, 0.0, 2, 1)
        assert isinstance(block, Block)
        assert block.requests.shape == block.canary.shape

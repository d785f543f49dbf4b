import json

import numpy as np
import pytest
from scipy.special import bdtrc
from typer.testing import CliRunner

from cli.main import app
from simulation.sweep_figures import figures_of_cells
from simulation.sweep_gates import gate_4_false_passes
from simulation.sweep_pairs import pairs_of, period_evidence
from simulation.sweep_rules import Limits, production
from simulation.sweep_runs import FIXED_N, blocks, interval, sweep
from simulation.sweep_worlds import WORLDS, world_of
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.statistics.counts import ArmCounts, dual_counts
from sixgates.gates.statistics.periods import judge_periods

WORLDS_A_CELL = 200
SOUND = ("iid", "open-day", "ramp", "intra-user", "returning-users", "delayed", "stops",
         "paired-iid", "paired-wave", "paired-day", "paired-ar")  # fmt: skip


def _too_many(share, runs, nominal=0.05):
    return bdtrc(round(share * runs) - 1, runs, nominal) < 0.001


def _cell(world, rule, effect, worlds=WORLDS_A_CELL):
    cells = {c.rule: c for c in sweep(worlds, 3, [world], [effect])}
    return cells[rule]


@pytest.mark.parametrize("world", SOUND)
def test_the_gate_is_seldom_wrong_in_any_world_it_is_made_for(world):
    assert not _too_many(_cell(world, "production", 1.0).p_promote, WORLDS_A_CELL)
    assert not _too_many(_cell(world, "production", 0.0).p_rollback, WORLDS_A_CELL)


def test_large_harm_is_found_within_the_requests_of_a_fixed_test():
    cell = _cell("iid", "production", 2.0)
    assert cell.p_rollback_in_fixed_n >= 0.97
    assert cell.mean_requests < FIXED_N


def test_peeking_and_labels_so_far_mislead_the_rules_of_today():
    assert _too_many(_cell("iid", "z-peek", 0.0).p_rollback, WORLDS_A_CELL)
    assert _too_many(_cell("iid", "fixed-limit", 0.0).p_rollback, WORLDS_A_CELL)
    assert _cell("delayed", "z-peek", 1.0).p_promote > 0.9


def test_the_evidence_of_many_worlds_is_that_of_each_alone():
    limits, traffic = Limits(), world_of("iid", 8, 0.02, np.random.default_rng(1))
    found = production(traffic, limits)
    for i in range(8):
        end = int(found.at[i]) + 1
        rows = zip(*(column[i, :end].astype(int) for column in traffic.matured), strict=True)
        dual = dual_counts([ArmCounts(*map(int, row)) for row in rows], limits.margin)
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


def test_a_seed_gives_its_table_again_and_another_seed_another():
    first, again = (list(sweep(150, 5, ["iid"], [0.0])) for _ in range(2))
    assert first == again
    assert first != list(sweep(150, 6, ["iid"], [0.0]))


def test_worlds_come_in_blocks_so_that_memory_does_not_grow():
    sizes = [len(requests) for _, requests in blocks("iid", 0.0, 250, 1)]
    assert sizes == [100, 100, 50]


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_shows_counts_that_can_be(name):
    traffic = world_of(name, 3, -0.02, np.random.default_rng(0))
    for counts in (traffic.matured, traffic.seen):
        assert (counts.canary_bad <= counts.canary_n).all()
        assert (counts.control_bad <= counts.control_n).all()
        assert min(column.min() for column in counts) >= 0


def test_a_figure_is_missed_only_when_its_whole_interval_lies_above_the_bound():
    low, high = interval(30, 200)
    assert low < 0.15 < high
    cells = list(sweep(100, 3, ["daily"], [0.0]))
    (figure,) = figures_of_cells(cells)
    assert figure.name == "P(roll back | effect 0), daily"
    assert figure.ok == (figure.low <= 0.05)


def test_a_world_of_no_known_name_is_refused():
    with pytest.raises(ConfigurationError, match="no world is called 'mars'"):
        list(sweep(1, 1, ["mars"], [0.0]))


def test_the_command_prints_cells_and_figures_as_json():
    arguments = ["sweep", "--worlds", "20", "--seed", "3", "--world", "ramp", "--effect", "1"]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    assert {cell["rule"] for cell in printed["cells"]} >= {"production", "mixture-sprt"}
    assert printed["figures"][0]["bound"] == 0.05
    shown = CliRunner().invoke(app, arguments)
    assert "kept" in shown.stdout
    refused = CliRunner().invoke(app, ["sweep", "--worlds", "1", "--effect", "99"])
    assert refused.exit_code == 2

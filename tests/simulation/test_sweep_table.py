import math
from pathlib import Path

import pytest

from simulation.sweep import figures
from simulation.sweep.figures import figures_of_cells, gate_4_figure, peak_memory, speed_figure
from simulation.sweep.plan import EFFECTS, TOLD, plan
from simulation.sweep.rules import Limits
from simulation.sweep.runs import ALL_WORLDS, cells_of, rules_of
from simulation.sweep.table import Wanted, play_sweep, sweep_of
from sixgates.gates.errors import ConfigurationError


def test_the_full_table_is_every_world_at_every_effect():
    found = plan([], EFFECTS, Limits())
    assert set(found.cells) == {(world, effect) for world in ALL_WORLDS for effect in EFFECTS}
    assert found.left_out == ()
    assert set(TOLD) == set(ALL_WORLDS)


def test_a_world_of_no_known_name_is_refused():
    with pytest.raises(ConfigurationError, match="no scenario is called 'mars': choose from iid"):
        plan(["mars"], [0.0], Limits())


def test_what_a_world_cannot_have_is_left_out_by_name():
    found = plan(["iid", "segment-bug"], [0.0, 10.0], Limits())
    assert found.cells == (("iid", 0.0), ("iid", 10.0), ("segment-bug", 0.0))
    assert found.left_out == (
        "segment-bug cannot have an effect of 10 margins: choose from -1 to 4",
    )
    with pytest.raises(ConfigurationError, match="nothing can be played: iid cannot have"):
        plan(["iid"], [99.0, math.nan], Limits())


def test_a_margin_that_no_world_of_that_length_can_decide_is_named():
    found = plan(["iid", "paired-iid"], [0.0], Limits(margin=0.006))
    assert found.cells == (("paired-iid", 0.0),)
    assert found.left_out[0].startswith("iid holds 40,000 requests, too few to decide about a")


def test_a_margin_beyond_what_can_happen_is_named():
    with pytest.raises(ConfigurationError, match="segment-bug cannot be worse by a margin"):
        plan(["segment-bug"], [0.0], Limits(margin=0.2))


def test_chosen_scenarios_are_played_alone():
    planned = sweep_of(Wanted(40, 3, ["ramp"], [1.0]))
    assert len(planned) == 1
    told = []
    swept = play_sweep(planned, processes=1, told=told.append)
    assert [task.name for task in told] == ["ramp, effect 1 m"]
    assert {cell.rule for cell in swept.cells} == set(rules_of("ramp"))
    assert [figure.name for figure in swept.figures] == ["P(promote | effect m), ramp"]


def test_the_whole_sweep_also_measures_the_gates_the_speed_and_the_memory():
    planned = sweep_of(Wanted(40, 3))
    names = [task.name for task in (*planned.gates, *planned.alone)]
    assert names[:2] == ["gate 4, 60 x 50", "gate 4, 400 x 10"]
    assert names[-2:] == ["speed", "memory"]


def test_a_figure_is_missed_only_when_its_whole_interval_lies_above_the_bound():
    limits = Limits()
    (figure,) = figures_of_cells(cells_of("daily", 0.0, 100, 3, limits), limits)
    assert figure.name == "P(roll back | effect 0), daily"
    assert figure.ok == (figure.low <= 0.05)


@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_gate_4_is_held_against_the_error_rate_that_it_is_asked_for(monkeypatch, alpha):
    monkeypatch.setattr(figures, "_GATE_4_WORLDS", 1_000)
    figure = gate_4_figure(60, 50, 3, Limits(alpha=alpha))
    assert (figure.bound, figure.ok) == (alpha, True)
    monkeypatch.setattr(figures, "gate_4_false_passes", lambda *_: round(2 * alpha * 1_000))
    assert not gate_4_figure(60, 50, 3, Limits(alpha=alpha)).ok


def test_what_the_gate_asks_is_held_against_what_wald_asks():
    limits = Limits(margin=0.03)
    (cell,) = [c for c in cells_of("iid", 0.0, 20, 3, limits) if c.rule == "production"]
    found = {f.name: f for f in figures_of_cells([cell], limits)}
    figure = found["mean requests / Wald, effect 0, iid"]
    assert figure.value == cell.mean_requests / cell.wald_requests
    assert figure.bound == 1.15


def test_the_speed_is_that_of_worlds_judged_to_their_end():
    assert speed_figure(3, Limits()).value > 20


def test_peak_memory_is_a_number_of_bytes():
    assert 2e7 < peak_memory(20, 3, Limits()) < 1e10


def test_the_reference_names_every_world_and_every_rule():
    reference = (Path(__file__).parents[2] / "docs/reference/cli.md").read_text()
    for world in ALL_WORLDS:
        for name in (world, *rules_of(world)):
            assert f"`{name}`" in reference, name

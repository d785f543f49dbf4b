"""The sweep of triage plays what the watch sees, and counts where it sent it."""

from types import SimpleNamespace

import numpy as np
import pytest

from simulation.sweep.pool import Task
from simulation.sweep.triage import episodes
from simulation.sweep.triage.episodes import Episode
from simulation.sweep.triage.kinds import BROKEN, MOVED, UNTELLABLE, Stage
from simulation.sweep.triage.shapes import FEWEST_ROWS, MOST_ROWS, SMALL_UNITS, UNITS, draw_table
from simulation.sweep.triage.table import plan_triage, play_triage, upper_bound
from simulation.sweep.triage.tables import ENTITY, LABEL, TIME
from sixgates.gates.drift.look import Fault
from sixgates.gates.drift.units import LEAST_FACTOR

SMALL = 3
"""Seed whose first table is narrow and has few rows."""


def rng(seed=1):
    return np.random.default_rng(seed)


def episode(kind, *called, after=None, asked=None):
    return Episode(0, "narrow", kind, "", called, after, asked)


def played(*some):
    return play_triage([Task("all", list, (list(some),))], processes=1, told=lambda _: None)


def row(sweep, kind):
    found = next(row for row in sweep.matrix if row.kind == kind)
    return found.named, found.other, found.asks, found.nothing


def test_every_episode_is_in_one_column():
    sweep = played(
        episode("null burst", "null burst", after=1),
        episode("null burst", "stale batch", "null burst", after=3),
        episode("null burst", "stale batch", after=2),
        episode("null burst", "null burst", after=3, asked=2),
        episode("null burst", asked=4),
        episode("null burst"),
        episode("shift", "unit change", after=4, asked=2),
        episode("shift", asked=2),
        episode("nothing"),
    )
    assert row(sweep, "null burst") == (2, 1, 2, 1)
    assert row(sweep, "shift") == (0, 1, 1, 0)
    assert row(sweep, "nothing") == (0, 0, 0, 1)
    assert all(r.episodes == r.named + r.other + r.asks + r.nothing for r in sweep.matrix)
    assert [e.asked_after for e in sweep.wrong] == [2, 4, 2]
    assert sweep.matrix[-1].by == {}


@pytest.mark.parametrize(
    ("broken", "moved", "kept"), [(1, 5, (True, True)), (2, 6, (False, False)), (0, 0, (True,) * 2)]
)
def test_a_figure_is_missed_beyond_its_bound(broken, moved, kept):
    sweep = played(
        *[episode("stale batch", asked=1)] * broken,
        *[episode("stale batch", "stale batch", after=1)] * (100 - broken),
        *[episode("season", "null burst", after=1)] * moved,
        *[episode("season", asked=1)] * (100 - moved),
        *[episode("unit change below five", asked=1)] * 50,
        *[episode("nothing", "null burst", after=1)] * 50,
    )
    to_retrain, to_owner = sweep.figures
    assert (to_retrain.value, to_retrain.bound) == (broken / 100, 0.01)
    assert (to_owner.value, to_owner.bound) == (moved / 100, 0.05)
    assert (to_retrain.ok, to_owner.ok) == kept
    assert to_retrain.high > to_retrain.value


def test_without_an_episode_no_figure_is_kept():
    assert [(figure.ok, figure.high) for figure in played().figures] == [(False, 1.0)] * 2


def test_the_bound_of_a_share_is_seldom_below_it():
    bounds = [upper_bound(int(hits), 200) for hits in rng().binomial(200, 0.03, 4_000)]
    assert np.mean([bound >= 0.03 for bound in bounds]) >= 0.94
    assert upper_bound(5, 5) == 1.0


def test_the_same_seed_gives_the_same_episodes_each_with_what_came_of_it(monkeypatch):
    for name, kept in (("BROKEN", Fault.SCHEMA), ("MOVED", "shift"), ("UNTELLABLE", None)):
        draws = getattr(episodes, name)
        monkeypatch.setattr(episodes, name, {k: v for k, v in draws.items() if k == kept})
    found = episodes.episodes_of(0, SMALL)
    assert found == episodes.episodes_of(0, SMALL)
    schema, shifted, nothing = found
    assert (schema.called, schema.called_after, schema.asked_after) == (("schema break",), 1, None)
    assert "SchemaBreak" in schema.change
    assert shifted.called == ()
    assert 1 < shifted.asked_after <= episodes.EPISODE
    assert (nothing.kind, nothing.called, nothing.asked_after) == ("nothing", (), None)


def test_what_befalls_a_table_is_drawn_by_another_chance_than_the_table(monkeypatch):
    streams = []

    def drawn(*given):
        streams.append(given[-1].bit_generator.state["state"]["inc"])

    for name in ("BROKEN", "MOVED", "UNTELLABLE", "QUIET"):
        monkeypatch.setattr(episodes, name, dict.fromkeys(getattr(episodes, name), drawn))
    monkeypatch.setattr(episodes, "draw_table", drawn)
    monkeypatch.setattr(episodes, "_champion", lambda *_: SimpleNamespace(table=None, calm=None))
    for table in range(3):
        episodes.episodes_of(table, SMALL)
    assert len(set(streams)) == len(streams) > 3 * len({**BROKEN, **MOVED})


def test_the_plan_is_a_task_for_each_table():
    assert [task.arguments for task in plan_triage(2, SMALL)] == [(0, SMALL), (1, SMALL)]


def test_tables_of_all_shapes_are_drawn_with_the_rows_they_say():
    tables = [draw_table(rng(seed)) for seed in range(12)]
    assert {table.shape for table in tables} == {"loans", "machine", "shop", "narrow"}
    for table in tables:
        assert FEWEST_ROWS <= table.rows <= MOST_ROWS
        df = table.frame(0, 7, rng(), times=2.0)
        assert df.columns == [TIME, ENTITY, *(c.name for c in table.columns), LABEL]
        assert df[TIME].is_sorted()
        days = df.group_by(df[TIME].dt.truncate("1d")).len().sort(TIME)["len"]
        assert days[:6].mean() == pytest.approx(2 * table.rows, rel=0.2)
        assert days[6] == pytest.approx(2 * table.rows * table.sunday, rel=0.3)


@pytest.mark.parametrize("kind", [*BROKEN, *UNTELLABLE, *MOVED])
def test_what_befalls_a_table_can_befall_it(kind):
    draw = {**BROKEN, **UNTELLABLE, **MOVED}[kind]
    for seed in range(6):
        table = draw_table(rng(seed))
        history = table.frame(0, 2, rng(seed))
        happening = draw(Stage(table, history, 1.0, 2), rng(seed))
        if happening is None:
            assert kind in {Fault.UNIT, Fault.SWAP, *UNTELLABLE, "growth", "coupling"}
        elif happening.change is not None:
            days = (history[TIME].dt.epoch("s") / 86_400).to_numpy()
            changed = happening.change.apply(history, days - days.min(), rng(seed))
            assert not changed.equals(history)
        else:
            assert 0.5 <= happening.times <= 2.0


def test_a_unit_that_growth_explains_is_in_no_figure():
    sizes = {name: [max(f, 1 / f) for f, _ in units if f > 0] for name, units in UNITS.items()}
    del sizes["celsius"]
    assert min(size for some in sizes.values() for size in some) > LEAST_FACTOR
    assert max(f for units in SMALL_UNITS.values() for f, _ in units) < LEAST_FACTOR

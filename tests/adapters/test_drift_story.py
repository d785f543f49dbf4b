import json
import re
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from sixgates.adapters.drift_figure import draw_shape, is_even
from sixgates.adapters.drift_story import drifted
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.gates.drift.look import Look
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.groups import window_of
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step, Version
from tests.references import reference_of

NOW = datetime(2026, 2, 8)  # noqa: DTZ001 - naive UTC
ALERT = Entry(
    7, "tiny", Kind.ALERT, "", NOW, NOW, "watch", "inputs moved",
    {"window": NOW.isoformat(), "features": ["a"]},
)  # fmt: skip


def route(epoch, digest, at=NOW - timedelta(days=9)):
    return Route("tiny", epoch, Step.COLD_START, Version(str(epoch), digest), None, "r", at, "me",
                 "why")  # fmt: skip


@pytest.fixture
def store(tmp_path):
    """A model whose watch saw `a` grow by ten in the window to NOW."""
    rows = pl.DataFrame({"a": [float(n % 50) for n in range(500)], "b": ["x", "y"] * 250})
    reference = reference_of(rows, ["a"], ["b"], NOW)
    profile = reference.profile
    later = profile_frame(rows.with_columns(pl.col("a") + 10), ["a"], ["b"], like=profile)
    look = Look(window_of(later, profile, NOW - timedelta(days=1), NOW))
    store = ReferenceStore(tmp_path)
    store.put("tiny", "old", reference)
    store.put_looks("tiny", "old", [look])
    return store


def test_an_alert_is_drawn_from_what_the_watch_kept_of_the_model_that_served_then(store):
    told = drifted(store, [route(1, "old"), route(2, "newer", NOW + timedelta(days=3))], ALERT)
    assert [shape["feature"] for shape in told["drift"]] == ["a", "b"]
    moved = told["drift"][0]
    assert moved["index"] > 0.1
    assert {out.what: out.window for out in moved["outside"]} == {"above the range": 0.2}
    assert told["undrawn"] == ""
    assert json.loads(json.dumps(told))["drift"][1]["levels"] == ["x", "y"]


@pytest.mark.parametrize(
    ("alert", "routes", "why"),
    [
        (replace(ALERT, body={}), [route(1, "old")], "names no window"),
        (replace(ALERT, body={"window": "2026-02-07T00:00:00"}), [route(1, "old")], "no look at"),
        (ALERT, [route(1, "gone")], "no look at the window to 2026-02-08"),
        (ALERT, [], "no look at"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_breaks_no_page(store, alert, routes, why):
    told = drifted(store, routes, alert)
    assert told["drift"] == []
    assert why in told["undrawn"]


def test_a_feature_is_drawn_by_value_or_by_group_where_one_value_holds_nearly_all(store):
    moved = drifted(store, [route(1, "old")], ALERT)["drift"][0]
    assert re.findall(">([^<]+)</text>", draw_shape(moved, "x")) == ["0", "15", "30", "45"]
    usual = tuple(0.9 if n == 1 else 0.1 / 19 for n in range(20))
    edges = (0.0, 1.0, 1.001, *(float(n * n) for n in range(2, 20)))
    spiky = moved | {"edges": edges, "reference": usual, "window": usual}
    assert is_even(spiky)
    assert not is_even(moved)
    by_group = re.findall(">([^<]+)</text>", draw_shape(spiky, "y"))
    assert by_group[-1] == "361"  # the last edge, which the middle would leave out


def test_whole_numbers_are_marked_by_whole_numbers(store):
    moved = drifted(store, [route(1, "old")], ALERT)["drift"][0]
    few = moved | {"edges": (-0.5, 0.5, 1.5), "reference": (0.5, 0.5), "window": (0.1, 0.9)}
    assert re.findall(">([^<]+)</text>", draw_shape(few, "x")) == ["0", "1"]
    halves = few | {"edges": (0.0, 0.5, 1.0)}
    assert "0.25" in re.findall(">([^<]+)</text>", draw_shape(halves, "y"))


def test_levels_are_drawn_with_both_shares_and_whatever_they_are_called(store):
    level = drifted(store, [route(1, "old")], ALERT)["drift"][1]
    drawn = draw_shape(level | {"levels": ("<script>", "a very long name of a level")}, "z")
    assert "<script>" not in drawn
    assert "&lt;script&gt;" in drawn
    assert "a very long nam…" in drawn
    assert drawn.count("50% → 50%") == 2

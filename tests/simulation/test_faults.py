"""Faults spoil what the lake holds, skews what live requests carry; neither changes the world."""

from datetime import datetime

import polars as pl
import pytest

from simulation.drift import Shift, ShiftKind
from simulation.faults import Garbage, Leak, OneCustomer, Poisoned, WrongLabels, as_stored
from simulation.feeds import VolumeCollapse
from simulation.skew import SKEWS, ServeSkew
from simulation.world import World
from sixgates.gates.errors import ConfigurationError

WORLD = World(seed=5, start=datetime(2026, 1, 5), days=20, rows_per_day=200)  # noqa: DTZ001 - naive UTC
FRAME = WORLD.frame()


def stored(*faults):
    return as_stored(FRAME, WORLD.start, faults, seed=5)


def test_garbage_hits_the_share_of_rows_from_its_day_on():
    rows = stored(Garbage(from_day=15, share=0.5))
    assert rows.head(15 * 200).equals(FRAME.head(15 * 200))
    hit = rows.tail(5 * 200)["debt_ratio"] == 99
    assert hit.mean() == pytest.approx(0.5, abs=0.06)
    spoilt = rows.tail(5 * 200).filter(hit)
    assert (spoilt["income"] < 0).all()
    assert (spoilt["debt_ratio"] == 99).all()


def test_garbage_can_end():
    rows = stored(Garbage(from_day=5, share=1.0, until_day=6))
    assert (rows["debt_ratio"] == 99).sum() == 200


def test_wrong_labels_leave_no_trace_in_any_column():
    rows = stored(WrongLabels(from_day=5, until_day=15, share=1.0))
    assert rows.drop("defaulted").equals(FRAME.drop("defaulted"))
    assert rows["defaulted"].sum() == FRAME["defaulted"].sum()
    within = slice(5 * 200, 15 * 200)
    assert 0.2 < (rows["defaulted"][within] != FRAME["defaulted"][within]).mean() < 0.6
    outside = pl.concat([rows.head(5 * 200), rows.tail(5 * 200)])
    assert outside.equals(pl.concat([FRAME.head(5 * 200), FRAME.tail(5 * 200)]))


def test_the_same_rows_are_hit_whatever_happens_in_them():
    moved = World(5, WORLD.start, 20, 200, (Shift(ShiftKind.CONCEPT, 3, 2.0, "age"),))
    fault = (Garbage(from_day=0, share=0.3),)
    other = as_stored(moved.frame(), WORLD.start, fault, seed=5)
    assert other["region"].is_null().equals(stored(*fault)["region"].is_null())


@pytest.mark.parametrize("name", sorted(SKEWS))
def test_a_skew_begins_on_its_day_and_keeps_rows_and_order(name):
    skew = ServeSkew(name, from_day=12)
    sent = skew.since(WORLD.moment(skew.from_day))(FRAME)
    assert sent["ts"].equals(FRAME["ts"])
    assert sent.head(12 * 200).equals(FRAME.head(12 * 200))
    assert not sent.tail(8 * 200).equals(FRAME.tail(8 * 200))


def test_a_skew_that_is_not_registered_is_refused():
    with pytest.raises(ConfigurationError, match="no-inquiries"):
        ServeSkew("no-such-skew", from_day=0)


def test_poisoned_labels_hide_every_default_of_one_product():
    rows = stored(Poisoned(5, "product", "cash", until_day=15))
    assert rows.drop("defaulted").equals(FRAME.drop("defaulted"))
    moved = rows.filter(rows["defaulted"] != FRAME["defaulted"])
    assert set(moved["product"]) == {"cash"}
    within = rows.slice(5 * 200, 10 * 200).filter(pl.col("product") == "cash")
    assert within["defaulted"].sum() == 0
    assert moved["ts"].min() >= WORLD.moment(5)
    assert moved["ts"].max() < WORLD.moment(15)


def test_a_leak_tells_the_label_from_its_day_on():
    rows = stored(Leak(from_day=10))
    assert rows.head(10 * 200).equals(FRAME.head(10 * 200))
    later = rows.tail(10 * 200)
    assert ((later["inquiries"] == 40) == (later["defaulted"] == 1)).all()


def test_a_fault_meets_the_rows_that_one_before_it_has_left():
    rows = stored(VolumeCollapse(from_day=0, share=0.5), Garbage(from_day=15, share=1.0))
    assert rows.height == pytest.approx(FRAME.height / 2, rel=0.05)
    assert ((rows["debt_ratio"] == 99) == (rows["ts"] >= WORLD.moment(15))).all()


def test_one_customer_asks_for_many_rows_from_a_day_on():
    rows = stored(OneCustomer(from_day=10, share=0.5))
    assert rows.drop("customer").equals(FRAME.drop("customer"))
    own = rows["customer"] == "broker"
    assert own.head(10 * 200).sum() == 0
    assert own.tail(10 * 200).mean() == pytest.approx(0.5, abs=0.05)

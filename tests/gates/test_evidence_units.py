"""Sticky units: what decides counts each once, in the first period it is seen in a split."""

import pytest

from sixgates.gates.evidence import Trial, gather
from sixgates.gates.statistics.counts import ArmCounts
from tests.fakes import day, known, said, tiny_project


def served(request, arm, entity, at, epoch=2, **more):
    version = "2" if arm == "canary" else "1"
    return {"request": request, "arm": arm, "version": version, "values": (0.5,),
            "entity": entity, "at": at, "epoch": epoch, **more}  # fmt: skip


def seen(rows, shares, *, now=9):
    labels = known(*((row["request"], 0, row["at"] + 0.1) for row in rows))
    return gather(
        tiny_project(), Trial("2", "1", shares, max(shares)), said(*rows), labels, now=day(now),
        slow_ms=1.0,
    )  # fmt: skip


RETURNING = [
    served("a", "canary", "ann", 0.5),
    served("b", "champion", "bob", 0.6),
    served("c", "canary", "ann", 1.5),
    served("d", "champion", "eve", 1.6),
]


def arms(batch):
    return int(batch.assigned.sum()), batch.assigned.size


def test_a_unit_that_returns_is_no_further_evidence_about_the_loss():
    found = seen(RETURNING, {2: 0.25})
    assert [arms(batch) for batch in found.losses.once] == [(1, 2), (0, 1)]
    assert [arms(batch) for batch in found.losses.every] == [(1, 2), (1, 2)]
    assert found.split_means.size == 1  # on the second day no canary unit is new


def test_a_unit_that_changes_its_arm_with_the_share_counts_where_it_was_first():
    rows = [
        served("a", "champion", "ann", 0.5, epoch=1),
        served("b", "canary", "ann", 1.5, epoch=2),
    ]
    (batch,) = seen(rows, {1: 0.25, 2: 0.5}).losses.once
    assert not batch.assigned.any()


def test_errors_count_a_unit_once_and_beside_it_all_rows():
    rows = [dict(row) for row in RETURNING]
    rows[2]["error"] = "boom"  # ann again, on the second day
    rows.append(served("e", "champion", "eve", 1.7, error="boom"))
    found = seen(rows, {2: 0.25})
    # ann was good when she was new; eve is bad because one of her two requests was
    assert found.errors.once == (ArmCounts(0, 1, 0, 1), ArmCounts(0, 0, 1, 1))
    assert found.errors.every == (ArmCounts(0, 1, 0, 1), ArmCounts(1, 1, 1, 2))


def test_slow_answers_count_in_the_same_way():
    rows = [dict(row, micros=5_000.0 if row["request"] == "c" else 10.0) for row in RETURNING]
    found = seen(rows, {2: 0.25})
    assert sum(b.canary_bad for b in found.slow.once) == 0
    assert sum(b.canary_bad for b in found.slow.every) == 1


def test_the_pace_of_new_units_is_that_of_the_present_epoch():
    late = [
        served("f", "canary", "zoe", 2.5, epoch=3),
        served("g", "champion", "bob", 2.6, epoch=3),
    ]
    assert seen(RETURNING, {2: 0.25}).units_per_period == pytest.approx(1.5)
    assert seen([*RETURNING, *late], {2: 0.25, 3: 0.5}).units_per_period == pytest.approx(1.0)

"""The split's losses count a unit once: its arm is random only the first time it is seen."""

import pytest

from sixgates.gates.evidence import Trial, gather
from tests.fakes import day, known, said, tiny_project


def served(request, arm, entity, at, epoch=2):
    version = "2" if arm == "canary" else "1"
    return {"request": request, "arm": arm, "version": version, "values": (0.5,),
            "entity": entity, "at": at, "epoch": epoch}  # fmt: skip


def losses(rows, shares):
    labels = known(*((row["request"], 0, row["at"] + 0.1) for row in rows))
    return gather(
        tiny_project(), Trial("2", "1", shares, 2), said(*rows), labels, now=day(9), slow_ms=1.0
    ).losses


def test_a_unit_that_returns_is_no_further_evidence_about_the_loss():
    rows = [
        served("a", "canary", "ann", 0.5),
        served("b", "champion", "bob", 0.6),
        served("c", "canary", "ann", 1.5),
        served("d", "champion", "eve", 1.6),
    ]
    first, second = losses(rows, {2: 0.25})
    assert (int(first.assigned.sum()), first.assigned.size) == (1, 2)
    assert (int(second.assigned.sum()), second.assigned.size) == (0, 1)


def test_a_unit_that_changes_its_arm_with_the_share_counts_where_it_was_first():
    rows = [
        served("a", "champion", "ann", 0.5, epoch=1),
        served("b", "canary", "ann", 1.5, epoch=2),
    ]
    (batch,) = losses(rows, {1: 0.25, 2: 0.5})
    assert not batch.assigned.any()
    assert batch.share == pytest.approx(0.25)

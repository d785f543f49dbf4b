"""What is known before labels are due: where answers lie, and early errors; by hand."""

import math

import pytest

from sixgates.gates.card import Task
from sixgates.gates.evidence import Trial, gather
from sixgates.gates.statistics.counts import ArmCounts
from tests.fakes import day, known, said, tiny_project


def champion(i, value, *, at=0.5, entity="", epoch=1):
    return {"request": f"r{i}", "values": (value,), "at": at, "epoch": epoch, "entity": entity}


def canary(i, value, **more):
    return {
        **champion(i, value, **{"at": 4.5, "epoch": 2, **more}),
        "version": "2",
        "arm": "canary",
    }


# The champion's answers from before the split: 0.01, 0.02, ... 1.00, usual between 0.02 and 0.99.
RECORD = [champion(i, (i + 1) / 100) for i in range(100)]


def seen(rows, labels=(), *, now=5.0, project=None, trial=None):
    trial = trial or Trial("2", "1", {1: 0.0, 2: 0.5}, 2, begun=day(4.4))
    return gather(
        project or tiny_project(), trial, said(*rows), known(*labels), now=day(now), slow_ms=1.0
    )


def test_answers_are_held_against_the_champions_own_from_before_the_split():
    rows = [
        *RECORD,
        canary("a", 0.5), canary("b", 0.001), canary("c", 0.999), canary("d", math.nan),
        champion("e", 0.5, at=4.5, epoch=2), champion("f", 0.002, at=4.5, epoch=2),
    ]  # fmt: skip
    record, split = seen(rows).predictions.once
    assert split == ArmCounts(3, 4, 1, 2)
    assert (record.canary_n, record.control_n) == (0, 100)
    assert record.control_bad in {2, 3}  # two of a hundred, by where the quantile falls


def test_answers_in_the_split_do_not_move_the_range():
    few = seen([*RECORD, canary("a", 5.0)]).predictions
    many = seen([*RECORD, *(canary(f"a{i}", 5.0) for i in range(300))]).predictions
    assert few.once[0] == many.once[0]
    assert many.once[1].canary_bad == 300


def test_the_highest_of_several_probabilities_is_the_answer():
    rows = [{**row, "values": (row["values"][0], 0.0)} for row in RECORD]
    rows.append({**canary("a", 0.0), "values": (0.001, 0.0)})
    found = seen(rows, project=tiny_project(Task.MULTICLASS)).predictions
    assert found.once[1] == ArmCounts(1, 1, 0, 0)


def test_a_failure_is_no_answer():
    rows = [*RECORD, {**canary("a", 0.5), "values": (), "error": "boom"}]
    found = seen(rows)
    assert len(found.predictions.once) == 1
    assert found.errors.once[1] == ArmCounts(1, 1, 0, 0)


@pytest.mark.parametrize(("answers", "judged"), [(49, False), (50, True)])
def test_too_few_answers_before_the_split_fix_no_range(answers, judged):
    assert (seen([*RECORD[:answers], canary("a", 0.5)]).predictions is not None) == judged


# Labels 0: a loss is the square of the answer. Of the record, the 90 % quantile is about 0.81.
LABELS = [(f"r{i}", 0, 1.0) for i in range(100)]


def served(*more):
    return [
        *RECORD,
        canary("a", 0.99, entity="ann"), canary("b", 0.1, entity="bob"),
        canary("c", 0.1, entity="cid"), champion("d", 0.1, at=4.5, epoch=2, entity="dan"), *more,
    ]  # fmt: skip


def test_an_early_error_is_a_loss_among_the_champions_largest_tenth():
    assert seen(served(), LABELS).early == (ArmCounts(0, 3, 0, 1),)  # no label of the split yet
    early = [*LABELS, ("ra", 0, 4.6), ("rb", 0, 4.6), ("rd", 0, 4.6)]
    assert seen(served(), early).early == (ArmCounts(1, 3, 0, 1),)
    assert seen(served(), early, now=4.55).early == (ArmCounts(0, 3, 0, 1),)  # known later
    assert seen(served(), early).losses.once[1:] == ()  # nothing of it has matured


def test_a_unit_makes_one_early_error_in_the_period_of_its_first():
    again = [
        canary("e", 0.99, entity="ann"),
        canary("f", 0.99, entity="ann", at=5.5),
        champion("g", 0.99, at=5.5, epoch=2, entity="dan"),
    ]
    labels = [*LABELS, ("ra", 0, 5.6), ("re", 0, 4.6), ("rf", 0, 5.7), ("rg", 0, 5.7)]
    assert seen(served(*again), labels, now=6.0).early == (
        ArmCounts(1, 3, 0, 1),
        ArmCounts(0, 1, 1, 1),
    )


def test_without_a_matured_record_when_the_split_began_early_errors_are_silent():
    late = [(name, label, 4.6) for name, label, _ in LABELS]
    assert seen(served(), late).early is None
    assert seen(RECORD, LABELS).early is None  # no split yet
    assert seen(served(), LABELS, trial=Trial("2", "1", {1: 0.0, 2: 0.5}, 2)).early is None
    young = [{**row, "at": 3.5} for row in RECORD]  # would mature after the split began
    assert seen([*young, *served()[100:]], [(n, 0, 4.0) for n, _, _ in LABELS]).early is None


def test_an_old_row_in_the_split_does_not_move_its_beginning():
    early, replayed = [*LABELS, ("ra", 0, 4.6)], canary("old", 0.1, at=-9.5, entity="eve")
    assert seen(served(replayed), early).early == (ArmCounts(0, 1, 0, 0), ArmCounts(1, 3, 0, 1))


def test_a_label_that_is_no_number_is_no_early_error():
    assert seen(served(), [*LABELS, ("ra", "maybe", 4.6)]).early == (ArmCounts(0, 3, 0, 1),)

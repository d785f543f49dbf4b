"""A gateway held the canary back for a while: those rows are pairs, and no part of the split."""

import math

import pytest

from sixgates.gates.evidence import Trial, gather
from sixgates.gates.split import Counted
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.gates.statistics.guards import ratio_mismatch_log_e
from tests.fakes import day, known, said, tiny_project

SPLIT = Trial("2", "1", {1: 0.0, 2: 0.25}, epoch=2)


def request(i, *, at, arm="champion", share=0.25, bad=False, epoch=2):
    """Both models' answers to one request of a unit of its own."""
    both = {"request": f"r{i}", "entity": f"u{i}", "at": at, "epoch": epoch, "share": share}
    arms = ("shadow", "canary") if arm == "canary" else ("champion", "shadow")
    error = {"values": (), "error": "boom"} if bad else {"values": (0.4,)}
    return [
        {**both, "version": "1", "arm": arms[0], "values": (0.5,)},
        {**both, "version": "2", "arm": arms[1], **error},
    ]


def seen(rows, trial=SPLIT, now=10):
    labels = [(row["request"], 1, row["at"] + 1) for row in rows if row["version"] == "1"]
    return gather(
        tiny_project(entity="who"), trial, said(*rows), known(*labels), now=day(now), slow_ms=1.0
    )


def sound(found):
    """Whether the guard of the split is silent, at its level of 1 in 1,000."""
    return all(ratio_mismatch_log_e(*row) < math.log(1000) for row in found.shares)


def test_rows_from_before_the_share_was_logged_count_by_their_epoch():
    rows = [
        *request(0, at=2.1, share=None),
        *request(1, at=2.2, arm="canary", share=None),
        *request(2, at=2.3, share=math.nan),
    ]
    found = seen(rows)
    assert found.shares == ((1, 3, 0.25),)
    assert found.errors.every == (ArmCounts(0, 1, 0, 2),)


def test_held_back_rows_are_pairs_and_nothing_else():
    split = [*request(0, at=2.1), *request(1, at=2.2, arm="canary")]
    lapse = [*request(2, at=2.3, share=0.0), *request(3, at=3.3, share=0.0)]
    without, with_lapse = seen(split), seen(split + lapse)
    for name in ("errors", "slow", "predictions", "early", "shares", "stage_requests"):
        assert getattr(with_lapse, name) == getattr(without, name), name
    batches, expected = with_lapse.losses.once, without.losses.once
    assert [len(b.losses) for b in batches] == [len(b.losses) for b in expected] == [2]
    assert with_lapse.split_means == pytest.approx(without.split_means)
    assert (without.pairs, with_lapse.pairs) == (2, 4)
    assert len(with_lapse.pair_means) == 2
    assert (without.requests_per_period, with_lapse.requests_per_period) == (2.0, 2.0)


def test_held_back_rows_are_no_record_of_the_control_from_before_the_split():
    record = [row for i in range(10) for row in request(i, at=0.1, epoch=1, share=0.0)]
    split = [*request(20, at=2.1), *request(21, at=2.2, arm="canary")]
    lapse = [row for i in range(30, 60) for row in request(i, at=2.3, share=0.0)]
    found = seen(record + split + lapse)
    assert found.errors == Counted(
        (ArmCounts(0, 0, 0, 10), ArmCounts(0, 1, 0, 1)),
        (ArmCounts(0, 0, 0, 10), ArmCounts(0, 1, 0, 1)),
    )
    assert found.losses.once[0].losses.shape == (10,)


def test_a_challenger_that_fails_while_held_back_fails_in_shadow():
    rows = [*request(0, at=2.1, share=0.0, bad=True), *request(1, at=2.2, share=0.0)]
    found = seen(rows)
    assert found.shadow_errors == (ArmCounts(1, 2, 0, 2),)
    assert found.errors == ((), ())


def test_a_lapse_in_mid_canary_neither_alarms_nor_counts():
    def day_of(share, at, first):
        arms = ["canary" if i % 4 == 0 else "champion" for i in range(400)]
        return [
            row
            for i, arm in enumerate(arms)
            for row in request(first + i, at=at, arm=arm if share != 0.0 else "champion",
                               share=share)
        ]  # fmt: skip

    before, after = day_of(0.25, 2.5, 0), day_of(0.25, 4.5, 800)
    lapse = day_of(0.0, 3.5, 400)
    found = seen(before + lapse + after)
    assert found.shares == ((200, 800, 0.25),)
    assert sound(found)
    assert found.errors.once == (ArmCounts(0, 100, 0, 300), ArmCounts(0, 100, 0, 300))
    # Counted by its epoch alone, the same lapse would look like a broken split.
    for row in lapse:
        row["share"] = None
    assert not sound(seen(before + lapse + after))

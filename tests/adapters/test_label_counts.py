"""New, again, otherwise, unknown and late: what labels bring, wherever the earlier ones lie."""

from datetime import timedelta

import pytest

from sixgates.adapters.label_counts import LabelCounts
from tests.adapters.a_log import MODEL, ALog, label, prediction


@pytest.fixture
def log(tmp_path):
    log = ALog(tmp_path)
    log.write("predictions-100-1", *(prediction(f"r{n}", at=1_000.0) for n in range(4)))
    return log


def test_each_label_is_counted_for_what_it_brings(log):
    log.write(
        "labels-100-1",
        label("r0", "1", at=1_050.0), label("r0", "1", at=1_060.0), label("r0", "0", at=1_070.0),
        label("r1", "0", at=1_100.0), label("r2", "0", at=1_100.5), label("nobody", "1", at=9e9),
    )  # fmt: skip
    counts = log.compact(horizon=timedelta(seconds=100)).counts
    assert counts == LabelCounts(new=4, duplicates=1, contradictory=1, unknown=1, late=1)
    log.assert_whole()


def test_earlier_labels_are_found_in_the_table(log):
    log.write("labels-100-1", label("r0", "1"), label("r1", "0"), label("r1", "1"))
    log.compact()
    log.write(
        "labels-200-1", label("r0", "1"), label("r1", "1"), label("r0", "0"), label("r2", "1")
    )
    counts = log.compact().counts
    assert (counts.new, counts.duplicates, counts.contradictory) == (1, 2, 1)
    assert log.log.labels(MODEL)["label"].to_list() == ["1", "0", "1"]


def test_a_label_of_a_prediction_that_is_not_sealed_yet_is_known(log):
    log.write("predictions-200-1", prediction("new"))
    log.write("labels-100-1", label("new"))
    with log.held("predictions-200-1"):
        assert log.compact().counts.unknown == 0


def test_an_unknown_label_is_kept_for_the_prediction_that_may_come(log):
    log.write("labels-100-1", label("soon"))
    assert log.compact().counts.unknown == 1
    log.write("predictions-200-1", prediction("soon"))
    log.compact()
    assert log.log.labels(MODEL)["request"].to_list() == ["soon"]


def test_without_a_horizon_nothing_is_called_late(log):
    log.write("labels-100-1", label("r0", at=9e9))
    assert log.compact(horizon=None).counts.late is None


def test_an_event_with_several_answers_happened_when_the_first_did(log):
    log.write("predictions-200-1", prediction("r0", at=1_500.0, version="8"))
    log.write("labels-100-1", label("r0", at=1_101.0))
    assert log.compact(horizon=timedelta(seconds=100)).counts.late == 1


def test_labels_are_counted_by_what_is_left_where_a_prediction_cannot_be_read(log):
    log.write("labels-100-1", label("r0"), label("r9"))
    log.write("predictions-200-1", b"{oops\n")
    done = log.compact()
    assert len(done.unreadable) == 1
    assert (done.counts.new, done.counts.unknown) == (2, 1)


def test_parts_add_up():
    whole = LabelCounts(1, 2, 3, 4, 5) + LabelCounts(10, 20, 30, 40, 50)
    assert whole == LabelCounts(11, 22, 33, 44, 55)
    assert (whole + LabelCounts()).late is None

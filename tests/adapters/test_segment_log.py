# ruff: noqa: DTZ001 - event time is naive UTC
import math
from datetime import datetime, timedelta

import msgspec
import pytest
from polars.testing import assert_frame_equal

from sixgates.adapters.past_log import PastLog
from sixgates.adapters.segment_log import LABEL_SCHEMA, PREDICTION_SCHEMA, SegmentLog
from sixgates.gates.errors import ContractError
from sixgates.gates.records import Arm, Batch, Label, Prediction

LONG_AGO = datetime(1970, 1, 1)


def prediction(i=0, **changes):
    given = {
        "request": f"r{i}",
        "row": 0,
        "entity": f"c{i}",
        "at": 1_000.0 + i,
        "epoch": 3,
        "arm": Arm.CANARY,
        "version": "7",
        "values": (0.1 + 0.2, 1e-12),
        "error": "",
        "micros": 14.5,
        "received": 2_000.0 + i,
    }
    return msgspec.json.encode(Prediction(**{**given, **changes})) + b"\n"


def batch(i=0, **changes):
    given = {
        "request": f"b{i}",
        "rows": [0, 2],
        "entities": ["c0", "c2"],
        "ats": [1_000.0 + i, 1_002.0 + i],
        "epoch": 3,
        "arm": Arm.CANARY,
        "version": "7",
        "answers": [(0.1 + 0.2, 1e-12), (1.0, math.nan)],
        "errors": [],
        "micros": 14.5,
        "received": 2_000.0 + i,
        "share": 0.25,
    }
    return Batch(**{**given, **changes})


def line(record):
    return msgspec.json.encode(record) + b"\n"


def label(i=0, text="1", received=0.0):
    return msgspec.json.encode(Label(f"r{i}", 0, text, 5_000.0, received)) + b"\n"


def kept(log):
    labels = log.labels("churn")
    return dict(zip(labels["request"], labels["label"], strict=True))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "log" / "churn"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def log(tmp_path):
    return SegmentLog(tmp_path / "log")


def test_the_columns_are_the_fields_of_the_records():
    assert list(PREDICTION_SCHEMA) == list(Prediction.__struct_fields__)
    assert list(LABEL_SCHEMA) == list(Label.__struct_fields__)


def test_an_empty_log_is_typed(log):
    assert log.predictions("churn", LONG_AGO).schema == PREDICTION_SCHEMA
    assert log.labels("churn").schema == LABEL_SCHEMA


def test_records_come_back_bit_for_bit(log, folder):
    (folder / "predictions-1.jsonl").write_bytes(
        prediction(error="späť \n", values=()) + prediction(1)
    )
    first, second = log.predictions("churn", LONG_AGO).to_dicts()
    assert (first["error"], first["values"]) == ("späť \n", [])
    expected = msgspec.structs.asdict(msgspec.json.decode(prediction(1), type=Prediction))
    assert second == {**expected, "values": [0.1 + 0.2, 1e-12]}


def test_a_batch_is_as_many_rows_as_it_has_in_its_place(log, folder):
    failed = batch(1, answers=[(), (0.5,)], errors=["broken", ""], trace="t")
    records = [batch(), failed]
    (folder / "predictions-1.jsonl").write_bytes(
        prediction(5) + b"".join(map(line, records)) + prediction(6)
    )
    rows = log.predictions("churn", LONG_AGO)
    alone = b"".join(line(one) for record in records for one in record.predictions())
    (folder / "predictions-1.jsonl").unlink()
    (folder / "predictions-2.jsonl").write_bytes(prediction(5) + alone + prediction(6))
    assert_frame_equal(rows, log.predictions("churn", LONG_AGO))
    assert rows["request"].to_list() == ["r5", "b0", "b0", "b1", "b1", "r6"]
    assert rows["error"].to_list() == ["", "", "", "broken", "", ""]


def test_since_cuts_by_event_time(log, folder):
    (folder / "predictions-1.jsonl").write_bytes(b"".join(prediction(i) for i in range(10)))
    since = datetime(1970, 1, 1, 0, 16, 44)
    assert log.predictions("churn", since)["at"].to_list() == [1004.0 + i for i in range(6)]


def test_models_and_kinds_are_kept_apart(log, folder):
    (folder / "predictions-1.jsonl").write_bytes(prediction())
    (folder / "labels-1.jsonl").write_bytes(label())
    assert log.predictions("churn", LONG_AGO).height == 1
    assert log.labels("churn").height == 1
    assert log.predictions("other", LONG_AGO).is_empty()


def test_a_torn_last_line_waits_for_its_end(log, folder):
    path = folder / "predictions-1.jsonl"
    line = prediction(1)
    path.write_bytes(prediction(0) + line[:40])
    assert log.predictions("churn", LONG_AGO).height == 1
    with path.open("ab") as file:
        file.write(line[40:] + prediction(2)[:10])
    assert log.predictions("churn", LONG_AGO)["request"].to_list() == ["r0", "r1"]
    (folder / "predictions-2.jsonl").write_bytes(prediction(5))
    assert log.predictions("churn", LONG_AGO)["request"].to_list() == ["r0", "r1", "r5"]


def test_a_segment_of_one_torn_line_is_empty(log, folder):
    (folder / "predictions-1.jsonl").write_bytes(prediction()[:-1])
    assert log.predictions("churn", LONG_AGO).is_empty()


def test_what_was_read_once_is_not_read_again(log, folder):
    path = folder / "predictions-1.jsonl"
    path.write_bytes(prediction(0))
    log.predictions("churn", LONG_AGO)
    path.write_bytes(b"#" * (len(prediction(0)) - 1) + b"\n" + prediction(1))
    assert log.predictions("churn", LONG_AGO).height == 2


def test_a_segment_that_shrank_is_a_broken_promise(log, folder):
    path = folder / "predictions-1.jsonl"
    path.write_bytes(prediction(0) + prediction(1))
    log.predictions("churn", LONG_AGO)
    path.write_bytes(prediction(0))
    with pytest.raises(ContractError, match="shrank"):
        log.predictions("churn", LONG_AGO)


@pytest.mark.parametrize(
    "bad",
    [
        b"{oops\n",
        b"[1]\n",
        b"null\n",
        b"{}\n",
        b"\xff\n",
        prediction()[:50] + b"\n",
        prediction().replace(b'"row":0', b'"row":"x"'),
        prediction().replace(b'"row":0', b'"row":null'),
        prediction().replace(b'"epoch":3', b'"epoch":3.5'),
        prediction(row=2**63),
        line(batch(rows=[0, 2**63])),
        prediction().replace(b'"values":[', b'"values":["a",'),
        prediction().replace(b'"micros":14.5,', b""),
        line(batch(entities=["c0"])),
        line(batch(errors=["broken"])),
        line(batch()).replace(b'"errors":[],', b""),
        line(batch(rows=[0], entities=["c0"], ats=[1.0], answers=[(0.5,)])).replace(
            b'"errors":[],', b""
        ),
        line(batch(ats=[1.0, None])),
        line(batch(answers=[(), None])),
        line(batch()).replace(b'"version":"7",', b""),
    ],
)
def test_a_malformed_line_is_named_with_its_file_and_number(log, folder, bad):
    path = folder / "predictions-1.jsonl"
    path.write_bytes(prediction(0) + line(batch()))
    log.predictions("churn", LONG_AGO)
    with path.open("ab") as file:
        file.write(prediction(2) + bad + prediction(3))
    for _ in range(2):
        with pytest.raises(ContractError, match=r"predictions-1\.jsonl:4 ") as caught:
            log.predictions("churn", LONG_AGO)
        assert "\n" not in str(caught.value)


def test_records_from_before_the_share_was_logged_have_none(log, folder):
    old = prediction(0).replace(b',"share":null', b"")
    assert b"share" not in old
    (folder / "predictions-1.jsonl").write_bytes(old + prediction(1, share=0.25) + prediction(2))
    assert log.predictions("churn", LONG_AGO)["share"].to_list() == [None, 0.25, None]


def test_an_answer_that_was_no_number_stays_one(log, folder):
    (folder / "predictions-1.jsonl").write_bytes(prediction(values=(math.nan, 1.0)))
    values = log.predictions("churn", LONG_AGO)["values"][0].to_list()
    assert math.isnan(values[0])
    assert values[1] == 1.0


def test_the_first_label_of_a_row_wins_whichever_gateway_got_it(log, folder):
    (folder / "labels-1.jsonl").write_bytes(label(0, "late", 9.0) + label(1, "only", 4.0))
    (folder / "labels-2.jsonl").write_bytes(label(0, "first", 3.0) + label(0, "later", 5.0))
    assert kept(log) == {"r0": "first", "r1": "only"}


def test_labels_of_one_moment_are_told_apart_by_their_segments(log, folder):
    (folder / "labels-2.jsonl").write_bytes(label(0, "second", 3.0))
    (folder / "labels-1.jsonl").write_bytes(label(0, "first", 3.0))
    assert kept(log) == {"r0": "first"}


def test_labels_come_in_order_of_receipt(log, folder):
    (folder / "labels-1.jsonl").write_bytes(label(0, received=5.0) + label(1, received=7.0))
    (folder / "labels-2.jsonl").write_bytes(label(2, received=6.0))
    assert log.labels("churn")["request"].to_list() == ["r0", "r2", "r1"]


@pytest.mark.parametrize("received", [100.0, -3_500.0], ids=["same time", "clock set back"])
def test_a_label_that_comes_again_after_the_clock_was_set_back_replaces_none(log, folder, received):
    path = folder / "labels-1.jsonl"
    path.write_bytes(label(0, "counted", 100.0))
    assert kept(log) == {"r0": "counted"}
    with path.open("ab") as file:
        file.write(label(0, "again", received) + label(1, "new", received))
    assert kept(log) == kept(SegmentLog(folder.parent)) == {"r0": "counted", "r1": "new"}


CLOCKS = {"right": lambda t: t, "set back": lambda t: t - 60 * (t > 12), "ahead, then right":
          lambda t: t + 60 * (t < 8), "jumping": lambda t: t + 60 * (-1) ** t}  # fmt: skip


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
def test_what_a_tick_saw_is_what_it_sees_when_it_is_computed_again(log, folder, clock):
    at = datetime(1970, 1, 2)
    seen = {}
    for t in range(24):  # each of six rows is labelled four times, each time otherwise
        with (folder / "labels-1.jsonl").open("ab") as file:
            file.write(label(t % 6, f"{t}", float(clock(t))))
        for tick in {t, clock(t)} - set(seen):
            if tick >= 0:
                seen[tick] = kept(PastLog(log, at, datetime(1970, 1, 1) + timedelta(seconds=tick)))
    for tick, labels in seen.items():
        later = kept(PastLog(log, at, datetime(1970, 1, 1) + timedelta(seconds=tick)))
        assert labels.items() <= later.items()

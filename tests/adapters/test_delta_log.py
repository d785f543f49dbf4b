"""Segments and tables read as one: each row once at every moment, whoever compacts meanwhile."""

import os
import threading
import time
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgates.adapters import delta_packing, sealed_segments
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.delta_packing import Packed, pack
from sixgates.adapters.log_records import LABEL_SCHEMA, PREDICTION_SCHEMA, Stream, located
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.maturity import labels_since
from tests.adapters.a_log import LONG_AGO, MODEL, ALog, label, prediction


@pytest.fixture
def log(tmp_path):
    return ALog(tmp_path)


def test_a_log_of_nothing_is_typed(log):
    assert log.log.predictions(MODEL, LONG_AGO).schema == PREDICTION_SCHEMA
    assert log.log.labels(MODEL).schema == LABEL_SCHEMA
    assert log.log.predictions("other", LONG_AGO).is_empty()


def test_rows_come_in_the_order_of_their_segments_wherever_they_lie(log):
    log.write("predictions-300-1", prediction("c"))
    log.write("predictions-100-1", prediction("a"))
    with log.held("predictions-200-2"):
        log.compact()
        log.write("predictions-200-2", prediction("b1"), prediction("b2"))
        requests = log.log.predictions(MODEL, LONG_AGO)["request"].to_list()
    assert requests == ["a", "b1", "b2", "c"]


def test_which_label_is_the_first_does_not_change_when_they_move(log):
    log.write("labels-100-1", label("r", "written first", 100.0), label("r", "clock set back", 1.0))
    log.write("labels-200-2", label("r", "of another gateway", 99.0), label("s", "", 5.0))
    log.write("labels-300-1", label("s", "the same moment", 5.0), label("t", "1", 7.0))
    before = log.log.labels(MODEL)
    with log.held("labels-200-2"):
        log.compact()
        log.assert_whole()
    log.compact()
    log.assert_whole()
    assert before["label"].to_list() == ["", "1", "of another gateway"]


def test_rows_of_segments_that_are_gone_are_kept_by_nobody(log):
    log.write("predictions-100-1", prediction("a"))
    log.log.predictions(MODEL, LONG_AGO)
    assert len(log.log.segments._segments) == 1
    log.compact()
    assert log.log.predictions(MODEL, LONG_AGO).height == 1
    assert log.log.segments._segments == {}


def test_a_segment_that_goes_while_the_log_is_read_is_read_from_the_table(log, monkeypatch):
    log.write("predictions-100-1", prediction("a"))
    log.write("predictions-200-1", prediction("b"))
    glob = type(log.folder).glob

    def listed(folder, pattern):
        found = list(glob(folder, pattern))
        if folder == log.folder and threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=ALog(log.home).compact)
            thread.start()
            thread.join()
        return found

    monkeypatch.setattr(type(log.folder), "glob", listed)
    log.assert_whole()
    assert log.segments() == []


def test_files_without_a_row_since_then_are_not_opened(log):
    for day in range(3):
        log.write(f"predictions-10{day}-1", prediction(f"r{day}", at=day * 86_400.0))
        log.compact()
    table = log.table(Stream.PREDICTIONS)
    oldest = table.folder / table.files(table.open())["path"][0]
    oldest.write_bytes(b"spoilt")
    assert log.log.predictions(MODEL, datetime(1970, 1, 1, 12)).height == 2  # noqa: DTZ001
    with pytest.raises(ContractError, match="cannot be read as Delta"):
        log.log.predictions(MODEL, LONG_AGO)


def test_files_of_labels_that_came_before_their_requests_are_not_opened(log):
    for day in range(5):
        log.write(f"labels-10{day}-1", label(f"r{day}", received=day * 86_400.0, at=0.0))
        log.compact()
    table = log.table(Stream.LABELS)
    for path in table.files(table.open())["path"][:2]:
        (table.folder / path).write_bytes(b"spoilt")
    log.write("predictions-100-1", prediction("r4", at=3 * 86_400.0, received=3.5 * 86_400.0))
    since = labels_since(log.log.predictions(MODEL, LONG_AGO))
    assert log.log.labels(MODEL, since)["request"].to_list() == ["r2", "r3", "r4"]
    with pytest.raises(ContractError, match="cannot be read as Delta"):
        log.log.labels(MODEL)


@pytest.mark.parametrize("spoil", ["commit", "file"])
def test_a_table_that_is_not_whole_is_refused_in_a_sentence(log, spoil):
    log.write("labels-100-1", label("a"))
    log.compact()
    folder = log.table(Stream.LABELS).folder
    if spoil == "commit":
        (folder / "_delta_log" / f"{1:020}.json").write_text("{oops")
    else:
        next(folder.glob("*.parquet")).unlink()
    with pytest.raises(ContractError, match="cannot be read as Delta") as caught:
        log.log.labels(MODEL)
    assert "\n" not in str(caught.value)


def test_a_table_of_whose_log_a_checkpoint_is_left_is_not_taken_for_none(log):
    log.write("predictions-100-1", prediction("a"))
    log.compact()
    table = log.table(Stream.PREDICTIONS)
    table.open().create_checkpoint()
    for commit in (table.folder / "_delta_log").glob("*.json"):
        commit.unlink()
    log.assert_whole()


def test_what_a_killed_commit_left_is_no_table(log):
    folder = log.table(Stream.PREDICTIONS).folder / "_delta_log"
    folder.mkdir(parents=True)
    (folder / f"{0:020}.json#1").touch()
    log.write("predictions-100-1", prediction("a"))
    log.assert_whole()
    log.compact()
    log.assert_all_in_tables()


def test_records_that_gained_a_field_go_into_an_older_table(log):
    log.write("predictions-100-1", prediction("old", share=None))
    table = log.table(Stream.PREDICTIONS)
    columns, table.columns = table.columns, pl.Schema(
        {n: t for n, t in located(Stream.PREDICTIONS).items() if n != "share"}
    )  # fmt: skip
    table.create()
    (rows,) = log.log.segments.read(MODEL, Stream.PREDICTIONS).values()
    table.append(table.open(), rows.drop("share"))
    log.assert_whole()
    log.write("predictions-200-1", prediction("new"))
    log.compact()
    log.assert_whole()
    assert {f.name for f in table.open().schema().fields} == set(columns)
    for n in range(delta_packing.MANY - 1):
        log.write(f"predictions-3{n:02}-1", prediction(f"{n}"))
        log.compact()
    assert table.files(table.open()).height == 1
    log.assert_whole()


def packed_log(log, files):
    for n in range(files):
        log.write(f"predictions-{100 + n}-1", prediction(f"{n}"))
        log.write(f"labels-{100 + n}-1", label(f"{n}"))
        done = log.compact()
    return done


def test_many_small_files_become_one_and_read_the_same(log):
    done = packed_log(log, delta_packing.MANY + 1)
    assert done.predictions.files == Packed(packed=delta_packing.MANY + 1)
    table = log.table(Stream.PREDICTIONS)
    assert table.files(table.open()).height == 1
    log.assert_whole()
    log.assert_all_in_tables()
    assert len(list(table.folder.glob("*.parquet"))) == delta_packing.MANY + 2


def test_of_two_who_pack_at_once_one_changes_nothing(log, monkeypatch):
    monkeypatch.setattr(delta_packing, "MANY", 100)
    packed_log(log, 4)
    monkeypatch.setattr(delta_packing, "MANY", 2)
    table, other = log.table(Stream.PREDICTIONS), log.table(Stream.PREDICTIONS)
    stale = other.open()
    assert pack(table).packed == 4
    monkeypatch.setattr(other, "open", lambda: stale)
    with pytest.raises(TransientError, match="nothing was lost or doubled"):
        pack(other)
    log.assert_all_in_tables()


def test_what_no_reader_can_have_open_any_more_is_deleted(log, monkeypatch):
    monkeypatch.setattr(delta_packing, "MANY", 2)
    table = log.table(Stream.PREDICTIONS)
    packed_log(log, 2)
    young, old = table.folder / "young.parquet", table.folder / "old.parquet"
    for orphan in (young, old):  # of commits that never were
        orphan.write_bytes(b"half a file")
    days_ago = time.time() - 2 * 86_400
    os.utime(old, (days_ago, days_ago))
    done = packed_log(log, 3)
    assert done.predictions.files == Packed(packed=3, deleted=1)
    assert (young.exists(), old.exists()) == (True, False)


def test_a_reader_sees_each_row_once_at_every_moment_of_a_compaction(log, monkeypatch):
    monkeypatch.setattr(sealed_segments, "BATCH_SEGMENTS", 1)
    monkeypatch.setattr(delta_packing, "MANY", 2)
    for n in range(25):
        log.write(f"predictions-{100 + n}-1", prediction(f"{n}"), prediction(f"{n}+"))
        log.write(f"labels-{100 + n}-1", label(f"{n}"), label(f"{n}", "again", 1.0))
    committer = threading.Thread(target=ALog(log.home).compact)
    reader, looks = DeltaLog(log.home / "log", log.home / "tables"), 0
    committer.start()
    while committer.is_alive():
        log.assert_whole(reader)
        looks += 1
    committer.join()
    assert looks > 3
    log.assert_all_in_tables()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("predictions"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("labels"), st.integers(0, 1), st.integers(0, 5)),
        st.tuples(st.just("seal"), st.integers(0, 1), st.just(0)),
        st.tuples(st.just("compact"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_segments_and_tables_read_as_segments_alone(steps):
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(delta_packing, "MANY", 2)
        log = ALog(Path(folder))
        reader = DeltaLog(log.home / "log", log.home / "tables")
        begun = {}
        for count, (what, gateway, value) in enumerate(steps):
            if what == "compact":
                names = {name for name in begun.values() if (log.folder / f"{name}.jsonl").exists()}
                with ExitStack() as held:
                    for name in names:
                        held.enter_context(log.held(name))
                    log.compact()
            elif what == "seal":
                begun = {key: name for key, name in begun.items() if key[1] != gateway}
            else:
                name = begun.setdefault((what, gateway), f"{what}-{count:04}-{gateway}")
                line = (
                    prediction(f"{value}", at=200.0 * value, received=float(gateway))
                    if what == "predictions"
                    else label(f"{value}", f"{count % 3}", float(value % 2))
                )
                log.write(name, line)
            log.assert_whole(reader)

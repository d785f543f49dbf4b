"""Sealed segments become rows of the tables, once each, whatever comes between."""

import os
import threading
import time

import pytest

from sixgates.adapters import compaction, delta_packing, delta_table, sealed_segments, table_place
from sixgates.adapters.log_records import Stream
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build
from sixgates.gates.errors import TransientError
from sixgates.ledger.holder import in_this_process
from tests.adapters.a_log import MODEL, ALog, label, prediction
from tests.fakes import tiny_project


@pytest.fixture
def log(tmp_path):
    return ALog(tmp_path)


def some(log, segments=3, rows=4):
    for s in range(segments):
        log.write(
            f"predictions-{100 + s}-1", *(prediction(f"{s}.{r}", 100.0 * r) for r in range(rows))
        )
        log.write(f"labels-{100 + s}-1", *(label(f"{s}.{r}", f"{s}", 1.0) for r in range(rows)))


def test_sealed_segments_are_in_the_tables_and_gone(log):
    some(log)
    done = log.compact()
    assert (done.predictions.segments, done.predictions.rows, done.predictions.torn) == (3, 12, 0)
    assert (done.labels.segments, done.labels.rows) == (3, 12)
    log.assert_all_in_tables()
    log.assert_whole()


def test_compaction_of_nothing_makes_nothing(log):
    done = log.compact()
    assert (done.predictions.segments, done.labels.segments) == (0, 0)
    assert not (log.home / "tables").exists()
    log.assert_whole()


def test_a_segment_that_is_being_written_is_let_be(log):
    some(log)
    with log.held("predictions-101-1"):
        log.compact()
        assert log.segments() == ["predictions-101-1"]
        log.write("predictions-101-1", prediction("more"))
        log.assert_whole()
    log.compact()
    log.assert_all_in_tables()


def test_the_same_again_changes_nothing(log):
    some(log)
    log.compact()
    version = log.table(Stream.PREDICTIONS).open().version()
    log.compact()
    assert log.table(Stream.PREDICTIONS).open().version() == version
    log.assert_all_in_tables()


def test_a_line_that_a_kill_tore_off_is_left_out_and_counted(log):
    log.write("predictions-100-1", prediction("a"), prediction("b")[:50])
    log.write("predictions-101-1", prediction("c")[:-1])
    done = log.compact()
    assert (done.predictions.segments, done.predictions.rows, done.predictions.torn) == (2, 1, 2)
    log.assert_whole()
    assert log.stored(Stream.PREDICTIONS) == [("predictions-100-1.jsonl", 1)]


@pytest.mark.parametrize("transactions", [True, False], ids=["as committed", "long ago"])
def test_a_segment_that_was_committed_and_not_deleted_is_only_deleted(log, transactions):
    some(log, segments=1)
    table = log.table(Stream.PREDICTIONS)
    table.create()
    (rows,) = log.log.segments.read(MODEL, Stream.PREDICTIONS).values()
    if transactions:
        table.append(table.open(), rows)
    else:  # Delta forgets transactions after a week
        name = table.new_file()
        rows.write_parquet(table.folder / name)
        ends = [rows[c].min() for c in table.layout.measured]
        added = table.added(name, rows.height, ends, ends, data_change=True)
        table.commit(table.open(), [added], {})
    log.assert_whole()
    done = log.compact()
    assert (done.predictions.found, done.predictions.segments, done.predictions.rows) == (1, 1, 0)
    log.assert_all_in_tables()


def test_a_segment_that_cannot_be_read_stays_and_hinders_no_other(log):
    some(log)
    with (log.folder / "predictions-101-1.jsonl").open("ab") as file:
        file.write(b"{oops\n")
    done = log.compact()
    assert log.segments() == ["predictions-101-1"]
    assert len(done.unreadable) == 1
    assert "predictions-101-1.jsonl:5 is not a prediction record" in done.unreadable[0]
    assert (done.predictions.segments, done.labels.segments) == (2, 3)


def test_a_backlog_goes_in_batches(log, monkeypatch):
    some(log, segments=7)
    size = (log.folder / "predictions-100-1.jsonl").stat().st_size
    monkeypatch.setattr(sealed_segments, "BATCH_BYTES", 2 * size)
    monkeypatch.setattr(sealed_segments, "BATCH_SEGMENTS", 3)
    done = log.compact()
    assert (done.predictions.segments, done.labels.segments) == (7, 7)
    assert log.table(Stream.PREDICTIONS).open().version() == 4
    assert log.table(Stream.LABELS).open().version() == 3
    log.assert_all_in_tables()


def test_a_segment_without_a_byte_may_be_a_moment_old_and_goes_after_an_hour(log):
    log.write("predictions-100-1")
    assert log.compact().predictions.segments == 0
    hours_ago = time.time() - 7200
    os.utime(log.folder / "predictions-100-1.jsonl", (hours_ago, hours_ago))
    assert log.compact().predictions.segments == 1
    assert log.segments() == []


def test_a_segment_is_deleted_when_its_rows_are_on_disk_and_not_before(log, monkeypatch):
    some(log)
    on_disk, at_deletion = set(), []
    forced, unlink = table_place.sync, type(log.folder).unlink

    def sync(path):
        forced(path)
        on_disk.add(path.name)

    def delete(path, **given):
        at_deletion.append((path.name, frozenset(on_disk)))
        unlink(path, **given)

    monkeypatch.setattr(table_place, "sync", sync)
    monkeypatch.setattr(type(log.folder), "unlink", delete)
    log.compact()
    deleted = dict(at_deletion)
    assert set(deleted) == {f"{s}-{100 + i}-1.jsonl" for s in Stream for i in range(3)}
    for name, safe in deleted.items():
        folder = log.table(name.partition("-")[0]).folder
        needed = [*folder.glob("*.parquet"), *(folder / "_delta_log").glob("*")]
        assert {path.name for path in needed} <= safe
        assert {"_delta_log", folder.name, MODEL, "tables"} <= safe


def test_a_commit_is_made_durable_by_the_next_one_where_the_first_died_before(log, monkeypatch):
    some(log, segments=1)
    with monkeypatch.context() as dying:
        dying.setattr(delta_table.ModelTable, "make_durable", lambda _: None)
        dying.setattr(type(log.folder), "unlink", lambda *_, **__: None)
        log.compact()
    seen = []
    monkeypatch.setattr(table_place, "sync", lambda path: seen.append(path.name))
    assert log.compact().predictions.found == 1
    assert "00000000000000000001.json" in seen


def test_the_second_committer_says_who_is_at_it(log):
    world, project = build(Settings(home=log.home)), tiny_project(name=MODEL)
    some(log)
    owner = in_this_process("compaction 1")
    assert world.ledger.take(f"compact:{MODEL}", owner, 60)
    done = compaction.compact(world, project)
    assert f"another compaction of {MODEL} is at work: {owner}" in done.busy
    assert len(log.segments()) == 6
    world.ledger.give_back(f"compact:{MODEL}", owner)
    assert compaction.compact(world, project).busy == ""
    assert world.ledger.lease(f"compact:{MODEL}") is None
    log.assert_all_in_tables()


def test_a_committer_that_lost_its_lease_commits_no_more(log, monkeypatch):
    world, project = build(Settings(home=log.home)), tiny_project(name=MODEL)
    some(log)

    def slow(folder, stream):
        for batch in sealed_segments.batches(folder, stream):
            world.ledger.give_back(f"compact:{MODEL}", world.ledger.lease(f"compact:{MODEL}").owner)
            world.ledger.take(f"compact:{MODEL}", "another", 60)
            yield batch

    monkeypatch.setattr(compaction, "batches", slow)
    with pytest.raises(TransientError, match="took over"):
        compaction.compact(world, project)
    assert len(log.segments()) == 6
    assert world.ledger.lease(f"compact:{MODEL}").owner == "another"


def test_of_two_who_commit_the_same_segment_one_is_refused(log):
    some(log, segments=1)
    table = log.table(Stream.PREDICTIONS)
    table.create()
    (rows,) = log.log.segments.read(MODEL, Stream.PREDICTIONS).values()
    first, second = table.open(), table.open()
    table.append(first, rows)
    with pytest.raises(TransientError, match="nothing was lost or doubled"):
        table.append(second, rows)
    assert len(log.stored(Stream.PREDICTIONS)) == 4


def test_two_committers_at_once_without_a_lease_lose_and_double_nothing(log, monkeypatch):
    monkeypatch.setattr(sealed_segments, "BATCH_SEGMENTS", 2)
    monkeypatch.setattr(delta_packing, "MANY", 2)
    some(log, segments=40)
    together = threading.Barrier(2)

    def run():
        together.wait()
        ALog(log.home).compact_at_last()

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    log.compact()
    log.assert_all_in_tables()
    log.assert_whole()

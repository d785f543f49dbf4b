# ruff: noqa: DTZ001 - event time is naive UTC
"""The quarantine's table: what it keeps of a run, how much of it, and once each."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sixgates.adapters import delta_packing, quarantine_rows
from sixgates.adapters.compaction import compact_log
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.quarantine import is_kept, keep_refused, quarantine_of, rows_of_run
from sixgates.adapters.quarantine_rows import COLUMNS, Refusal, count_refusals, kept_rows
from sixgates.gates.data.refusals import refusals_of
from sixgates.gates.data.rows import RowSplit, count_rules
from sixgates.gates.errors import TransientError
from tests.gates.data.feed import project

START, NOW = datetime(2026, 1, 1), datetime(2026, 2, 1)


def refused(rows, *rules):
    """Say of each row which rule refused it, in turn."""
    names = [rules[n % len(rules)] for n in range(rows.height)]
    return rows.with_columns(rule=pl.Series(names, dtype=pl.String))


@pytest.fixture
def table(tmp_path):
    return quarantine_of(tmp_path / "tables", "churn")


def keep(table, rows, run="r1", as_of=NOW):
    keep_refused(table, rows, event_time="at", run=run, as_of=as_of)


def test_a_row_comes_back_with_its_rule_and_run(table, rows):
    bad = refused(rows[:4], "age: low", "event_time")
    keep(table, bad)
    found = rows_of_run(table, "r1")
    assert found.schema == COLUMNS
    assert found["rule"].to_list() == ["age: low"] * 2 + ["event_time"] * 2
    assert found["as_of"].unique().to_list() == [NOW.replace(tzinfo=UTC)]
    assert found["event_time"].dt.replace_time_zone(None).to_list() == [
        rows["at"][n] for n in (0, 2, 1, 3)
    ]
    assert [json.loads(row) for row in found["row"]] == [
        {**rows.row(n, named=True), "at": rows["at"][n].isoformat()} for n in (0, 2, 1, 3)
    ]


def test_any_delta_reader_can_read_it(table, rows):
    keep(table, refused(rows[:2], "x"))
    read = pl.scan_delta(table.folder).collect()
    assert read.schema == COLUMNS
    assert read.height == 2


def test_the_rows_of_a_run_are_there_once_however_often_it_is_kept(table, rows):
    bad = refused(rows[:10], "x")
    keep(table, bad)
    keep(table, bad)
    keep(table, refused(rows[:9], "y"))  # Whatever it is: the first stands.
    keep(table, bad, run="r2")
    assert is_kept(table, "r1")
    assert not is_kept(table, "r3")
    assert table.scan().collect().height == 20
    assert table.open().version() == 2


def test_of_two_who_keep_the_same_run_at_once_one_is_refused(table, rows):
    bad = kept_rows(refused(rows[:10], "x"), "at", "r1", NOW)
    table.create()
    before = table.open()
    table.append(before, bad)
    with pytest.raises(TransientError, match="run it again"):
        table.append(before, bad)
    assert rows_of_run(table, "r1").height == 10


def test_a_run_that_refused_nothing_makes_no_table(table, rows):
    keep(table, refused(rows[:0], "x"))
    assert not table.exists
    assert rows_of_run(table, "r1").is_empty()
    assert not is_kept(table, "r1")


def test_users_tables_may_differ_from_run_to_run(table, rows):
    """So they do just when a feed breaks."""
    keep(table, refused(rows[:2], "x"))
    keep(table, refused(rows[:2].with_columns(age=pl.lit("old"), new=1), "schema"), run="r2")
    keep(table, refused(rows[:2].drop("visits", "region"), "schema"), run="r3")
    seen = [set(json.loads(rows_of_run(table, run)["row"][0])) for run in ("r1", "r2", "r3")]
    assert seen == [set(rows.columns), {*rows.columns, "new"}, {"at", "customer", "age", "left"}]


def test_whatever_a_row_may_hold_can_be_written(table):
    odd = pl.DataFrame(
        {
            "at": [None, START, START],
            "number": [float("nan"), float("inf"), 0.1 + 0.2],
            "day": [date(2026, 1, 2)] * 3,
            "money": pl.Series([Decimal("1.50")] * 3),
            "bytes": [b"\x00\xff"] * 3,
            "list": [[1, None]] * 3,
            "struct": [{"a": 1}] * 3,
            "span": [timedelta(hours=1)] * 3,
            "text": ['"\n\u2028€', "", None],
            "choice": pl.Series(["a"] * 3, dtype=pl.Enum(["a"])),
            # Seconds since 1970 that somebody took for thousandths, and thousandths of these.
            "far": pl.Series([None, 1_700_000_000, 1_700_000_000_000_000_000]).cast(
                pl.Datetime("ms", "Asia/Tokyo")
            ),
            "late": pl.Series([2**30] * 3, dtype=pl.Int32).cast(pl.Date),
        },
        schema_overrides={"at": pl.Datetime("us")},
    )
    keep(table, refused(odd, "x"))
    found = [json.loads(row) for row in rows_of_run(table, "r1")["row"]]
    assert {row["number"] for row in found} == {"nan", "inf", 0.1 + 0.2}
    (first,) = (row for row in found if row["number"] == "nan")
    assert first == {
        "at": None, "number": "nan", "day": "2026-01-02", "money": "1.50", "bytes": "AP8=",
        "list": [1, None], "struct": {"a": 1}, "span": "PT3600S", "text": '"\n\u2028€',
        "choice": "a", "far": None, "late": "1073741824 days since 1970",
    }  # fmt: skip
    assert {row["far"] for row in found} == {
        None, "1970-01-21T01:13:20+09:00", "1700000000000000000 ms since 1970",
    }  # fmt: skip


def test_a_column_of_the_name_that_tells_the_rule_is_part_of_the_row(table, rows):
    keep(table, rows[:1].with_columns(rule=pl.lit("mine"), rule_=pl.lit("age: low")))
    found = rows_of_run(table, "r1")
    assert found["rule"].to_list() == ["age: low"]
    assert json.loads(found["row"][0])["rule"] == "mine"


def test_the_same_row_has_the_same_digest_in_every_run(table, rows):
    keep(table, refused(rows[:5], "x"))
    keep(table, refused(rows[3:8], "y"), run="r2")
    first, second = (set(rows_of_run(table, run)["digest"]) for run in ("r1", "r2"))
    assert (len(first), len(second), len(first & second)) == (5, 5, 2)


def test_a_time_that_is_too_far_changes_no_other_row(rows):
    alone, both = (
        kept_rows(refused(rows[:n].with_columns(since=pl.Series(since)), "x"), "at", "r1", NOW)
        for n, since in [
            (1, [START]), (2, pl.Series([0, 2**60]).cast(pl.Datetime("us")).scatter(0, START)),
        ]
    )  # fmt: skip
    assert set(alone["digest"]) < set(both["digest"])


def test_of_many_rows_the_newest_of_each_rule_are_kept(rows, monkeypatch):
    monkeypatch.setattr(quarantine_rows, "ROWS_OF_A_RUN", 100)
    bad = pl.concat([refused(rows[:590], "common"), refused(rows[590:], "rare")])
    kept = kept_rows(bad, "at", "r1", NOW)
    times = kept["event_time"].dt.replace_time_zone(None).to_list()
    assert times == [*rows["at"][540:590], *rows["at"][590:]]
    assert kept["rule"].to_list() == ["common"] * 50 + ["rare"] * 10
    assert kept.equals(kept_rows(bad, "at", "r1", NOW))


def test_long_rows_are_kept_as_far_as_there_is_room(rows, monkeypatch):
    monkeypatch.setattr(quarantine_rows, "BYTES_OF_A_RUN", 40_000)
    long = rows.with_columns(region=pl.lit("x" * 1_000))
    kept = kept_rows(
        pl.concat([refused(long[:300], "a"), refused(long[300:], "b")]), "at", "r", NOW
    )
    sizes = kept.group_by("rule").agg(pl.col("row").str.len_bytes().sum(), n=pl.len()).sort("rule")
    assert all(0.8 * 20_000 < size <= 20_000 for size in sizes["row"])
    assert min(sizes["n"]) > 10
    assert kept["event_time"].max().replace(tzinfo=None) == rows["at"][-1]


def test_all_are_counted_with_their_first_and_last_time(rows):
    bad = pl.concat(
        [
            refused(rows[:1], "event_time").with_columns(at=pl.lit(None, pl.Datetime("us"))),
            refused(rows[1:8], "b"),
            refused(rows[8:15], "a"),
            refused(rows[15:], "c"),
        ]
    )
    times = [moment.isoformat() for moment in rows["at"]]
    bad = bad.rename({"at": "t"})
    split = RowSplit(bad[:0].drop("rule"), bad, (), count_rules(bad["rule"]))
    assert count_refusals(refusals_of(split, project())) == [
        Refusal("c", 585, times[15], times[-1]),
        Refusal("a", 7, times[8], times[14]),
        Refusal("b", 7, times[1], times[7]),
        Refusal("event_time", 1, None, None),
    ]
    none = RowSplit(bad, bad[:0], (), {})
    assert count_refusals(refusals_of(none, project())) == []


def test_compaction_packs_it_and_deletes_what_is_no_part_of_it(tmp_path, table, rows, monkeypatch):
    monkeypatch.setattr(delta_packing, "MANY", 3)
    for n in range(5):
        keep(table, refused(rows[n : n + 3], "x"), run=f"r{n}")
    before = table.scan().sort("run", "event_time").collect()
    orphan = table.folder / "orphan.parquet"
    orphan.touch()
    os.utime(orphan, (0, 0))
    log = DeltaLog(tmp_path / "log", tmp_path / "tables")
    done = compact_log(log, "churn", None, lambda: None)
    assert (done.quarantine.packed, done.quarantine.deleted) == (5, 1)
    assert "files packed: 5" in done.sentence
    assert table.files(table.open()).height == 1
    keep(table, refused(rows[:3], "x"), run="r2")
    assert table.scan().sort("run", "event_time").collect().equals(before)

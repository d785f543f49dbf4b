"""A Delta table as the project's data: lazily, at one version, and refused where it is none."""

import shutil
from datetime import datetime, timedelta

import polars as pl
import pytest
from deltalake import DeltaTable

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.errors import ConfigurationError

ALL = datetime.max  # noqa: DTZ901 - naive UTC


@pytest.fixture
def table(rows, tmp_path):
    """Three commits: rows of the first half, of the second, and one deletion; partitions too."""
    table = tmp_path / "rides"
    rows[:300].write_delta(table, delta_write_options={"partition_by": ["region"]})
    rows[300:].write_delta(table, mode="append")
    DeltaTable(table).delete("customer = 'c7'")
    return table


def refusal(project, source):
    with pytest.raises(ConfigurationError) as caught:
        ProjectLake(project, source).check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_gives_the_rows_that_it_holds_and_no_deleted_ones(project, rows, table):
    for source in (table, str(table)):
        lake = ProjectLake(project, source)
        lake.check()
        expected = rows.filter(pl.col("customer") != "c7")
        assert lake.as_of(ALL).collect().select(rows.columns).equals(expected)


def test_one_look_reads_one_version_and_says_which(project, rows, table):
    lake = ProjectLake(project, table)
    assert lake.pin() == f"{table}, version 2"
    rows[:1].write_delta(table, mode="append")
    assert lake.as_of(ALL).collect().height == 588
    assert lake.pin() == f"{table}, version 2"
    assert ProjectLake(project, table).as_of(ALL).collect().height == 589
    assert ProjectLake(project, table).pin() == f"{table}, version 3"


def test_times_with_a_zone_become_naive_utc(project, rows, tmp_path):
    zoned = rows.with_columns(pl.col("at").dt.replace_time_zone("UTC"))
    zoned.write_delta(tmp_path / "t")
    assert ProjectLake(project, tmp_path / "t").as_of(ALL).collect().equals(rows)


def test_files_that_are_too_old_are_not_even_opened(project, rows, tmp_path):
    table = tmp_path / "t"
    rows[:300].write_delta(table)
    (old,) = table.glob("*.parquet")
    rows[300:].write_delta(table, mode="append")
    old.unlink()
    lake = ProjectLake(project, table)
    since = rows["at"][299] + timedelta(minutes=5)
    assert lake.as_of(ALL, since).collect().equals(rows[300:])
    with pytest.raises(ConfigurationError, match=f"cannot be read as a Delta table.*{old.name}"):
        lake.as_of(ALL)


def test_a_column_that_came_later_is_null_before(project, rows, tmp_path):
    table = tmp_path / "t"
    rows[:300].drop("region").write_delta(table)
    rows[300:].write_delta(table, mode="append", delta_write_options={"schema_mode": "merge"})
    seen = ProjectLake(project, table).as_of(ALL).collect()
    assert seen["region"][:300].null_count() == 300
    assert seen["region"][300:].to_list() == rows["region"][300:].to_list()


@pytest.mark.parametrize(
    "name", ["my table", "täble", "a#1", "what?", "50%", "churn[1]", "star*", "k=v", "a;b & 'c'"]
)
def test_a_table_may_lie_under_any_path(project, rows, tmp_path, name):
    rows[:300].write_delta(tmp_path / "t")
    rows[300:].write_delta(tmp_path / "t", mode="append")
    table = tmp_path / name / "t"
    shutil.copytree(tmp_path / "t", table)
    shutil.copytree(tmp_path / "t", tmp_path / "starry" / "t")
    lake = ProjectLake(project, table)
    lake.check()
    assert lake.as_of(ALL).collect().equals(rows)
    assert lake.pin() == f"{table}, version 1"
    with lake.window(rows["at"][99], ALL) as window:
        assert sorted(window.files) == sorted(table.glob("*.parquet"))
        assert window.frame.collect().height == 500


def test_a_table_whose_files_are_not_its_rows_is_refused_where_its_path_hides_them(
    project, table, tmp_path
):
    hidden = tmp_path / "my table"
    table.rename(hidden)
    said = refusal(project, hidden)
    assert f"{hidden} is a Delta table with partitions, deletions or changed columns" in said
    assert said.endswith("move it to a path of letters and digits")


def test_a_table_without_files_may_lie_under_any_path_too(project, rows, tmp_path):
    rows[:0].write_delta(tmp_path / "my table")
    assert "holds no rows" in refusal(project, tmp_path / "my table")


def test_a_path_that_would_be_taken_for_another_one_is_refused(project, rows, tmp_path):
    for name in ("a b", "c"):
        rows.write_delta(tmp_path / name)
    (tmp_path / "c").rename(tmp_path / "a%20b")
    said = refusal(project, tmp_path / "a%20b")
    taken = f"{tmp_path / 'a%20b'} is taken for {tmp_path / 'a b'} by readers of Delta tables"
    assert said == f"{taken}: rename the folder"


def test_a_table_without_rows_is_refused(project, rows, tmp_path):
    rows[:0].write_delta(tmp_path / "t")
    assert "holds no rows" in refusal(project, tmp_path / "t")


@pytest.mark.parametrize("entry", [None, "{oops", '{"commitInfo": {}}'])
def test_what_is_no_delta_table_is_refused(project, rows, tmp_path, entry):
    log = tmp_path / "t" / "_delta_log"
    log.mkdir(parents=True)
    rows.write_parquet(tmp_path / "t" / "x.parquet")
    if entry:
        (log / f"{0:020}.json").write_text(entry)
    assert f"{tmp_path / 't'} cannot be read as a Delta table" in refusal(project, tmp_path / "t")


def test_a_table_without_an_event_time_is_refused(project, rows, tmp_path):
    rows.drop("at").write_delta(tmp_path / "t")
    assert "has no column 'at', the event_time" in refusal(project, tmp_path / "t")

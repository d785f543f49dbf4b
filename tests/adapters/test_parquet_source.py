# ruff: noqa: DTZ001 - event time is naive UTC
"""Parquet files: one, a folder, partitions, a glob; and each way in which they are refused."""

import os
import tempfile
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.errors import ConfigurationError

ALL = datetime.max  # noqa: DTZ901 - naive UTC
NOBODY = 65_534


def read(project, source):
    lake = ProjectLake(project, source)
    lake.check()
    return lake.as_of(ALL).collect()


def refusal(project, source):
    with pytest.raises(ConfigurationError) as caught:
        ProjectLake(project, source).check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def with_columns(project, **columns):
    contract = pa.DataFrameSchema({**project.contract.columns, **columns})
    roles = project.roles.model_copy(update={"ignored": tuple(columns)})
    return project.model_copy(update={"contract": contract, "roles": roles})


@pytest.fixture
def parts(rows, tmp_path):
    """Two files in a folder."""
    folder = tmp_path / "rides"
    folder.mkdir()
    rows[:200].write_parquet(folder / "a.parquet")
    rows[200:].write_parquet(folder / "b.parquet")
    return folder


@pytest.fixture
def partitioned(rows, tmp_path):
    """One file a region and day, as Hive and Spark lay them out."""
    root = tmp_path / "env=test" / "rides"
    days = rows.with_columns(day=pl.col("at").dt.date())
    for (region, day), part in days.partition_by("region", "day", as_dict=True).items():
        name = "__HIVE_DEFAULT_PARTITION__" if region is None else region.replace("n", "%6E")
        folder = root / f"region={name}" / f"day={day}"
        folder.mkdir(parents=True)
        part.drop("region", "day").write_parquet(folder / "part-0.parquet")
    return root


def test_folders_and_globs_are_read_whole(project, rows, parts):
    for source in (parts, str(parts), str(parts / "*.parquet"), str(parts.parent / "r*")):
        assert read(project, source).equals(rows)


@pytest.mark.parametrize("name", ["churn[1]", "what?", "star*", "my data", "däta", "a%20b#1"])
def test_a_file_or_folder_that_is_there_is_no_glob(project, rows, partitioned, name):
    folder, other = partitioned.parent / name, partitioned.parent / "starry"
    for at in (folder, other):
        at.mkdir()
        rows.write_parquet(at / f"{name}.parquet")
    for source in (folder, folder / f"{name}.parquet"):
        assert read(project, source).equals(rows)
    partitioned.rename(folder / "parts")
    assert read(project, folder / "parts").select(rows.columns).sort("at").equals(rows)
    (folder / f"{name}.parquet").write_bytes(b"PAR1 and no more PAR1")
    assert f"{name}.parquet cannot be read as parquet" in refusal(
        project, folder / f"{name}.parquet"
    )


def test_what_is_half_written_or_hidden_is_no_data(project, rows, parts):
    (parts / "_temporary").mkdir()
    for name in ("_temporary/c.parquet", ".c.parquet", "_c.parquet", "c.parquet.crc"):
        (parts / name).write_bytes(b"half")
    for source in (parts, parts / "**/*.parquet", parts / "*.parquet"):
        assert read(project, source).equals(rows)


def test_rows_of_a_job_that_has_not_ended_are_found_by_no_glob_but_one_that_asks_for_them(
    project, rows, parts
):
    (parts / "_temporary" / "0").mkdir(parents=True)
    rows[:9].write_parquet(parts / "_temporary" / "0" / "c.parquet")
    (parts / "_SUCCESS").touch()
    for pattern in ("*", "**", "**/*.parquet"):
        assert read(project, parts / pattern).equals(rows)
    assert read(project, parts / "_temp*").equals(rows[:9])


def test_links_are_followed_and_never_in_a_circle(project, rows, parts):
    elsewhere = parts.parent / "elsewhere"
    elsewhere.mkdir()
    (parts / "b.parquet").rename(elsewhere / "b.parquet")
    (parts / "c").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(parts)
    assert read(project, parts).equals(rows)


def test_partitions_are_columns_of_the_contract_in_its_types(project, rows, partitioned):
    dated = with_columns(project, day=pa.Column(pl.Date))
    for source in (partitioned, str(partitioned / "region=*"), str(partitioned / "**/*.parquet")):
        seen = read(dated, source)
        assert seen.select(rows.columns).sort("at").equals(rows)
        assert seen["day"].to_list() == [at.date() for at in seen["at"]]
        assert "env" not in seen.columns


def test_partitions_that_the_contract_does_not_name_are_no_columns(project, rows, partitioned):
    assert sorted(read(project, partitioned).columns) == sorted(rows.columns)


@pytest.mark.parametrize(
    ("kind", "names", "values"),
    [
        (pl.String, ["01", "1"], ["01", "1"]),
        (pl.Int8, ["01", "7"], [1, 7]),
        (pl.Float64, ["0.5", "2"], [0.5, 2.0]),
        (pl.Boolean, ["true", "False"], [True, False]),
        (pl.Date, ["2026-01-01", "2026-02-01"], [date(2026, 1, 1), date(2026, 2, 1)]),
        (pl.Datetime("us"), ["2026-01-01 10%3A00%3A00", "2026-01-02 00%3A00%3A00"],
         [datetime(2026, 1, 1, 10), datetime(2026, 1, 2)]),
        (pl.Enum(["a", "b"]), ["a", "b"], ["a", "b"]),
    ],
)  # fmt: skip
def test_a_partition_of_every_type(project, rows, tmp_path, kind, names, values):
    for n, name in enumerate(names):
        folder = tmp_path / f"key={name}"
        folder.mkdir()
        rows[n : n + 1].write_parquet(folder / "x.parquet")
    seen = read(with_columns(project, key=pa.Column(kind)), tmp_path)
    assert seen["key"].to_list() == values
    assert seen.schema["key"] == kind


def test_a_partition_may_bear_any_name(project, rows, tmp_path):
    (tmp_path / "self=a").mkdir()
    rows.write_parquet(tmp_path / "self=a" / "x.parquet")
    seen = read(with_columns(project, self=pa.Column(pl.String)), tmp_path)
    assert seen["self"].unique().to_list() == ["a"]


def test_a_partition_of_another_type_is_refused_by_name(project, partitioned):
    numbered = with_columns(project, region=pa.Column(pl.Int64))
    message = refusal(numbered, partitioned)
    assert "lies in region=" in message
    assert "is no Int64, which the contract wants of 'region'" in message


def test_a_file_outside_the_partitions_is_refused_by_name(project, rows, partitioned):
    rows[:1].write_parquet(partitioned / "zz.parquet")
    message = refusal(project, partitioned)
    assert f"{partitioned / 'zz.parquet'} lies in no <key>=<value> folder" in message


def test_a_folder_without_parquet_is_refused(project, tmp_path):
    (tmp_path / "rides").mkdir()
    (tmp_path / "rides" / "a.csv").touch()
    assert f"there is no data at {tmp_path / 'rides'}" in refusal(project, tmp_path / "rides")


@pytest.mark.parametrize("damage", [b"", b"no parquet at all", None])
def test_the_one_file_that_cannot_be_read_is_named(project, parts, damage):
    bad = parts / "b.parquet"
    whole = bad.read_bytes()
    bad.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert str(bad) in refusal(project, parts)


def test_a_file_with_damaged_pages_is_named_once_it_is_read(project, parts):
    bad = parts / "b.parquet"
    content = bytearray(bad.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    bad.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"/b\.parquet cannot be read as parquet"):
        ProjectLake(project, parts).as_of(ALL)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.with_columns(age=pl.lit("old")), "column 'age' is String and not Float64"),
        (lambda f: f.drop("visits"), "column 'visits' is missing"),
        (lambda f: f.with_columns(x=1), "column 'x' is new"),
        (lambda f: f.with_columns(pl.col("at").dt.replace_time_zone("UTC")), "column 'at' is Date"),
        (lambda f: f.select(pl.lit(1).alias(c) for c in f.columns), "and 3 more"),
    ],
)
def test_a_file_that_differs_is_named_with_its_columns(project, parts, change, said):
    bad = parts / "b.parquet"
    change(pl.read_parquet(bad)).write_parquet(bad)
    message = refusal(project, parts)
    assert f"{bad} differs from {parts / 'a.parquet'}: " in message
    assert said in message


def test_the_order_of_columns_is_no_difference(project, rows, parts):
    other = parts / "b.parquet"
    pl.read_parquet(other).select(reversed(rows.columns)).write_parquet(other)
    assert read(project, parts).equals(rows)


def test_the_files_of_a_delta_table_are_not_its_rows(project, rows, tmp_path):
    table = tmp_path / "lake" / "table"
    table.mkdir(parents=True)
    rows.write_delta(table)
    (file,) = table.glob("*.parquet")
    for source in (file, str(table / "*.parquet"), table.parent, str(tmp_path / "*")):
        message = refusal(project, source)
        assert f"{table} is a Delta table, and its files are not its rows" in message


@contextmanager
def no_rights():
    """Run as a user with no rights of its own, where this one has all of them."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("closed", ["file", "folder", "below"])
def test_what_may_not_be_read_is_named(project, rows, closed):
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        root.chmod(0o755)
        below = root / "rides" / "deep"
        below.mkdir(parents=True)
        rows.write_parquet(below / "a.parquet")
        path = {"file": below / "a.parquet", "folder": root / "rides", "below": below}[closed]
        path.chmod(0)
        try:
            with no_rights():
                message = refusal(project, root / "rides")
        finally:
            path.chmod(0o700)
        assert f"{path}" in message
        assert "may not be read: give this user the right to" in message

"""Rows from all over a file, in bounded memory, and a sentence where there are none."""

import polars as pl
import pyarrow.parquet as pq
import pytest

from sixgates.adapters.lake import parquet_sample
from sixgates.adapters.lake.parquet_sample import sample_parquet
from sixgates.gates.errors import ConfigurationError


@pytest.fixture
def file(tmp_path):
    return tmp_path / "rows.parquet"


def test_a_small_file_is_read_whole(file):
    frame = pl.DataFrame({"x": [3, 1, None], "text": ["b", "a", "c"]})
    frame.write_parquet(file)
    table = sample_parquet(file)
    assert table.rows.equals(frame)
    assert (table.total, table.nulls, table.ends) == (3, {"x": 1, "text": 0}, {"x": (1, 3)})


@pytest.mark.parametrize("name", ["churn[1]", "what?", "star*"])
def test_a_file_that_is_there_is_no_glob(tmp_path, name):
    frame = pl.DataFrame({"x": [3, 1, None]})
    for found in (name, "starry"):
        frame.write_parquet(tmp_path / f"{found}.parquet")
    table = sample_parquet(tmp_path / f"{name}.parquet")
    assert (table.rows.height, table.total) == (3, 3)


def test_rows_come_from_all_over_a_large_file_with_the_newest_among_them(file):
    pl.DataFrame({"x": range(400_001)}).write_parquet(file, row_group_size=8_000)
    table = sample_parquet(file)
    assert pq.read_metadata(file).num_row_groups > 20
    assert 20_000 < table.rows.height <= 50_000
    assert table.rows["x"].max() == 400_000
    assert table.rows["x"].diff().max() < 3 * 8_000
    assert (table.total, table.ends["x"]) == (400_001, (0, 400_000))


def test_nulls_and_ends_are_unknown_where_the_file_does_not_say_them(file):
    pl.DataFrame({"x": [1, 2]}).write_parquet(file, statistics=False)
    table = sample_parquet(file)
    assert (table.ends, table.range_of("x"), table.null_share("x")) == ({}, (1, 2), 0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda _: None, "is not there"),
        (lambda f: f.mkdir(), "is no file"),
        (lambda f: f.write_bytes(b""), "is an empty file"),
        (lambda f: f.write_bytes(b"PAR1 and no more PAR1"), "cannot be read as parquet"),
        (lambda f: pl.DataFrame({"x": []}).write_parquet(f), "holds no rows"),
        (
            lambda f: pl.DataFrame({f"c{i}": [1] for i in range(1_001)}).write_parquet(f),
            "1,001 columns",
        ),
    ],
    ids=["absent", "folder", "no bytes", "damaged", "no rows", "too wide"],
)
def test_what_cannot_be_looked_at_is_refused(file, make, sentence):
    make(file)
    with pytest.raises(ConfigurationError, match=sentence):
        sample_parquet(file)


def test_a_row_group_too_large_to_read_is_refused(file, monkeypatch):
    pl.DataFrame({"x": range(1_000)}).write_parquet(file)
    monkeypatch.setattr(parquet_sample, "_BYTES", 100)
    with pytest.raises(ConfigurationError, match="row group"):
        sample_parquet(file)

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sixgates.adapters import parquet_profile
from sixgates.adapters.parquet_profile import Span, profile_files
from sixgates.gates.errors import ContractError
from sixgates.gates.profile.count import BATCH, profile_frame
from sixgates.gates.profile.sample import Sample

NUMERIC = ["f32", "f64", "wide", "i", "u8", "flag", "money", "none"]
CATEGORICAL = ["s", "long", "cat", "enum", "code", "day", "yes", "nothing", "many"]
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC


def rows_of(seed, rows, *, holes=0.1):
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 6, rows)
    df = pl.DataFrame(
        {
            "at": [START + timedelta(minutes=i) for i in range(rows)],
            "f32": rng.normal(3, 1, rows).astype(np.float32),
            "f64": rng.normal(-1, 50, rows),
            "wide": rng.lognormal(0, 3, rows),
            "i": rng.integers(-3, 900, rows),
            "u8": rng.integers(0, 256, rows).astype(np.uint8),
            "flag": rng.random(rows) < 0.2,
            "money": pl.Series(rng.integers(0, 10**6, rows)).cast(pl.Decimal(12, 2)),
            "s": pl.Series([f"s{i}" for i in number], dtype=pl.String),
            "long": pl.Series([f"{'long ' * 5}{i}" for i in number], dtype=pl.String),
            "cat": pl.Series([f"c{i}" for i in number], dtype=pl.Categorical),
            "enum": pl.Series(
                [f"e{i}" for i in number], dtype=pl.Enum([f"e{i}" for i in range(9)])
            ),
            "code": number,
            "day": pl.Series([date(2026, 1, 1 + int(i)) for i in number], dtype=pl.Date),
            "yes": number > 2,
            "many": pl.Series([f"id-{i}" for i in rng.integers(0, 4_000, rows)], dtype=pl.String),
        }
    )
    strange = pl.Series(rng.choice([np.nan, np.inf, -np.inf, -0.0], rows))
    floats = ("f32", "f64", "wide")
    df = df.with_columns(
        pl.when(pl.Series(rng.random(rows) < 0.05)).then(strange.cast(df[n].dtype))
        .otherwise(pl.col(n)).alias(n)
        for n in floats
    )  # fmt: skip
    df = df.with_columns(
        pl.when(pl.Series(rng.random(rows) >= holes)).then(pl.col(n))
        for n in df.columns if n != "at"
    )  # fmt: skip
    return df.with_columns(none=pl.lit(None), nothing=pl.lit(None, dtype=pl.String))


def trained():
    training = rows_of(1, 4_000).filter(pl.col("s").is_null() | (pl.col("s") != "s5"))
    return profile_frame(training, NUMERIC, CATEGORICAL)


def assert_same(found, wanted):
    """Compare feature by feature: the difference of all their cells takes minutes to print."""
    pairs = zip(found.features, wanted.features, strict=True)
    assert [a.name for a, b in pairs if a != b] == []
    assert found.rows == wanted.rows


def counted(files, like, span=None):
    return profile_files(files, NUMERIC, CATEGORICAL, like=like, span=span)


@pytest.mark.parametrize("holes", [0.0, 0.1])
@pytest.mark.parametrize("compression", ["zstd", "uncompressed"])
def test_files_are_counted_as_their_frame_is(tmp_path, compression, holes):
    profile, df = trained(), rows_of(2, 5_000, holes=holes)
    for i, part in enumerate(df.iter_slices(2_000)):
        part.write_parquet(tmp_path / f"{i}.parquet", row_group_size=700, compression=compression)
    found = counted(sorted(tmp_path.glob("*.parquet")), profile)
    assert_same(found, profile_frame(df, NUMERIC, CATEGORICAL, like=profile))
    assert found.rows == 5_000


def test_files_of_other_writers_are_counted_as_their_frame_is(tmp_path):
    profile, df = trained(), rows_of(3, 5_000)
    table = df.drop("none").to_arrow().append_column("none", pa.nulls(df.height))
    files = [tmp_path / name for name in ("arrow", "pages", "pandas")]
    pq.write_table(table, files[0])
    # A dictionary that is full halfway: the rest of the column is written out.
    pq.write_table(table, files[1], dictionary_pagesize_limit=2_000, data_page_size=1_000)
    df.to_pandas().to_parquet(files[2])
    for file in files:
        df = pl.read_parquet(file)
        wanted = profile_frame(df, NUMERIC, CATEGORICAL, like=profile)
        assert_same(counted([file], profile), wanted)


def test_more_rows_than_a_batch_are_counted(tmp_path):
    rng = np.random.default_rng(4)
    df = pl.DataFrame(
        {"x": rng.normal(size=2 * BATCH + 5), "c": rng.choice(["a", "b"], 2 * BATCH + 5)}
    )
    df = df.with_columns(pl.when(pl.int_range(pl.len()) % 3 > 0).then(pl.all()))
    profile = profile_frame(df, ["x"], ["c"])
    pq.write_table(df.to_arrow(), tmp_path / "one.parquet")
    assert_same(profile_files([tmp_path / "one.parquet"], ["x"], ["c"]), profile)


@pytest.mark.parametrize(
    ("after", "until"), [(-1, 9_999), (500, 2_300), (699, 700), (1_400, 1_400), (9_000, 9_999)]
)
def test_a_span_holds_its_end_and_not_its_beginning(tmp_path, after, until):
    profile, df = trained(), rows_of(5, 3_000)
    df = df.with_columns(at=pl.when(pl.int_range(pl.len()) % 50 > 0).then(pl.col("at")))
    df.write_parquet(tmp_path / "rows.parquet", row_group_size=700)
    moments = [START + timedelta(minutes=m) for m in (after, until)]
    inside = df.filter(pl.col("at").is_between(*moments, closed="right"))
    found = counted([tmp_path / "rows.parquet"], profile, Span("at", *moments))
    assert_same(found, profile_frame(inside, NUMERIC, CATEGORICAL, like=profile))
    assert found.rows == inside.height


def test_a_span_is_in_utc_whatever_the_column(tmp_path):
    profile, df = trained(), rows_of(5, 3_000)
    moments = [START + timedelta(minutes=m) for m in (500, 2_300)]
    zoned = pl.col("at").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo")
    found = []
    for i, at in enumerate([pl.col("at"), zoned, pl.col("at").dt.cast_time_unit("ms")]):
        df.with_columns(at).write_parquet(tmp_path / f"{i}.parquet")
        found.append(counted([tmp_path / f"{i}.parquet"], profile, Span("at", *moments)))
    assert_same(found[1], found[0])
    assert_same(found[2], found[0])


@pytest.mark.parametrize("waiting", [0, 10_000])
def test_files_have_the_new_grids_of_their_frame(tmp_path, monkeypatch, waiting):
    monkeypatch.setattr(parquet_profile, "WAITING", waiting)
    df = rows_of(8, 5_000)
    moments = [START + timedelta(minutes=m) for m in (500, 2_300)]
    inside = df.filter(pl.col("at").is_between(*moments, closed="right"))
    df.write_parquet(tmp_path / "rows.parquet", row_group_size=700)
    files = [tmp_path / "rows.parquet"]
    assert_same(counted(files, None), profile_frame(df, NUMERIC, CATEGORICAL))
    of_span = counted(files, None, Span("at", *moments))
    assert_same(of_span, profile_frame(inside, NUMERIC, CATEGORICAL))


def test_a_file_without_rows_has_a_profile(tmp_path):
    profile = trained()
    nothing = profile_frame(rows_of(6, 10).head(0), NUMERIC, CATEGORICAL, like=profile)
    rows_of(6, 10).head(0).write_parquet(tmp_path / "none.parquet")
    assert_same(counted([tmp_path / "none.parquet"], profile), nothing)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda df: df.drop("f64"), "f64.*absent"),
        (lambda df: df.with_columns(f64=pl.lit("x")), "f64 holds String"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, change, words):
    change(rows_of(7, 20)).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(ContractError, match=words):
        counted([tmp_path / "other.parquet"], trained())


@pytest.mark.parametrize("group", [10_000, 2 * BATCH + 500])
def test_a_sample_holds_the_same_rows_as_that_of_the_frame(tmp_path, group):
    rng, rows = np.random.default_rng(7), 2 * BATCH + 700
    df = pl.DataFrame({"x": np.arange(rows, dtype=np.float64), "c": rng.choice(["a", "b"], rows)})
    df.write_parquet(tmp_path / "rows.parquet", row_group_size=group)
    wanted, found = Sample(1_000), Sample(1_000)
    profile = profile_frame(df, ["x"], ["c"], sample=wanted)
    profile_files([tmp_path / "rows.parquet"], ["x"], ["c"], like=profile, sample=found)
    assert found.rows().equals(wanted.rows())
    assert found.rows().height >= 1_000


def test_groups_of_few_rows_may_give_none_to_the_sample(tmp_path):
    rows, found = pl.DataFrame({"x": [float(i) for i in range(200)]}), Sample(5)
    rows.write_parquet(tmp_path / "rows.parquet", row_group_size=3)
    profile_files(
        [tmp_path / "rows.parquet"], ["x"], [], like=profile_frame(rows, ["x"], []), sample=found
    )
    assert found.rows()["x"].to_list() == [float(i) for i in range(0, 200, 32)]

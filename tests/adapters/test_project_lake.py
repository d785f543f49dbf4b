# ruff: noqa: DTZ001 - event time is naive UTC
import math
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
import pandera.polars as pa
import polars as pl
import pytest

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.project import Roles

START, ALL = datetime(2026, 1, 1), datetime.max  # noqa: DTZ901 - naive UTC


@pytest.fixture
def lake(project, tmp_path):
    def lake(rows, **changes):
        path = tmp_path / "rides.parquet"
        rows.write_parquet(path)
        return ProjectLake(project.model_copy(update=changes), path)

    return lake


def read(lake):
    return lake.as_of(ALL).collect()


def with_label_time(project):
    roles = project.roles.model_copy(update={"label_time": "known", "label_horizon": None})
    contract = pa.DataFrameSchema({**project.contract.columns, "known": pa.Column(pl.Datetime)})
    return {"roles": Roles(**roles.model_dump()), "contract": contract}


def refusal(lake):
    with pytest.raises(ConfigurationError) as caught:
        lake.check()
    with pytest.raises(ConfigurationError):
        lake.as_of(START)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_younger_than_now_is_seen(lake, rows):
    now = START + timedelta(days=3)
    seen = lake(rows).as_of(now).collect()
    assert seen["at"].max() == now
    assert seen.height == 3 * 144 + 1


def test_labels_are_hidden_until_their_horizon(lake, rows):
    now = START + timedelta(days=3)
    seen = lake(rows).as_of(now).collect()
    known = seen.filter(pl.col("left").is_not_null())
    assert known["at"].max() == now - timedelta(days=2)
    assert known["left"].to_list() == rows["left"][: known.height].to_list()
    assert known.height == 144 + 1


def test_labels_are_hidden_until_their_own_time(lake, rows, project):
    known = pl.Series("known", [START + timedelta(days=d % 9) for d in range(rows.height)])
    known = pl.select(pl.when(pl.int_range(rows.height) != 3).then(known)).to_series()
    now = START + timedelta(days=4)
    seen = lake(rows.with_columns(known=known), **with_label_time(project)).as_of(now).collect()
    told = seen.filter(pl.col("left").is_not_null())
    assert told["known"].max() == now
    assert seen.filter(pl.col("left").is_null())["known"].null_count() == seen.height - told.height
    assert told.height < seen.height


def test_a_label_time_that_is_no_time_hides_every_label(lake, rows, project):
    odd = lake(rows.with_columns(known=pl.lit("soon")), **with_label_time(project))
    odd.check()
    seen = odd.as_of(START + timedelta(days=9)).collect()
    assert seen["left"].null_count() == seen.height


def test_times_with_a_zone_become_naive_utc_in_microseconds(lake, rows):
    zoned = rows.with_columns(
        pl.col("at")
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Asia/Tokyo")
        .dt.cast_time_unit("ms")
    )
    seen = lake(zoned).as_of(START + timedelta(days=9)).collect()
    assert seen.schema["at"] == pl.Datetime("us")
    assert seen["at"].to_list() == rows["at"].to_list()


def test_rows_come_in_event_time_order_and_ties_keep_theirs(lake, rows):
    tied = rows.with_columns(pl.col("at").dt.truncate("1d"), n=pl.int_range(pl.len()))
    shuffled = tied.sample(fraction=1, shuffle=True, seed=1)
    seen = lake(shuffled).as_of(START + timedelta(days=9)).collect()
    assert seen["at"].is_sorted()
    assert seen.filter(pl.col("at") == START)["n"].to_list() == (
        shuffled.filter(pl.col("at") == START)["n"].to_list()
    )


def test_a_row_without_time_is_kept_without_its_label_for_gate_1(lake, rows):
    torn = rows.with_columns(pl.when(pl.int_range(pl.len()) != 5).then("at").alias("at"))
    seen = lake(torn).as_of(START + timedelta(days=9)).collect()
    assert seen.height == rows.height
    assert seen.filter(pl.col("at").is_null())["left"].to_list() == [None]


KINDS = [(unit, zone) for unit in ("us", "ms", "ns") for zone in (None, "UTC", "Asia/Tokyo")]


@pytest.mark.parametrize(("unit", "zone"), KINDS)
@pytest.mark.parametrize("years", [0, -80])
def test_what_is_read_since_a_moment_is_what_is_left_of_all(lake, rows, unit, zone, years):
    """To the microsecond, at either end, before 1970 too."""
    near = [timedelta(0), timedelta(microseconds=1), timedelta(milliseconds=1)]
    start = START.replace(year=START.year + years)
    since, now = start + timedelta(days=1), start + timedelta(days=2)
    edges = [m + sign * d for m in (since, now) for d in near for sign in (-1, 1)]
    at = pl.Series("at", [*edges, None, *(start + timedelta(hours=n) for n in range(87))])
    kind = pl.Datetime(unit, zone)
    frame = rows[:100].with_columns(
        at.dt.replace_time_zone("UTC").cast(kind) if zone else at.cast(kind)
    )
    source = lake(frame)
    moments = source.as_of(ALL).collect()["at"].to_list()
    seen = source.as_of(now, since).collect()
    assert seen["at"].to_list() == [m for m in moments if m is None or since < m <= now]
    assert seen.height > 24
    assert seen.height < source.as_of(now).collect().height


def test_what_is_too_old_is_not_even_read(lake, rows, tmp_path):
    path = tmp_path / "rides.parquet"
    source = lake(rows)
    rows.write_parquet(path, row_group_size=100)
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 3] = bytes(len(content) // 3 - 4)
    path.write_bytes(content)
    since = rows["at"][399]
    assert source.as_of(ALL, since).collect()["at"].to_list() == rows["at"][400:].to_list()
    with pytest.raises(ConfigurationError, match="cannot be read as parquet"):
        source.as_of(ALL)


def test_the_address_is_what_was_given(lake, rows, tmp_path):
    source = lake(rows)
    assert source.describe() == source.pin() == str(tmp_path / "rides.parquet")


def test_the_given_data_goes_before_the_projects_source(project, rows, lake):
    sourced = project.model_copy(update={"source": rows[:7].lazy})
    assert read(ProjectLake(sourced)).height == 7
    assert "callable" in ProjectLake(sourced).describe()
    assert read(lake(rows, source=rows[:7].lazy)).height == 600


def test_a_missing_file_is_refused(project):
    assert "there is no data at nowhere.parquet" in refusal(ProjectLake(project, "nowhere.parquet"))
    assert "there is no data at no/*.parquet" in refusal(ProjectLake(project, "no/*.parquet"))


def test_no_source_at_all_is_refused(project):
    assert "give --data" in refusal(ProjectLake(project))


def test_an_empty_file_is_refused(project, tmp_path):
    (tmp_path / "x.parquet").touch()
    assert "is an empty file" in refusal(ProjectLake(project, tmp_path / "x.parquet"))


def test_no_rows_are_refused(lake, rows):
    source = lake(rows[:0])
    with pytest.raises(ConfigurationError, match="holds no rows"):
        source.check()
    assert source.as_of(START).collect().is_empty()


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(lake, rows, tmp_path, keep):
    source = lake(rows)
    path = tmp_path / "rides.parquet"
    path.write_bytes(path.read_bytes()[: math.ceil(path.stat().st_size * keep)])
    assert "cannot be read as parquet" in refusal(source)


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"PAR1", b"\0" * 100])
def test_what_is_not_parquet_is_refused(project, content):
    Path("x.parquet").write_bytes(content)
    assert "x.parquet cannot be read as parquet" in refusal(ProjectLake(project, "x.parquet"))


def test_damaged_pages_are_refused_while_reading(lake, rows, tmp_path):
    source = lake(rows)
    path = tmp_path / "rides.parquet"
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="cannot be read as parquet"):
        source.as_of(START + timedelta(days=9))


@pytest.mark.parametrize(("column", "role"), [("at", "event_time"), ("left", "label")])
def test_a_missing_time_or_label_is_refused(lake, rows, column, role):
    message = refusal(lake(rows.drop(column)))
    assert f"has no column {column!r}, the {role} of project churn" in message


@pytest.mark.parametrize("kind", [pl.String, pl.Int64, pl.Date])
def test_an_event_time_of_another_type_is_refused(lake, rows, kind):
    assert "and not a datetime" in refusal(lake(rows.with_columns(pl.col("at").cast(kind))))


def test_an_event_time_of_nulls_alone_is_refused(lake, rows):
    source = lake(rows.with_columns(at=pl.lit(None, pl.Datetime("us"))))
    with pytest.raises(ConfigurationError, match="is empty"):
        source.check()


def test_other_wrong_types_are_left_to_gate_1(lake, rows):
    odd = lake(rows.with_columns(age=pl.lit("old"), left=pl.lit("yes")).drop("visits"))
    odd.check()
    assert odd.as_of(START + timedelta(days=9)).collect().schema["age"] == pl.String


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        (lambda: 1 / 0, ConfigurationError, "raised ZeroDivisionError"),
        (lambda: pl.DataFrame({"a": [1]}), ConfigurationError, "returned a DataFrame"),
        (lambda: pl.scan_parquet("gone.parquet"), ConfigurationError, "raised FileNotFoundError"),
        (lambda: exec("raise TimeoutError('slow')"), TransientError, "did not answer: slow"),
        (lambda: asked("http://127.0.0.1:1"), TransientError, "did not answer: .*refused"),
    ],
)
def test_what_a_callable_raises_is_said_in_one_sentence(project, source, error, said):
    with pytest.raises(error, match=said):
        ProjectLake(project.model_copy(update={"source": source})).check()


def asked(url):
    with httpx.Client(trust_env=False) as client:
        return pl.LazyFrame(client.get(url).json())


def test_a_callable_that_fails_only_when_read_is_refused(project, rows):
    def source():
        return rows.lazy().with_columns(
            pl.col("age").map_batches(lambda _: 1 / 0, return_dtype=pl.Float64)
        )

    with pytest.raises(ConfigurationError, match="callable"):
        ProjectLake(project.model_copy(update={"source": source})).as_of(START)


def test_a_callable_does_not_show_what_it_was_given(project):
    given = project.model_copy(update={"source": partial(int, "PLANTED", base="x")})
    assert "PLANTED" not in refusal(ProjectLake(given)) + repr(given)


@pytest.mark.parametrize(
    "address", ["s3://key:PLANTED@bucket/x", "postgresql://u:PLANTED@host/db", "${WAREHOUSE}"]
)
def test_a_url_without_a_query_is_refused_and_not_quoted(project, address):
    message = refusal(ProjectLake(project, address))
    assert "has no query: append #" in message
    assert "PLANTED" not in message

"""Gate 1 on Dask, against the same rows in one process: two workers of one thread each."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from distributed.comm import CommClosedError

from sixgates.adapters.dataset_store import read_dataset, read_rows, rows_digest, stored_rows
from sixgates.adapters.engine.check import Asked
from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.project_files import load_project
from sixgates.adapters.quarantine_rows import count_refusals, kept_rows
from sixgates.gates.data.rows import RULE
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.validate import judge_counts
from sixgates.gates.verdict import Outcome

START, DAY = datetime(2026, 1, 5), timedelta(days=1)  # noqa: DTZ001 - naive UTC
DAYS, ROWS = 60, 50
NOW = START + DAYS * DAY
FILE = "faults.py"
PROJECT = """
from datetime import timedelta

import pandera.polars as pa
import polars as pl

from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles

BAD = 7

def not_seven(data):
    return data.lazyframe.select(pl.col(data.key) != BAD)

columns = {{
    "t": pa.Column(pl.Datetime("us")),
    "id": pa.Column(pl.Int64, unique=True),
    "who": pa.Column(pl.String),
    "batch": pa.Column(pl.Int64, nullable=True),
    "age": pa.Column(pl.Float64, [pa.Check.ge(0), pa.Check.le(120), pa.Check(not_seven)]),
    "x": pa.Column(pl.Float64, nullable=True),
    "early": pa.Column(pl.Float64, nullable=True),
    "kind": pa.Column(pl.String, pa.Check.isin(["a", "b"]), nullable=True),
    "y": pa.Column(pl.{kind}),
    "known": pa.Column(pl.Datetime("us"), nullable=True),
}}
project = Project(
    name="faults", task="{task}",
    contract=pa.DataFrameSchema(columns, unique=["who", "batch"]{checks}),
    roles=Roles(
        event_time="t", label="y", entity="who", numeric=("age", "x", "early"),
        categorical=("kind",), {label}
    ),
    loss="{loss}", {clip} policies=Policies.with_margin(
        0.01, training={{"window": {window}}},
        validation={{"min_rows": 50, "max_age": timedelta(days=2)}},
    ),
)
"""
BINARY = {
    "task": "binary", "loss": "brier", "kind": "Int64", "clip": "", "window": None, "checks": "",
    "label": 'label_time="known", ignored=("id", "batch"),',
}  # fmt: skip
NUMBERS = {
    "task": "regression", "loss": "absolute_error", "kind": "Float64", "clip": "clip=9.0,",
    "window": "timedelta(days=25)", "checks": "",
    "label": 'label_horizon=timedelta(days=2), ignored=("id", "batch", "known"),',
}  # fmt: skip


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
        yield cluster.scheduler_address


def faulty(text):
    """Rows with each fault that gate 1 knows of, in event-time order."""
    rng, n = np.random.default_rng(3), DAYS * ROWS
    i = np.arange(n)
    times = np.datetime64(START, "us") + (i * (86_400_000_000 // ROWS)).astype("timedelta64[us]")
    label = (rng.random(n) < 0.3).astype(float) + (rng.random(n) if text is NUMBERS else 0)
    unlabelled = n - 15 * ROWS
    frame = pl.DataFrame({
        "t": times, "id": i, "who": [f"u{k}" for k in i % 37], "batch": i,
        "age": 20 + 50 * rng.random(n), "x": rng.normal(size=n) + label, "early": label,
        "kind": np.array(["a", "b"])[i % 2], "y": label,
        "known": times + (86_400_000_000 * (0.5 + rng.random(n))).astype("timedelta64[us]"),
    })  # fmt: skip
    at = pl.int_range(pl.len())
    spoil = {
        "id": pl.when(at == n - 5).then(n - 800).otherwise("id"),
        "batch": pl.when(at.is_in([n - 37 * 22, n - 37 * 5])).then(-1).otherwise("batch"),
        "age": pl.when(at == n - 950).then(-1.0).when(at == n - 90).then(7.0)
        .when(at == n - 700).then(None).otherwise("age"),
        "x": pl.when(at % 97 == 0).then(float("nan")).when(at == n - 333).then(float("inf"))
        .otherwise("x"),
        "kind": pl.when(at % 301 == 300).then(pl.lit("c")).otherwise("kind"),
        "known": pl.when(at == 444).then(pl.col("t") - DAY)
        .when((pl.col("y") > 0.9) & (at % 3 == 0)).then(pl.col("t") + 8 * DAY)
        .when(at == 555).then(None).otherwise("known"),
        # Nobody fills it in before the label.
        "early": pl.when(pl.col("t") > NOW - 2 * DAY).then(None).otherwise("early"),
    }  # fmt: skip
    frame = frame.with_columns(**spoil)
    frame = frame.with_columns(y=pl.when(at == unlabelled).then(None).otherwise("y"))
    again = frame[-120:-60].with_columns(pl.col("id") + 10_000, pl.col("batch") + 10_000)
    timeless = frame[100:102].with_columns(
        pl.col("id") + 20_000, pl.col("batch") + 20_000, t=pl.lit(None, pl.Datetime("us"))
    )
    every = pl.concat([frame, again, timeless])
    kind = pl.Int64 if text is BINARY else pl.Float64
    return every.with_columns(pl.col("y").cast(kind))


def written(folder, frame, lies):
    """Put rows into files as they may lie."""
    folder.mkdir()
    match lies:
        case "one file":
            frame.write_parquet(folder / "all.parquet")
        case "in order":
            ordered = frame.sort("t", maintain_order=True)
            for k, part in enumerate(ordered.iter_slices(700)):
                part.write_parquet(folder / f"{k}.parquet")
        case "mixed":
            for k in range(3):
                frame.gather_every(3, k).write_parquet(folder / f"{k}.parquet")
    return str(folder / "all.parquet") if lies == "one file" else str(folder)


def project_of(folder, text, **changes):
    path = folder / FILE
    path.write_text(PROJECT.format(**text | changes))
    return load_project(str(path))


def asked_of(folder, project, data, runs, **known):
    return Asked(project, str(folder / FILE), ProjectLake(project, data), NOW, runs, "r1", **known)


def both(scheduler, project, data, folder, **known):
    """What one process and the workers find of the same rows, each with its stored rows."""
    found = []
    for name in ("local", scheduler):
        runs = folder / ("here" if name == "local" else "there")
        asked = asked_of(folder, project, data, runs, **known)
        checked = engine_of(name).check(asked)
        assert checked.engine == name
        found.append((checked, checked.store()))
    return found


@pytest.fixture
def finely_cut(monkeypatch):
    """Let a source in no order be cut into several stretches of time, few as its rows are."""
    monkeypatch.setattr("sixgates.adapters.engine.source_rows.ROWS", 64 * 10)


@pytest.fixture
def few_for_leaks(monkeypatch):
    """Let few rows be looked at for leaks, of each class in steps of its own."""
    monkeypatch.setattr("sixgates.gates.data.sides._ROWS", 400)


@pytest.mark.usefixtures("finely_cut", "few_for_leaks")
@pytest.mark.parametrize(
    ("text", "lies"),
    [(BINARY, "in order"), (BINARY, "mixed"), (NUMBERS, "one file"), (NUMBERS, "mixed")],
)
def test_a_frame_with_every_fault_is_judged_as_by_one_process(scheduler, tmp_path, text, lies):
    project, rows = project_of(tmp_path, text), faulty(text)
    data = written(tmp_path / "rows", rows, lies)
    asked_at = pl.col("t").is_between(NOW - 5 * DAY, NOW - DAY)
    said = rows.filter(asked_at).select(
        epoch=pl.lit(1), error=pl.lit(""), values=pl.concat_list(pl.lit(0.5)), entity="who",
        at=pl.col("t").dt.epoch("us") / 1e6,
    )  # fmt: skip
    known = {
        "broken": [(START + 37 * DAY, START + 38 * DAY)], "new_after": NOW - 9 * DAY, "said": said,
    }  # fmt: skip
    (here, want), (there, found) = both(scheduler, project, data, tmp_path, **known)

    assert there.counts == here.counts
    assert there.refusals == here.refusals
    assert set(here.refusals.by_rule) >= {
        "event_time", "broken_feed", "not_finite", "id: unique", "frame: unique(who, batch)",
        "age: not_nullable", "age: greater_than_or_equal_to(0)", "age: not_seven",
        "kind: isin(['a', 'b'])", "label_missing",
    }  # fmt: skip
    assert there.data.periods == here.data.periods
    assert sum(here.data.periods.repeated) > 0
    assert sum(here.data.periods.same_key) > 0
    assert there.data.delays == here.data.delays
    assert bool(here.data.delays) is (text is BINARY)
    assert there.data.null_jump == here.data.null_jump is not None
    assert there.data.order == here.data.order
    assert (here.data.order is not None) is (lies == "one file")
    assert there.data == replace(here.data, leaks=there.data.leaks)
    for one, other in zip(there.data.leaks.strongest, here.data.leaks.strongest, strict=True):
        assert (one.feature, one.share) == (other.feature, pytest.approx(other.share))
    assert there.pairs.sort("id").equals(here.pairs.sort("id"))
    verdicts = [judge_counts(c.counts, c.data, project, NOW) for c in (there, here)]
    assert verdicts[0].outcome is Outcome.FAIL
    assert [c.name for c in verdicts[0].checks] == [c.name for c in verdicts[1].checks]
    assert [c.outcome for c in verdicts[0].checks] == [c.outcome for c in verdicts[1].checks]

    assert read_dataset(found).equals(read_dataset(want))
    assert (found.rows, found.matured, found.quarantined) == (
        want.rows, want.matured, want.quarantined,
    )  # fmt: skip
    refused, wanted = (
        read_rows(path, rows_digest(path))
        for path in (stored_rows(tmp_path / name, "r1")[1] for name in ("there", "here"))
    )
    assert refused.equals(wanted)
    kept = [kept_rows(c.refused, "t", "r1", NOW) for c in (there, here)]
    assert kept[0].equals(kept[1])
    assert count_refusals(there.refusals) == count_refusals(here.refusals)


def test_a_rule_that_fails_in_one_part_refuses_the_whole_table(scheduler, tmp_path):
    whole = ', checks=[pa.Check(lambda data: data.lazyframe.select(pl.col("x").max() < 1e9))]'
    project = project_of(tmp_path, BINARY, checks=whole)
    data = written(tmp_path / "rows", faulty(BINARY), "in order")
    asked = asked_of(tmp_path, project, data, tmp_path)
    checked = engine_of(scheduler).check(asked)
    assert "judges the table as a whole" in checked.counts.problems[0]
    stored = checked.store()
    assert (stored.rows, stored.quarantined) == (0, faulty(BINARY).height)
    assert read_dataset(stored).is_empty()
    assert list(checked.refusals.by_rule) == ["schema"]


def test_a_column_of_a_wrong_type_is_named_as_by_one_process(scheduler, tmp_path):
    project = project_of(tmp_path, BINARY)
    rows = faulty(BINARY).with_columns(pl.col("age").cast(pl.String))
    data = written(tmp_path / "rows", rows, "in order")
    (here, want), (there, found) = both(scheduler, project, data, tmp_path)
    assert there.counts == here.counts
    assert there.data == here.data
    assert there.refusals == here.refusals
    assert found.quarantined == want.quarantined == rows.height


def test_rows_of_no_time_at_all_are_refused_by_name(scheduler, tmp_path):
    project = project_of(tmp_path, BINARY)
    rows = faulty(BINARY)[:30].with_columns(t=pl.lit(None, pl.Datetime("us")))
    data = written(tmp_path / "rows", rows, "in order")
    (here, _), (there, _) = both(scheduler, project, data, tmp_path)
    assert there.counts == here.counts
    assert there.data == here.data


@pytest.mark.parametrize("lies", ["in order", "mixed"])
@pytest.mark.usefixtures("finely_cut")
def test_an_event_time_of_no_year_is_an_old_one_as_in_one_process(scheduler, tmp_path, lies):
    project, rows = project_of(tmp_path, BINARY), faulty(BINARY)
    far, last = pl.col("id").is_in([3, 301, 1500]), pl.col("id") == 1500
    times = pl.when(far).then(-(10**15) * (pl.col("id") + 100)).otherwise("t")
    rows = rows.with_columns(
        t=times.cast(pl.Datetime("us")), known=pl.when(~last).then("known"),
        kind=pl.when(pl.col("id") == 301).then(pl.lit("c")).otherwise("kind"),
    )  # fmt: skip
    data = written(tmp_path / "rows", rows, lies)
    (here, want), (there, found) = both(scheduler, project, data, tmp_path)
    assert there.counts == here.counts
    assert there.refusals == here.refusals
    assert there.data.periods == here.data.periods
    assert there.data.null_jump == here.data.null_jump is not None
    assert read_dataset(found).equals(read_dataset(want))


@pytest.mark.parametrize("column", ["t", "x"])
def test_a_file_that_a_worker_cannot_read_is_named_as_by_one_process(scheduler, tmp_path, column):
    project = project_of(tmp_path, BINARY)
    data = written(tmp_path / "rows", faulty(BINARY), "in order")
    spoilt = Path(data) / "2.parquet"
    group, text = pq.read_metadata(spoilt).row_group(0), bytearray(spoilt.read_bytes())
    places = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    begin = places[column].dictionary_page_offset or places[column].data_page_offset
    text[begin : begin + 200] = b"\xff" * 200
    spoilt.write_bytes(text)
    asked = asked_of(tmp_path, project, data, tmp_path)
    for name in ("local", scheduler):
        with pytest.raises(ConfigurationError, match=r"2\.parquet cannot be read as parquet"):
            engine_of(name).check(asked)


def test_a_scheduler_that_is_lost_is_no_fault_of_the_files(scheduler, tmp_path, monkeypatch):
    project = project_of(tmp_path, BINARY)
    data = written(tmp_path / "rows", faulty(BINARY), "in order")

    def lost(*_given, **_more):
        raise CommClosedError

    monkeypatch.setattr(Client, "gather", lost)
    with pytest.raises(TransientError, match="was lost"):
        engine_of(scheduler).check(asked_of(tmp_path, project, data, tmp_path))


def test_a_source_may_have_a_column_of_the_name_that_tells_the_rule(scheduler, tmp_path):
    project = project_of(tmp_path, BINARY)
    rows = faulty(BINARY).with_columns(pl.lit("mine").alias(RULE))
    data = written(tmp_path / "rows", rows, "in order")
    (here, want), (there, found) = both(scheduler, project, data, tmp_path)
    assert there.counts == here.counts
    assert count_refusals(there.refusals) == count_refusals(here.refusals)
    assert found.quarantined == want.quarantined > 0
    kept = [kept_rows(its.refused, "t", "r", NOW) for its in (here, there)]
    assert kept[0].equals(kept[1])


def test_a_worker_that_sees_another_file_of_the_project_is_refused(
    scheduler, tmp_path, monkeypatch
):
    project = project_of(tmp_path, BINARY)
    asked = asked_of(
        tmp_path, project, written(tmp_path / "rows", faulty(BINARY), "mixed"), tmp_path
    )
    monkeypatch.setattr("sixgates.adapters.engine.source_rows.file_digest", lambda _: "0" * 64)
    with pytest.raises(ConfigurationError, match=r"worker tcp://.* does not see .*faults.py as"):
        engine_of(scheduler).check(asked)

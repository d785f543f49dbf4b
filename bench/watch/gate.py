"""The data gate on a hundred checks: what `tasks.validate` does of a file, without the ledger.

What its training rows cost to store is no part of it.
"""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pandera.polars as pa
import polars as pl

from bench.watch.windows import CATEGORICAL, EVENT_TIME, LABEL, LEVELS, NUMERIC, SPAN, START
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.newest_weeks import newest_weeks, order_of_source
from sixgates.adapters.quarantine import keep_refused, quarantine_of
from sixgates.adapters.quarantine_rows import count_refusals
from sixgates.gates.card import Task
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.refusals import refusals_of
from sixgates.gates.data.rows import split_rows
from sixgates.gates.data.summary import as_page, summarise
from sixgates.gates.policy import Policies
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.validate import judge_validation

CHECKS = 100
_FEW = 2_000
_NOW = START + SPAN
_CHAMPION_UNTIL = _NOW - timedelta(days=10)
_RANGES = ((-5, 5), (-5, 5), (25, 175), (0, 100), (0, 1))
"""Of the kinds of numbers, which take turns; about one in a million lies outside."""


def checked(file: Path) -> dict[str, object]:
    """Read a file, judge its rows and the whole, and write what was refused, as gate 1 does."""
    project = _project()
    lake = ProjectLake(project, str(file))
    rows = lake.as_of(_NOW).collect()
    split = split_rows(rows, project, _NOW)
    data = measure_data(
        newest_weeks(lake, project, rows, _NOW), split, project, _NOW, new_after=_CHAMPION_UNTIL,
        order=order_of_source(lake, project, _NOW, _CHAMPION_UNTIL),
    )  # fmt: skip
    verdict = judge_validation(split, data, project, _NOW, _CHAMPION_UNTIL)
    refused, name = split.quarantined, project.name
    refusals = refusals_of(split, project)
    with TemporaryDirectory() as folder:
        page = as_page(summarise(refusals, split.problems, verdict, project), name, verdict)
        (Path(folder) / "summary.md").write_text(page)
        refused.write_parquet(Path(folder) / "quarantine.parquet")
        table = quarantine_of(Path(folder) / "tables", name)
        keep_refused(table, refused, event_time=EVENT_TIME, run="run", as_of=_NOW)
    by_rule = {refusal.rule: refusal.rows for refusal in count_refusals(refusals)}
    return {
        "outcome": verdict.outcome, "checks": len(verdict.checks), "rows": split.rows,
        "by_rule": by_rule,
    }  # fmt: skip


def warm_up(file: Path) -> None:
    """Take a few rows through, so that all is loaded and compiled that is so late."""
    with TemporaryDirectory() as folder:
        few = Path(folder) / file.name
        pl.scan_parquet(file).head(_FEW).collect().write_parquet(few)
        checked(few)


def _project() -> Project:
    columns = {
        name: pa.Column(
            pl.Float32 if name.startswith("f32") else pl.Float64,
            [pa.Check.ge(low), pa.Check.le(high)],
            nullable=True,
        )
        for i, name in enumerate(NUMERIC)
        for low, high in (_RANGES[i % len(_RANGES)],)
    }
    for name, levels in zip(CATEGORICAL, LEVELS, strict=True):
        known = [f"{name}-level-{i}" for i in range(levels)]
        checks = [pa.Check.isin(known), pa.Check.str_length(1, 20)]
        columns[name] = pa.Column(pl.String, checks, nullable=True)
    count = sum(len(column.checks) for column in columns.values())
    assert count == CHECKS, count  # noqa: S101 - the figure's name says so
    columns[EVENT_TIME] = pa.Column(pl.Datetime("us"))
    columns[LABEL] = pa.Column(pl.Int8, nullable=True)
    roles = Roles(
        event_time=EVENT_TIME, label=LABEL, label_horizon=timedelta(0),
        numeric=tuple(NUMERIC), categorical=tuple(CATEGORICAL),
    )  # fmt: skip
    return Project(
        name="bench", task=Task.BINARY, contract=pa.DataFrameSchema(columns), roles=roles,
        loss=LossName.BRIER, policies=Policies.with_margin(0.01),
    )  # fmt: skip

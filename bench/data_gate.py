"""What gate 1 costs on a million rows: its processor time beside one pass over the same file.

The pass is Polars summing every column. The gate reads the rows, holds them against a contract of a
hundred checks, measures and judges all else, and writes what it refused; what its training rows
cost to store is no part of it.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandera.polars as pa
import polars as pl
import polars.selectors as cs

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.order import measure_order
from sixgates.gates.data.periods import span_of_periods
from sixgates.gates.data.rows import split_rows
from sixgates.gates.data.summary import as_page, summarise
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Verdict

ROWS = 1_000_000
NUMBERS = tuple(f"f{i:02}" for i in range(42))
NAMES = tuple(f"c{i}" for i in range(5))
REGIONS = ["north", "east", "south", "west"]
START = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC
DAYS = 180
NOW = START + timedelta(days=DAYS)


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor seconds, all threads together; the median of the rounds."""

    rows: int
    columns: int
    checks: int
    """In the contract."""
    quarantined: int
    passed: bool
    pass_seconds: float
    """Of one Polars pass that sums every column."""
    gate_seconds: float
    ratio: float
    """Median of the ratios, each of one gate to the pass just before it."""


def made(path: Path, rows: int = ROWS) -> Path:
    """Write the file, from a fixed seed; what is there already is kept."""
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    micros = np.sort(rng.integers(0, DAYS * 86_400_000_000, rows))
    columns: dict[str, pl.Series | np.ndarray] = {
        "ts": np.datetime64(START, "us") + micros,
        "who": pl.Series(rng.integers(0, rows // 5, rows)).cast(pl.String),
        **{name: rng.normal(size=rows) for name in NUMBERS},
        **{name: np.array(REGIONS)[rng.integers(0, len(REGIONS), rows)] for name in NAMES},
        "y": (rng.random(rows) < 0.2).astype(np.int8),  # noqa: PLR2004 - a rate like another
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(path)
    return path


def project() -> Project:
    """Return the project: a hundred checks, some of which refuse a few rows in a million."""
    tails = [pa.Check.ge(-6), pa.Check.le(4.5)]
    names = [pa.Check.isin(REGIONS), pa.Check.str_length(max_value=9)]
    label = [pa.Check.isin([0, 1]), pa.Check.ge(0), pa.Check.le(1), pa.Check.lt(2), pa.Check.gt(-1)]
    contract = pa.DataFrameSchema(
        {
            "ts": pa.Column(pl.Datetime("us")),
            "who": pa.Column(pl.String, pa.Check.str_length(min_value=1)),
            **{name: pa.Column(pl.Float64, tails) for name in NUMBERS},
            **{name: pa.Column(pl.String, names) for name in NAMES},
            "y": pa.Column(pl.Int8, label, nullable=True),
        }
    )
    return Project(
        name="wide",
        task="binary",
        contract=contract,
        roles=Roles(
            event_time="ts", label="y", entity="who", numeric=NUMBERS, categorical=NAMES,
            label_horizon=timedelta(days=1),
        ),
        loss="brier",
        policies=Policies.with_margin(0.01),
    )  # fmt: skip


def measure(folder: Path, rounds: int = 5, rows: int = ROWS) -> Cost:
    """Measure pass and gate in turns, in this process, after one round that does not count.

    Args:
        folder: where the file is, or is made.
        rounds: how often.
        rows: how many, where it is made.
    """
    path, wide = made(folder / "wide.parquet", rows), project()
    verdict = gate(path, wide, folder)
    pairs = [
        (_seconds(lambda: sum_columns(path)), _seconds(lambda: gate(path, wide, folder)))
        for _ in range(rounds)
    ]
    refused = next(c for c in verdict.checks if c.name == "quarantined share")
    return Cost(
        rows=refused.n,
        columns=len(pl.read_parquet_schema(path)),
        checks=sum(len(column.checks) for column in wide.contract.columns.values()),
        quarantined=round((refused.seen or 0.0) * refused.n),
        passed=verdict.passed,
        pass_seconds=statistics.median(p for p, _ in pairs),
        gate_seconds=statistics.median(g for _, g in pairs),
        ratio=statistics.median(g / p for p, g in pairs),
    )


def sum_columns(path: Path) -> pl.DataFrame:
    """Read every column once: the sum of numbers, the latest time, the length of names."""
    return (
        pl.scan_parquet(path)
        .select(cs.numeric().sum(), cs.temporal().max(), cs.string().str.len_bytes().sum())
        .collect()
    )


def gate(path: Path, wide: Project, folder: Path) -> Verdict:
    """Take the file through gate 1, as its task does."""
    lake, after = ProjectLake(wide, path), NOW - timedelta(days=10)
    rows = lake.as_of(NOW).collect()
    split = split_rows(rows, wide, NOW)
    with lake.window(NOW - span_of_periods(wide), NOW) as unread:
        order = measure_order(unread.frame.select("ts").collect().to_series(), after)
    data = measure_data(rows, split, wide, NOW, new_after=after, order=order)
    verdict = judge_validation(split, data, wide, NOW, after)
    split.quarantined.write_parquet(folder / "quarantine.parquet")
    (folder / "summary.md").write_text(as_page(summarise(split, verdict, wide), "wide", verdict))
    return verdict


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began

"""The measurement of gate 1 takes a file through the whole of it."""

import polars as pl

from bench.data_gate import made, measure, project


def test_the_gate_is_measured_beside_a_pass_over_the_same_file(tmp_path):
    cost = measure(tmp_path, rounds=1, rows=40_000)
    assert (cost.rows, cost.columns, cost.checks) == (40_000, 50, 100)
    assert cost.passed
    assert 0 < cost.quarantined < 40
    assert pl.read_parquet(tmp_path / "quarantine.parquet").height == cost.quarantined
    assert (tmp_path / "summary.md").read_text().startswith("# wide")
    assert cost.gate_seconds / cost.pass_seconds == cost.ratio


def test_the_file_is_made_once_and_has_the_columns_of_the_project(tmp_path):
    path = made(tmp_path / "wide.parquet", 1_000)
    before = path.stat().st_mtime_ns
    assert made(path, 2_000).stat().st_mtime_ns == before
    assert list(pl.read_parquet_schema(path)) == list(project().contract.columns)

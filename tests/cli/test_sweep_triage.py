import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.sweep_triage import show_sweep_triage


@pytest.fixture(scope="module")
def printed():
    """One table, narrow and with few rows."""
    done = CliRunner().invoke(app, ["sweep-triage", "--tables", "1", "--seed", "3", "--json"])
    assert done.exit_code == 0
    assert "1 of 1: table 0 (about 0 s left)" in done.stderr
    return json.loads(done.stdout)


def test_the_command_prints_the_confusion_matrix_and_figures_as_json(printed):
    assert set(printed) == {"tables", "seed", "matrix", "figures", "wrong"}
    assert (printed["tables"], printed["seed"], printed["wrong"]) == (1, 3, [])
    assert set(printed["matrix"][0]) == {
        "kind", "broken", "episodes", "named", "other", "asks", "nothing", "by",
    }  # fmt: skip
    assert [row["kind"] for row in printed["matrix"]][::21] == ["null burst", "nothing"]
    assert [figure["bound"] for figure in printed["figures"]] == [0.01, 0.05]
    assert set(printed["figures"][0]) == {"name", "value", "bound", "ok", "low", "high"}


def test_for_people_it_prints_tables_that_fit_eighty_columns(printed, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    wrong = {"table": 0, "shape": "narrow", "kind": "season", "called": ["null burst"]}
    show_sweep_triage({**printed, "wrong": [wrong]})
    shown = capsys.readouterr().out
    assert "1 tables, seed 3" in shown
    assert "Sent to the wrong place" in shown
    assert "unit change below five" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_no_table_is_refused():
    done = CliRunner().invoke(app, ["sweep-triage", "--tables", "0"])
    assert done.exit_code == 2
    assert "--tables" in done.stderr

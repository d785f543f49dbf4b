import json
import math
import re
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.backtest import show_backtest
from cli.main import app
from cli.say import show
from simulation.world import World

RULES = """
from projects.loans import project as base
from sixgates.gates.policy import Policies

policies = base.policies.model_dump()
policies["validation"]["min_rows"] = 200
policies["training"]["rounds"] = 20
policies["evaluation"]["min_rows"] = 100
project = base.model_copy(update={"policies": Policies.model_validate(policies)})
"""


def _run(*arguments):
    return CliRunner().invoke(app, ["backtest", *arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backtest")
    (folder / "small.py").write_text(RULES)
    frame = World(5, datetime(2026, 1, 5), 20, 250).frame()  # noqa: DTZ001 - naive UTC
    frame.write_parquet(folder / "data.parquet")
    frame.head(500).write_parquet(folder / "few.parquet")
    return folder


@pytest.fixture(scope="module")
def printed(folder):
    page = folder / "page.html"
    done = _run(
        "--project", str(folder / "small.py"), "--data", str(folder / "data.parquet"), "--json",
        "--report", str(page),
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.stderr.strip().endswith(page.as_uri())
    assert "Backtest of loans" in page.read_text()
    assert re.search(r"(\d+) of \1 periods, \d+ models trained", done.stderr)
    return json.loads(done.stdout)


def test_the_command_prints_policies_and_a_recommendation_as_json(printed):
    assert set(printed) == {
        "project", "rows", "played", "loss", "metric", "policies", "windows", "recommended",
        "recommendation", "fits", "fit_seconds", "seconds",
    }  # fmt: skip
    assert printed["rows"] == 5_000
    policy = printed["policies"][0]
    assert set(policy) == {
        "policy", "gates", "mean_loss", "gain", "gain_se", "metric", "worst_window",
        "worst_window_se", "retrains", "refused", "rolled_back", "promoted",
        "train_seconds", "regret", "events", "loss_by_window",
    }  # fmt: skip
    assert len(policy["loss_by_window"]) == len(printed["windows"])


def test_a_figure_that_nobody_can_tell_is_null_in_json(capsys):
    found = {"regret": math.nan, "policies": [{"metric": math.inf, "events": ()}], "rows": 3}
    show(found, as_json=True, human=list)
    told = {"regret": None, "policies": [{"metric": None, "events": []}], "rows": 3}
    assert json.loads(capsys.readouterr().out, parse_constant=pytest.fail) == told


def test_for_people_it_prints_a_table_that_fits_eighty_columns(printed, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    show_backtest(printed)
    shown = capsys.readouterr().out
    begin = shown.index("Recommended: ")
    assert printed["recommendation"] in " ".join(shown[begin:].split())
    rows = shown[:begin].splitlines()
    assert (
        sum(row.startswith(("never", "every 5 %", "drift", "cost", "always")) for row in rows) == 9
    )
    assert "…" not in shown
    assert max(map(len, rows)) <= 80


def test_the_longest_figures_are_not_cut_off_either(printed, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    long = {"mean_loss": 12345.6, "metric": 0.00012345, "worst_window": 98765.4, "retrains": 1234,
            "refused": 1200, "rolled_back": 1150, "train_seconds": 1234.5,
            "regret": -0.00031234}  # fmt: skip
    show_backtest(printed | {"policies": [row | long for row in printed["policies"]]})
    shown = capsys.readouterr().out
    rows = [line for line in shown.splitlines() if line.startswith("cost-benefit")]
    figures = "1.235e+04 0.0001234 9.877e+04 1234 1200 1150 1234 -0.00031"
    assert [" ".join(row.split()) for row in rows] == [
        f"cost-benefit {gates} {figures}" for gates in ("on", "off")
    ]
    assert "…" not in shown


def test_a_page_that_cannot_be_written_is_refused_before_anything_is_played(folder):
    done = _run("--project", "mars", "--report", str(folder / "nowhere" / "page.html"))
    assert done.exit_code == 2
    assert "is no file in a folder that exists" in " ".join(done.stderr.split())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder nobody can write to")
def test_a_folder_that_takes_no_page_is_found_out_before_anything_is_played(tmp_path):
    done = _run("--project", "mars", "--report", "/proc/page.html")
    assert done.exit_code != 0
    assert "(/proc/page.html)" in " ".join(done.stderr.split())
    kept = tmp_path / "kept.html"
    kept.write_text("of yesterday")
    for page in (kept, tmp_path / "new.html"):
        assert "no project 'mars'" in _run("--project", "mars", "--report", str(page)).stderr
    assert [(f.name, f.read_text()) for f in tmp_path.iterdir()] == [("kept.html", "of yesterday")]


@pytest.mark.parametrize(
    ("project", "data", "sentence"),
    [
        ("mars", "data.parquet", "there is no project 'mars'"),
        ("small.py", "few.parquet", "has 500 rows: a backtest of loans needs at least 2,000"),
        ("small.py", "gone.parquet", "there is no data at"),
    ],
)
def test_what_cannot_be_played_is_said_in_a_sentence(folder, project, data, sentence):
    project = str(folder / project) if project.endswith(".py") else project
    done = _run("--project", project, "--data", str(folder / data), "--json")
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert done.stdout == ""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app

SMALL = ["sweep", "--worlds", "20", "--seed", "3"]


def _run(*arguments):
    return CliRunner().invoke(app, list(arguments))


def test_the_command_prints_cells_and_figures_as_json():
    done = _run(*SMALL, "--scenario", "ramp", "--effect", "1", "--json")
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    assert {cell["rule"] for cell in printed["cells"]} >= {"production", "mixture-sprt"}
    assert set(printed["cells"][0]) >= {
        "world", "rule", "effect", "worlds", "p_promote", "p_rollback", "p_undecided",
        "mean_requests", "wald_requests", "canary_requests", "harmed",
    }  # fmt: skip
    assert set(printed["figures"][0]) >= {"name", "value", "bound", "ok"}
    assert printed["figures"][0]["bound"] == 0.05
    assert printed["limits"] == {"margin": 0.02, "alpha": 0.05, "beta": 0.05}
    assert "1 of 1: ramp, effect 1 m (about 0 s left)" in done.stderr


def test_for_people_it_prints_tables_that_fit_eighty_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = _run(*SMALL, "--scenario", "guardrails", "--effect", "1")
    assert shown.exit_code == 0
    assert "kept" in shown.stdout
    assert "any-guardrail" in shown.stdout
    assert "…" not in shown.stdout


def test_a_projects_own_margin_and_error_rates_are_played():
    done = _run(*SMALL, "--scenario", "iid", "--effect", "1", "-p", "electricity", "--json")
    assert done.exit_code in {0, 1}
    printed = json.loads(done.stdout)
    assert printed["project"] == "electricity"
    assert printed["limits"]["margin"] == 0.01
    assert printed["cells"][0]["effect"] == 0.01


def test_a_project_whose_margin_cannot_be_played_is_told_so():
    done = _run(*SMALL, "--scenario", "iid", "-p", "bikes")
    assert done.exit_code == 2
    assert "too few to decide about a margin of 0.006" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--scenario", "mars"], "no scenario is called 'mars'"),
        (["--scenario", "iid", "--effect", "99"], "cannot have an effect of 99 margins"),
        (["--data", "nowhere"], "the folder nowhere holds no known data set"),
        (["--report", "nowhere/page.html"], "is no file in a folder that exists"),
        (["--project", "mars"], "there is no project 'mars'"),
        (["--worlds", "0"], "--worlds"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_and_code_2(options, sentence):
    done = _run("sweep", "--worlds", "1", *options)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_page_is_written(tmp_path):
    page = tmp_path / "sweep.html"
    done = _run(*SMALL, "--scenario", "iid", "--effect", "0", "--report", str(page), "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["cells"]
    assert "<svg" in Path(page).read_text()

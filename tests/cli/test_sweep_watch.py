import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.sweep_watch import show_sweep_watch

SMALL = ["sweep-watch", "--runs", "2", "--seed", "3", "--world", "iid"]


def _run(*arguments):
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture(scope="module")
def printed():
    done = _run(*SMALL, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == (0 if all(figure["ok"] for figure in found["figures"]) else 1)
    assert "5 of 5: iid, " in done.stderr
    return found


def test_the_command_prints_run_lengths_delays_and_figures_as_json(printed):
    assert set(printed) == {"runs", "windows", "seed", "worlds", "quiet", "delays", "figures"}
    assert (printed["runs"], printed["windows"], printed["seed"]) == (2, 200, 3)
    assert set(printed["worlds"]) == {"iid"}
    assert [row["floors"] for row in printed["quiet"]] == ["default", "none"]
    assert set(printed["quiet"][0]) == {
        "world", "floors", "lives", "windows", "alerts", "run_length", "low", "high", "by",
    }  # fmt: skip
    assert [(row["stability_index"], row["quiet_before"]) for row in printed["delays"]] == [
        (0.25, 20), (0.25, 0), (0.5, 20), (0.5, 0),
    ]  # fmt: skip
    assert set(printed["delays"][0]) == {
        "world", "stability_index", "quiet_before", "lives", "early", "unseen", "median", "quarter",
        "needed",
    }  # fmt: skip
    assert set(printed["figures"][0]) == {"name", "value", "bound", "ok", "low", "high"}
    assert {figure["bound"] for figure in printed["figures"]} == {365.0, 4}


def test_for_people_it_prints_tables_that_fit_eighty_columns(printed, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    show_sweep_watch(printed)
    shown = capsys.readouterr().out
    assert "Quiet lives: 2 a world, 200 windows at most" in shown
    assert "kept" in shown
    assert "…" not in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--world", "mars"], "no world is called 'mars': choose from iid"),
        (["--runs", "0"], "--runs"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_and_code_2(options, sentence):
    done = _run("sweep-watch", "--runs", "1", *options)
    assert done.exit_code == 2
    assert sentence in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr

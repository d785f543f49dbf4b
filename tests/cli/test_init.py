"""`sixgates init` writes a project file that the check takes, or says what is missing in it."""

import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from cli import operate
from cli.main import app
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.project_files import load_project
from sixgates.gates.data.rows import split_rows
from tests.docs.test_readme import ROOT, churn

DATA = ROOT.parent / "shared/data"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    churn().write_parquet("churn.parquet")


def init(*words):
    found = CliRunner().invoke(app, ["init", *map(str, words)])
    return found.exit_code, " ".join(found.output.split())


def refused_rows(project, data):
    """Return how many of the rows the written contract refuses, as gate 1 does."""
    loaded = load_project(project)
    rows = ProjectLake(loaded, data).as_of(datetime.max).collect()  # noqa: DTZ901 - every row
    now = rows[loaded.roles.event_time].max() + loaded.roles.label_horizon
    return split_rows(rows, loaded, now).quarantined.height


def test_what_it_writes_passes_the_check_it_names():
    code, said = init("churn", "--data", "churn.parquet")
    assert code == 0
    assert "label = left: It is named like an outcome" in said
    assert said.endswith("Then: sixgates check --project churn.py --data churn.parquet")
    found = operate.check("churn.py", "churn.parquet")
    assert (found["problems"], found["rows"]) == ([], 2_000)
    assert refused_rows("churn.py", "churn.parquet") == 0


def test_json_names_every_guess_and_the_file():
    code, said = init("my-model", "--data", "churn.parquet", "--json")
    found = json.loads(said)
    assert (code, found["project"], found["file"]) == (0, "my-model", "my_model.py")
    marked = re.findall(r"^ *# review: ", Path("my_model.py").read_text(), re.MULTILINE)
    assert len(marked) == found["reviews"]
    assert {"event_time", "label", "entity", "task"} <= {g["what"] for g in found["guesses"]}
    assert load_project("my_model.py").name == "my-model"


def test_it_never_writes_over_a_file():
    Path("churn.py").write_text("mine")
    Path("other.py").symlink_to("nowhere.py")
    for name in ("churn", "other"):
        code, said = init(name, "--data", "churn.parquet")
        assert (code, "is not written over" in said) == (2, True)
    assert Path("churn.py").read_text() == "mine"
    assert not Path("nowhere.py").exists()


@pytest.mark.parametrize("name", ["Churn", "9lives", "../churn", "churn.py", "a" * 64])
def test_a_name_that_no_model_may_have_is_refused(name):
    code, said = init(name, "--data", "churn.parquet")
    assert (code, "is no name for a model" in said) == (2, True)
    assert list(Path().glob("**/*.py")) == []


def test_a_file_that_is_not_there_is_refused_and_nothing_is_written():
    code, said = init("churn", "--data", "gone.parquet")
    assert (code, "gone.parquet is not there" in said) == (2, True)
    assert not Path("churn.py").exists()


def test_the_check_refuses_a_draft_by_what_it_lacks():
    churn().drop("at").rename({"left": "z"}).write_parquet("untimed.parquet")
    code, said = init("untimed", "--data", "untimed.parquet")
    assert (code, "Not guessed: event_time and label" in said) == (0, True)
    checked = CliRunner().invoke(app, ["check", "-p", "untimed.py", "-d", "untimed.parquet"])
    assert checked.exit_code == 2
    assert "which_column_is_the_event_time" in checked.output
    assert "which_column_is_the_label" in checked.output


def test_converted_columns_are_read_by_the_project_itself():
    words = pl.when(pl.col("left") == 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
    dated = churn().with_columns(pl.col("at").dt.date(), words.alias("left"))
    dated.write_parquet("dated.parquet")
    code, said = init("dated", "--data", "dated.parquet")
    assert (code, said.rpartition("Then: ")[2]) == (0, "sixgates check --project dated.py")
    assert operate.check("dated.py", None)["problems"] == []


@pytest.mark.parametrize("name", ["churn[1].parquet", "what?.parquet", "my däta #1.parquet"])
def test_a_project_reads_its_rows_from_a_file_of_any_name(name):
    churn().with_columns(pl.col("at").dt.date()).write_parquet(name)
    assert init("dated", "--data", name)[0] == 0
    assert operate.check("dated.py", None)["problems"] == []


def test_names_and_values_of_the_data_stay_text():
    evil = 'x\nraise SystemExit("""\\'
    odd = churn().with_columns(
        pl.lit(evil).alias(evil),
        pl.Series('a"b', [evil, "fine"] * 1_000),
        pl.Series("count", ["é", "\u2028"] * 1_000),
        pl.Series("mood", ["😀\t", "\U000e0001"] * 1_000),
    )
    odd.write_parquet("odd.parquet")
    assert init("odd", "--data", "odd.parquet")[0] == 0
    assert operate.check("odd.py", "odd.parquet")["problems"] == []
    roles = load_project("odd.py").roles
    assert (roles.ignored, {'a"b', "count", "mood"} <= set(roles.categorical)) == ((evil,), True)
    assert refused_rows("odd.py", "odd.parquet") == 0


def test_columns_of_every_type_get_a_project_that_gate_1_takes():
    n = 2_000
    rng = np.random.default_rng(0)
    plan = pl.Series(rng.choice(["basic", "plus"], n))
    churn().with_columns(
        pl.Series("gap", np.where(np.arange(n) % 9, rng.normal(size=n), np.nan)),
        pl.Series("far", rng.random(n) * 1e300),
        pl.Series("large", rng.integers(0, 2**62, n)).cast(pl.UInt64) * 4,
        pl.Series("below", rng.integers(-900, -100, n), dtype=pl.Int16),
        pl.Series("price", [Decimal(int(cents)) / 100 for cents in rng.integers(0, 999, n)]),
        pl.Series("member", rng.random(n) < 0.5),
        plan.cast(pl.Categorical).alias("plan"),
        plan.cast(pl.Enum(["basic", "plus"])).alias("tariff"),
        pl.Series("how often", rng.choice(["", "daily", "weekly"], n)),
        pl.col("at").dt.replace_time_zone("Europe/Berlin", ambiguous="earliest").alias("there"),
        pl.Series("since", [timedelta(hours=1)] * n),
        pl.Series("tags", [["a"]] * n),
        pl.Series("nothing", [None] * n),
    ).write_parquet("odd.parquet")
    code, said = init("odd", "--data", "odd.parquet", "--json")
    assert code == 0
    left = {g["value"] for g in json.loads(said)["guesses"] if g["what"] == "left out"}
    assert left == {"since", "tags", "nothing"}
    assert operate.check("odd.py", None)["problems"] == []
    assert refused_rows("odd.py", None) == 0
    assert {"gap", "far", "large", "below", "price", "member"} < set(
        load_project("odd.py").roles.numeric
    )


def formatted(name):
    ruff = [sys.executable, "-m", "ruff", "format", "--check", "--config", ROOT / "pyproject.toml"]
    return subprocess.run([*ruff, name], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("name", "label", "task", "ignored"),
    [
        ("elec2", "target_up", "binary", {"row_id"}),
        (
            "bike_sharing_hourly", "target_cnt", "regression",
            {"row_id", "yr", "casual", "registered"},
        ),
    ],
)  # fmt: skip
def test_real_files_get_a_project_that_the_check_and_gate_1_take(name, label, task, ignored):
    file = DATA / f"{name}.parquet"
    if not file.exists():
        pytest.skip(f"{file} is not there: the real data is not part of the project")
    assert init("real", "--data", file)[0] == 0
    assert operate.check("real.py", str(file))["problems"] == []
    project = load_project("real.py")
    assert (project.roles.event_time, project.roles.label, project.task) == ("ts", label, task)
    assert set(project.roles.ignored) == ignored
    assert refused_rows("real.py", file) == 0
    assert formatted("real.py")


def test_a_file_without_a_time_keeps_every_other_guess():
    file = DATA / "kdd99.parquet"
    if not file.exists():
        pytest.skip(f"{file} is not there: the real data is not part of the project")
    code, said = init("traffic", "--data", file, "--json")
    found = json.loads(said)
    assert (code, found["open"], found["rows"]) == (0, ["event_time"], 805_050)
    given = {(g["what"], g["value"]) for g in found["guesses"]}
    assert {("label", "target_category"), ("task", "multiclass"), ("ignored", "attack_name"),
            ("ignored", "part"), ("ignored", "num_outbound_cmds")} <= given  # fmt: skip

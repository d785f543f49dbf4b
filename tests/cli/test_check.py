"""`sixgates check` says whether the data can be read, from where, and never a secret."""

import json
import sqlite3
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from tests.docs.test_readme import README, blocks, churn


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "churn.py"
    path.write_text(blocks(README, "python")[0])
    with sqlite3.connect("rows.db") as connection:
        connection.execute('CREATE TABLE rides (customer TEXT, at TEXT, visits INT, "left" INT)')
        rows = churn().with_columns(pl.col("at").dt.to_string("iso"))
        connection.executemany("INSERT INTO rides VALUES (?, ?, ?, ?)", rows.rows())
    return path


def check(*words):
    found = CliRunner().invoke(app, ["check", "--project", "churn.py", *words])
    return found.exit_code, " ".join(found.output.split())


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("kind", ["parquet", "delta", "query"])
def test_it_says_what_exactly_was_read(kind, monkeypatch):
    monkeypatch.setenv("ROWS", "sqlite:///rows.db?secret=PLANTED")
    if kind == "parquet":
        churn().write_parquet(kind)
    if kind == "delta":
        churn().write_delta(kind)
    query = "${ROWS}#SELECT * FROM rides"
    source = {"parquet": "parquet", "delta": "delta, version 0"}.get(
        kind, "sqlite:///rows.db#SELECT * FROM rides"
    )
    data = query if kind == "query" else kind
    code, said = check("--data", data)
    assert (code, said.partition("churn is ")[2]) == (
        0, f"complete and consistent, 2,000 rows of {source}"
    )  # fmt: skip
    code, said = check("--data", data, "--json")
    found = json.loads(said)
    assert (code, found["rows"], found["source"]) == (0, 2_000, source)


def test_the_projects_own_query_and_what_is_wrong_with_it(project, monkeypatch):
    with project.open("a") as file:
        file.write(
            "from sixgates.gates.source import SqlSource\n"
            'given = {"connection": "sqlite:///${FILE}?x=PLANTED", "query": "SELECT * FROM t"}\n'
            'project = project.model_copy(update={"source": SqlSource(**given)})\n'
        )
    monkeypatch.delenv("FILE", raising=False)
    code, said = check()
    assert (code, "needs the environment variable FILE" in said) == (1, True)
    monkeypatch.setenv("FILE", "rows.db")
    code, said = check()
    assert (code, "was refused (no such table: t)" in said) == (1, True)
    assert "PLANTED" not in said
    assert check("--data", "sqlite:///rows.db#SELECT * FROM rides")[0] == 0


@pytest.mark.usefixtures("project")
def test_it_says_where_gate_4_could_pass_no_later_model():
    churn().write_parquet("rows.parquet")
    assert "gate 4" not in check("--data", "rows.parquet")[1]
    churn().with_columns(customer=pl.lit("c1")).write_parquet("rows.parquet")
    code, said = check("--data", "rows.parquet")
    assert code == 0
    assert "the holdout of this history has 1 clusters (entities)" in said
    file = Path("churn.py")
    file.write_text(file.read_text().replace('entity="customer"', 'ignored=["customer"]'))
    code, said = check("--data", "rows.parquet")
    assert code == 0
    assert "has 16 clusters (periods) and comparison.min_clusters is 30; name an entity" in said


@pytest.mark.parametrize("kind", [pl.Datetime("ns"), pl.Datetime("ms", "UTC"), pl.Datetime("us")])
def test_a_time_may_be_declared_as_it_lies_in_the_file(project, kind):
    churn().with_columns(
        pl.col("at").dt.replace_time_zone(kind.time_zone).dt.cast_time_unit(kind.time_unit)
    ).write_parquet("rows.parquet")
    written = project.read_text()
    assert written.count('pl.Datetime("us")') == 1
    project.write_text(written.replace('pl.Datetime("us")', f"pl.{kind!r}"))
    code, said = check("--data", "rows.parquet")
    assert (code, "problem" in said) == (0, False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("in_range(0, 1_000)", "in_range(100, 1_000)", "by visits: in_range(100, 1000) (2,000)"),
        ("pa.Check.isin([0, 1])", "pa.Check(lambda data: data.no)", "'left: <lambda>' could not"),
    ],
)
def test_it_says_which_rule_would_refuse_the_rows(project, old, new, said):
    churn().write_parquet("rows.parquet")
    project.write_text(project.read_text().replace(old, new))
    assert said in check("--data", "rows.parquet")[1]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("now", "code", "said"),
    [
        ("2025-12-01", 1, "problem: all rows lie after the present, 2025-12-01 00:00, up to 2026-"),
        ("2026-03-01", 0, "note: 583 of 2,000 rows lie after the present, 2026-03-01 00:00, up to"),
        ("2026-04-01", 0, "complete and consistent"),
    ],
)
def test_it_says_which_rows_no_run_reads_yet(tmp_path, monkeypatch, now, code, said):
    churn().write_parquet("rows.parquet")
    (tmp_path / "clock").write_text(now)
    monkeypatch.setenv("SIXGATES_CLOCK", str(tmp_path / "clock"))
    found, told = check("--data", "rows.parquet")
    assert (found, said in told) == (code, True), told
    assert ("after the present" in told) == ("after the present" in said)
    assert list(tmp_path.rglob("ledger.db*")) == []


@pytest.mark.usefixtures("project")
def test_a_row_of_another_year_does_not_stand_for_the_present(tmp_path, monkeypatch):
    churn().with_columns(
        at=pl.when(pl.int_range(pl.len()) < 1).then(pl.datetime(2036, 1, 1)).otherwise("at")
    ).write_parquet("rows.parquet")
    (tmp_path / "clock").write_text("2026-04-01")
    monkeypatch.setenv("SIXGATES_CLOCK", str(tmp_path / "clock"))
    windowed = Path("churn.py").read_text() + (
        "from datetime import timedelta\n"
        "policies = project.policies.model_dump()\n"
        'policies["training"]["window"] = timedelta(days=60)\n'
        'project = project.model_copy(update={"policies": Policies.model_validate(policies)})\n'
    )
    Path("churn.py").write_text(windowed)
    code, told = check("--data", "rows.parquet")
    assert (code, "note: 1 of 2,000 rows lie after the present" in told) == (0, True), told


@pytest.mark.parametrize(
    ("trainer", "said"),
    [
        ({"num_leavs": 5}, "sets ['num_leavs'], which LightGBM does not know"),
        ({"n_estimators": 5}, "set policies.training.rounds"),
        ({"num_leaves": "many"}, 'num_leaves should be of type int, got "many"'),
        ({"metric": "wishful"}, "LightGBM refused to train churn"),
        ({"monotone_constraints": [1, 1]}, "LightGBM refused to train churn"),
    ],
)
def test_it_says_what_lightgbm_has_against_the_trainer(project, trainer, said):
    with project.open("a") as file:
        file.write(f"project = project.model_copy(update={{'trainer': {trainer}}})\n")
    code, told = check()
    assert (code, said in told) == (1, True), told
    assert "complete and consistent" not in told


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("label", "said"),
    [
        (pl.lit(None, pl.Int8), "by label_missing"),
        (pl.lit(1, pl.Int8), "every known label is '1'"),
        (pl.col("left") + 1, "by left: isin([0, 1])"),
    ],
)
def test_it_says_where_no_model_could_learn_from_the_labels(label, said):
    churn().with_columns(left=label).write_parquet("rows.parquet")
    code, told = check("--data", "rows.parquet")
    assert (code, said in told) == (1, True), told
    assert "complete and consistent" not in told

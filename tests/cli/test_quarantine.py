"""`sixgates quarantine`, on a real ledger and a real table."""

import json
from collections import Counter
from datetime import datetime

import polars as pl
import pytest
from typer.testing import CliRunner

from cli.main import app
from sixgates.adapters.quarantine import keep_refused, quarantine_of
from sixgates.adapters.quarantine_rows import count_refusals
from sixgates.adapters.wiring import build
from sixgates.gates.data.refusals import OfRule, Refusals
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind

MODEL = "loans"
DAY = datetime(2026, 1, 5)  # noqa: DTZ001 - event time is naive UTC


@pytest.fixture(autouse=True)
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path / "home"))
    for name in ("LEDGER_URL", "MLFLOW_URI", "CLOCK", "TABLES"):
        monkeypatch.delenv(f"SIXGATES_{name}", raising=False)
    return build()


def judged(world, run, rules, *, kept=True):
    """Let gate 1 speak of a run: rule to the number of rows that it refused."""
    rows = pl.DataFrame(
        {
            "ts": [DAY.replace(hour=n) for rows in rules.values() for n in range(rows)],
            "age": [float(n) for rows in rules.values() for n in range(rows)],
            "rule": [rule for rule, rows in rules.items() for _ in range(rows)],
        },
        schema={"ts": pl.Datetime("us"), "age": pl.Float64, "rule": pl.String},
    )
    verdict = Verdict.of(Gate.VALIDATE, [Check("x", Outcome.FAIL, 1.0, 0.0, 9, "too many")])
    of_rule = {
        rule: OfRule(own.height, own["ts"].min(), own["ts"].max(), Counter())
        for (rule,), own in rows.partition_by("rule", as_dict=True).items()
    }
    refused = [r._asdict() for r in count_refusals(Refusals(0) + Refusals(9, of_rule))]
    inputs = {"as_of": DAY.isoformat(), "refused": refused}
    world.ledger.append(
        MODEL, Kind.VERDICT, at=DAY, release=run, reason="x",
        body={**verdict.to_dict(), "inputs": inputs},
    )  # fmt: skip
    if kept:
        table = quarantine_of(world.settings.tables, MODEL)
        keep_refused(table, rows, event_time="ts", run=run, as_of=DAY)


def run(*words):
    return CliRunner().invoke(app, ["quarantine", "--project", MODEL, *words])


def asked(*words):
    found = run(*words, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_nothing_was_refused_yet(world):
    judged(world, "r1", {})
    assert asked() == {
        "model": MODEL, "run": "", "as_of": "", "outcome": "", "rows": 0, "rules": [], "runs": {},
    }  # fmt: skip
    assert "gate 1 has refused no row of loans" in run().stdout


def test_the_newest_run_that_refused_rows_by_rule_with_examples(world):
    judged(world, "r1", {"age: low": 4})
    judged(world, "r2", {"age: low": 2, "age: high": 7, "region: isin": 1})
    judged(world, "r3", {})
    found = asked()
    assert (found["run"], found["as_of"], found["rows"]) == ("r2", DAY.isoformat(), 10)
    assert found["outcome"] == "fail"
    assert found["runs"] == {"r2": 10, "r1": 4}
    high, low, region = found["rules"]
    assert (high["rule"], high["rows"], high["kept"]) == ("age: high", 7, 7)
    assert (high["first"], high["last"]) == ("2026-01-05T00:00:00", "2026-01-05T06:00:00")
    assert [example["row"]["age"] for example in high["examples"]] == [4.0, 5.0, 6.0]
    assert high["examples"][2]["event_time"] == "2026-01-05T06:00:00"
    assert (low["rows"], region["rows"], len(region["examples"])) == (2, 1, 1)
    said = run().stdout
    assert "run r2, as of 2026-01-05T00:00:00: gate 1 refused 10 rows (fail)" in said
    assert 'region: isin: {"ts": "2026-01-05T00:00:00", "age": 0.0}' in said
    assert "other runs that refused rows: r1 (4)" in said


def test_one_run_and_one_rule(world):
    judged(world, "r1", {"age: low": 4, "age: high": 1, "region: isin": 2})
    judged(world, "r2", {"age: low": 2})
    found = asked("--run", "r1", "--rule", "age")
    assert [r["rule"] for r in found["rules"]] == ["age: low", "age: high"]
    assert found["rows"] == 7


def test_the_numbers_stand_where_the_rows_are_not_in_the_table(world):
    judged(world, "r1", {"age: low": 4}, kept=False)
    (low,) = asked()["rules"]
    assert (low["rows"], low["kept"], low["examples"]) == (4, 0, [])
    assert "age: low" in run().stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--run", "r7"], "gate 1 has judged no run 'r7' of loans: choose from r1"),
        (["--rule", "income"], "no rule of run r1 has 'income' in its name: choose from age: low"),
    ],
)
def test_a_run_or_rule_that_there_is_not_is_refused_with_those_there_are(world, words, said):
    judged(world, "r1", {"age: low": 4})
    found = run(*words)
    assert found.exit_code == 2
    assert said in " ".join(found.stderr.split())


def test_a_table_that_is_not_whole_is_said_so(world):
    judged(world, "r1", {"age: low": 4})
    for file in quarantine_of(world.settings.tables, MODEL).folder.glob("*.parquet"):
        file.write_bytes(b"half")
    found = run()
    assert found.exit_code == 4
    assert "cannot be read as Delta" in " ".join(found.stderr.split())

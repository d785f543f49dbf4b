"""The rows that gate 1 refuses go into the table once, also where its process is killed."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from sixgates.adapters.effects import DONE, KILL_AT, UNDONE, Effect, Point
from sixgates.adapters.quarantine import quarantine_of, rows_of_run
from sixgates.gates.errors import TransientError
from sixgates.ledger.ledger import Kind
from tasks.finish import finish_for_run
from tasks.flight import land
from tasks.validate import validate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def spoilt(stage):
    """Data of which some rows break two rules."""
    n = pl.int_range(pl.len())
    stage.write(
        stage.rows.with_columns(
            region=pl.when(n % 100 != 7).then("region").otherwise(pl.lit("moon")),
            age=pl.when(n % 300 != 9).then("age").otherwise(17.0),
        )
    )
    return stage


def kept(stage, run):
    return rows_of_run(quarantine_of(stage.world.settings.tables, stage.model), run.id)


def verdict_of(stage):
    (entry,) = stage.entries(Kind.VERDICT)
    return entry


def test_what_is_kept_is_what_was_refused_and_the_verdict_counts_it(spoilt):
    run = spoilt.begin()
    dataset = validate.fn(run).dataset
    refused = pl.read_parquet(dataset.quarantine)
    assert refused.height == dataset.quarantined == 24
    assert dataset.rows + dataset.quarantined == 12 * 150
    rows = kept(spoilt, run)
    assert sorted(rows["rule"]) == sorted(refused["rule"])
    ages = [json.loads(row)["age"] for row in rows["row"] if json.loads(row)["age"] == 17.0]
    counted = {r["rule"]: r for r in verdict_of(spoilt).body["inputs"]["refused"]}
    assert [r["rows"] for r in counted.values()] == [18, 6]
    assert len(ages) == 6
    for rule, its in counted.items():
        times = refused.filter(pl.col("rule") == rule)["ts"]
        assert (its["first"], its["last"]) == (times.min().isoformat(), times.max().isoformat())


def test_a_run_without_refused_rows_has_no_table_and_no_intent(stage):
    validate.fn(stage.begin())
    assert not quarantine_of(stage.world.settings.tables, stage.model).exists
    actions = {e.body["action"] for e in stage.entries(Kind.INTENT)}
    assert Effect.KEEP_REFUSED not in actions
    assert verdict_of(stage).body["inputs"]["refused"] == []


def test_a_second_try_adds_nothing_and_intends_nothing(spoilt):
    run = spoilt.begin()
    first = validate.fn(run)
    entries = len(spoilt.world.ledger.entries(spoilt.model))
    assert validate.fn(run) == first
    assert kept(spoilt, run).height == 24
    assert len(spoilt.world.ledger.entries(spoilt.model)) == entries


def mortal(stage, run, *, at="", sync=0):
    """Let gate 1 run in a process of its own, which may die."""
    settings = stage.world.settings
    own = {k: v for k, v in os.environ.items() if not k.startswith("SIXGATES_")}
    given = asdict(run) | {"at": run.at.isoformat()}
    return subprocess.run(
        [sys.executable, "-m", "tests.tasks.mortal_validate", json.dumps(given), str(sync)],
        cwd=ROOT, check=False, timeout=120, stderr=subprocess.PIPE, text=True,
        env=own | {
            "SIXGATES_HOME": str(settings.home), KILL_AT: at,
            "SIXGATES_LEDGER_URL": f"sqlite:///{stage.folder}/ledger.db",
        },
    )  # fmt: skip


DEATHS = [
    {"at": "store_rows:after:1"},
    *({"at": f"keep_refused:{point}:1"} for point in Point),
    {"sync": 5},  # the table was made
    {"sync": 7},  # the rows are in a file that no commit names
    {"sync": 9},  # they are committed
]


@pytest.mark.parametrize("death", DEATHS, ids=lambda death: "-".join(map(str, death.values())))
def test_a_run_that_is_killed_and_goes_on_writes_nothing_twice(spoilt, death):
    run = replace(spoilt.begin(), tracking="")
    ended = mortal(spoilt, run, **death)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    spoken = spoilt.entries(Kind.VERDICT)
    if spoken:  # The source is another by now; what was judged is not.
        spoilt.write(spoilt.rows.head(100))
    again = validate.fn(run)
    rows = kept(spoilt, run)
    assert (rows.height, again.dataset.quarantined) == (24, 24)
    assert rows["digest"].n_unique() == 24
    assert bool(spoken) == (not death.get("at", "").startswith("store_rows"))
    assert spoilt.world.ledger.unfinished(spoilt.model) == []


def test_it_lives_where_nothing_kills_it(spoilt):
    """So the deaths above are deaths, and their numbers reach to the end."""
    run = replace(spoilt.begin(), tracking="")
    ended = mortal(spoilt, run, sync=1_000)
    assert ended.returncode == 0, ended.stderr
    assert kept(spoilt, run).height == 24


@pytest.fixture
def dead(spoilt, monkeypatch):
    """A run that judged its rows and died before it could keep the refused ones."""
    run = spoilt.begin()

    def full(*_, **__):
        raise TransientError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("tasks.quarantine.keep_refused", full)
        with pytest.raises(TransientError):
            validate.fn(run)
    land(spoilt.world, spoilt.model, run.id)
    return run


def outcomes(stage):
    return {e.body["outcome"] for e in stage.entries(Kind.CLOSED)}


def test_of_a_run_that_does_not_go_on_they_are_kept_all_the_same(spoilt, dead):
    finish_for_run(spoilt.world, spoilt.model)
    assert kept(spoilt, dead).height == 24
    assert outcomes(spoilt) == {DONE}


def test_where_they_are_gone_the_intent_is_closed_with_the_reason(spoilt, dead):
    (spoilt.world.settings.runs / dead.id / "quarantine.parquet").unlink()
    finish_for_run(spoilt.world, spoilt.model)
    closed = spoilt.entries(Kind.CLOSED)[-1]
    assert closed.body["outcome"] == UNDONE
    assert "quarantine.parquet is gone" in closed.body["given"]["why"]

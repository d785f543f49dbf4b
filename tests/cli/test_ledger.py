"""The record through the front door: sound or named, exported, migrated."""
# ruff: noqa: DTZ001 - event time is naive UTC

import json
from datetime import datetime

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from cli.main import app
from sixgates.adapters.wiring import build
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.schema import REVISIONS
from tests.ledger.first_tables import make_first_tables
from tests.ledger.tampering import tamper

AT = datetime(2026, 1, 1)


def ask(*words):
    """Run the command; return code, stdout, stderr."""
    done = CliRunner().invoke(app, ["ledger", *map(str, words)])
    return done.exit_code, done.stdout, " ".join(done.stderr.split())


@pytest.fixture
def url(tmp_path, monkeypatch):
    """Return the ledger of a home of its own; projects are found from here."""
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path))
    monkeypatch.delenv("SIXGATES_LEDGER_URL", raising=False)
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def ledger(url):  # noqa: ARG001 - the home comes first
    ledger = build().ledger
    for model, rows in (("loans", 3), ("bikes", 2)):
        for row in range(rows):
            ledger.append(model, Kind.RUN, at=AT, reason=f"{model} {row}")
    yield ledger
    ledger.close()


def test_a_sound_ledger_says_where_its_chains_end(ledger):
    code, said, _ = ask("verify", "--json")
    assert code == 0
    ends = [(m, *ledger.head(m)) for m in ("bikes", "loans")]
    chains = json.loads(said)["chains"]
    assert [(c["model"], c["position"], c["hash"]) for c in chains] == ends
    assert [c["violations"] for c in chains] == [[], []]
    code, said, _ = ask("verify", "--project", "loans")
    assert (code, said.split(":")[0]) == (0, "loans is sound")
    assert ledger.head("loans").hash in said


def test_each_violation_is_one_sentence_and_the_code_is_1(ledger):
    tamper(
        ledger,
        "UPDATE entries SET reason = 'x' WHERE reason = 'loans 0'",
        "DELETE FROM entries WHERE reason = 'loans 2'",
    )
    code, said, _ = ask("verify")
    assert code == 1
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "bikes is sound", "changed", "cut",
    ]  # fmt: skip
    code, said, _ = ask("verify", "--project", "loans", "--json")
    assert code == 1
    (chain,) = json.loads(said)["chains"]
    assert [(v["position"], v["fault"]) for v in chain["violations"]] == [
        (1, "changed"),
        (3, "cut"),
    ]
    assert ask("verify", "--project", "bikes")[0] == 0


def test_nothing_recorded_is_not_sound(url):  # noqa: ARG001 - an empty home
    code, said, error = ask("verify")
    assert (code, said) == (2, "")
    assert "the ledger holds nothing yet: set SIXGATES_HOME or SIXGATES_LEDGER_URL" in error
    code, said, _ = ask("verify", "--project", "loans")
    assert (code, said) == (1, "empty: nothing is recorded about loans\n")


def test_an_export_is_json_lines_and_nothing_else(ledger):
    code, said, error = ask("export")
    rows = [json.loads(line) for line in said.splitlines()]
    assert (code, error) == (0, "")
    assert [(r["model"], r["position"]) for r in rows] == [
        ("bikes", 1), ("bikes", 2), ("loans", 1), ("loans", 2), ("loans", 3),
    ]  # fmt: skip
    assert rows[-1]["hash"] == ledger.head("loans").hash
    code, said, _ = ask("export", "--project", "bikes")
    assert [json.loads(line)["model"] for line in said.splitlines()] == ["bikes", "bikes"]


def test_an_old_ledger_names_the_command_that_migrates_it(url):
    engine = sa.create_engine(url)
    make_first_tables(engine)
    with engine.begin() as connection:
        connection.execute(sa.text(
            "INSERT INTO entries VALUES (1, 'loans', 'run', '', '2026-01-01 00:00:00.000000',"
            " '2026-01-01 00:00:00.000000', 'ann', 'first', '{}')"
        ))  # fmt: skip
    engine.dispose()
    code, _, error = ask("verify")
    assert code == 2
    assert "run `sixgates ledger migrate`" in error
    code, said, _ = ask("migrate", "--json")
    assert (code, json.loads(said)) == (0, {"before": "0001", "after": REVISIONS[-1]})
    assert ask("migrate")[1] == f"the ledger has revision {REVISIONS[-1]} already\n"
    ledger = Ledger(url)
    assert [entry.reason for entry in ledger.entries("loans")] == ["first"]
    assert ledger.verify("loans") == []
    ledger.close()


def test_an_address_that_cannot_be_used_is_one_sentence_to_whoever_migrates(url, monkeypatch):  # noqa: ARG001 - the home
    monkeypatch.setenv("SIXGATES_LEDGER_URL", "postgresql://u:p@ss:hush@h/x")
    code, said, error = ask("migrate")
    assert (code, said) == (2, "")
    assert "SIXGATES_LEDGER_URL is not a usable SQLAlchemy address" in error
    assert "hush" not in error

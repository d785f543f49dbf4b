"""Bad input through the front door: a sentence, an exit code, and the champion still serves."""

import getpass
import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from typer.testing import CliRunner

from cli.main import app
from sixgates.ledger.route import Step, Version
from tests.docs.test_readme import churn


def ask(*words):
    """Run the command here, where a Prefect server is at hand; return code, stdout, stderr."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    return done.exit_code, done.stdout, " ".join(done.stderr.split())


@pytest.fixture
def serving(town):
    """A project whose first model serves from a real gateway."""
    here = town(f"bad-{uuid4().hex[:6]}")
    assert here.retrain().name == "Released"
    with here.gateway():
        yield here


def still_serves(here, before):
    """The ledger's route is the one before, and the gateway says so itself."""
    assert here.ledger.routes(here.model) == before
    assert here.serving().champion == before[-1].champion.number


def no_labels(frame):
    return frame.with_columns(defaulted=pl.lit(None, dtype=pl.Int8))


def words_for_income(frame):
    return frame.with_columns(pl.col("income").cast(pl.String))


@pytest.mark.parametrize(
    ("spoil", "code", "sentence"),
    [
        (lambda path, _: path.unlink(), 2, "data.parquet"),
        (lambda path, f: f.clear().write_parquet(path), 2, "no rows"),
        (lambda path, _: path.write_bytes(b""), 2, "data.parquet"),
        (lambda path, _: path.write_bytes(path.read_bytes()[:-2000]), 2, "data.parquet"),
        (lambda path, f: words_for_income(f).write_parquet(path), 3, "column 'income'"),
        (lambda path, f: no_labels(f).write_parquet(path), 3, "label"),
    ],
    ids=["missing", "no rows", "no bytes", "truncated", "wrong type", "no labels"],
)
def test_bad_data_is_refused_in_a_sentence(serving, spoil, code, sentence):
    before = serving.ledger.routes(serving.model)
    path = serving.folder / "data.parquet"
    spoil(path, pl.read_parquet(path))
    found, out, err = ask("retrain", "--project", serving.path, "--data", path, "--json")
    told = json.loads(out)["reason"] if found == 3 else err  # JSON alone on stdout
    assert (found, "Traceback" in err) == (code, False), told
    assert sentence in told
    still_serves(serving, before)


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("project = Project(\n", "spoilt.py:1"),
        ("import no_such_module\n", "no_such_module"),
        ("x = 1\n", "project"),
    ],
)
def test_a_bad_project_file_is_named_with_its_line(tmp_path, source, sentence):
    path = tmp_path / "spoilt.py"
    path.write_text(source)
    for command in ("check", "retrain", "watch", "tick", "status", "history"):
        code, out, err = ask(command, "--project", path)
        assert (code, out) == (2, "")
        assert "spoilt.py" in err
        assert sentence in err


def test_check_finds_what_the_gates_would_refuse(town):
    here = town("bad-check")
    path = here.folder / "data.parquet"
    assert ask("check", "--project", here.path, "--data", path)[0] == 0
    words_for_income(pl.read_parquet(path)).write_parquet(path)
    code, out, _ = ask("check", "--project", here.path, "--data", path, "--json")
    assert code == 1
    assert any("income" in problem for problem in json.loads(out)["problems"])


def test_what_cannot_be_found_out_has_a_code_of_its_own(serving, monkeypatch):
    monkeypatch.setenv("SIXGATES_LEDGER_URL", f"sqlite:///{serving.folder}/spoilt.db")
    (serving.folder / "spoilt.db").write_bytes(b"not a database, but long enough to be read" * 50)
    code, out, err = ask("status", "--project", serving.path)
    assert (code, out) == (4, "")
    assert "ledger" in err


def test_a_prefect_server_that_is_away_is_said_in_a_sentence(town):
    here = town("bad-prefect")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        code, out, err = ask("tick", "--project", here.path)
    assert (code, out) == (4, "")
    assert "Prefect's server could not be used" in err
    assert "http://127.0.0.1:9/api" in err
    assert "Traceback" not in err


def test_a_full_disk_stops_a_run_and_not_the_champion(serving, monkeypatch):
    before = serving.ledger.routes(serving.model)

    def full(*_args, **_more):
        raise OSError(28, "No space left on device", "accepted.parquet")

    monkeypatch.setattr("sixgates.adapters.atomic_files.sync", full)
    code, _, err = ask("retrain", "--project", serving.path, "--data", serving.data)
    assert code == 4
    assert "No space left on device" in err
    still_serves(serving, before)


def test_a_place_that_may_not_be_written_is_no_resource_to_be_freed(tmp_path, monkeypatch):
    def refused(*_args, **_more):
        raise OSError(30, "Read-only file system", "churn.py")

    monkeypatch.chdir(tmp_path)
    churn().write_parquet("churn.parquet")
    monkeypatch.setattr(Path, "open", refused)
    code, out, err = ask("init", "churn", "--data", "churn.parquet")
    assert (code, out) == (2, "")
    assert "Read-only file system (churn.py): give this user the right to" in err


def test_a_rollback_by_hand_is_read_back(serving):
    code, _, err = ask("rollback", "--project", serving.path, "--reason", "complaints")
    assert code == 2
    assert "nothing to roll back to" in err
    code, _, err = ask("rollback", "--project", serving.path, "--reason", "x", "--to", "9")
    assert code == 2
    assert "version 9 never served" in err
    first = serving.ledger.route(serving.model)
    later = Version("2", first.champion.digest)
    serving.ledger.append_route(replace(first, epoch=2, step=Step.CONFIRMED, champion=later))
    for epoch, changed in ((3, True), (3, False)):
        words = ("-p", serving.path, "-r", "complaints", "--to", "1", "--json")
        code, out, _ = ask("rollback", *words)
        assert (code, json.loads(out)["changed"]) == (0, changed)
        assert json.loads(out)["proved"] is True
        assert serving.serving().epoch == epoch
    code, out, _ = ask("history", "--project", serving.path, "--json")
    assert [route["actor"] for route in json.loads(out)["routes"]] == [
        "sixgates",
        "sixgates",
        f"by {getpass.getuser()}",
    ]
    assert ask("status", "--project", serving.path)[0] == 0

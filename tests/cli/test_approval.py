"""Approval and return through the front door, and a rollback where MLflow and Prefect are down."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from sixgates.gates.decision import Decision, Move
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.route import Beside, Step, Version
from tasks.tick import Judged, look, move

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""


@pytest.fixture(autouse=True)
def no_pages(monkeypatch):
    """Ticks are called outside of a flow here, where Prefect makes no pages."""
    monkeypatch.setattr("tasks.record.create_markdown_artifact", lambda **_: None)


def ask(here, command, *words):
    """Run a command for a town; return code, stdout and stderr on one line each."""
    done = CliRunner().invoke(app, [command, "--project", here.path, *words])
    return done.exit_code, " ".join(done.stdout.split()), " ".join(done.stderr.split())


def told(here, command, *words):
    code, out, err = ask(here, command, *words, "--json")
    assert out, err
    return code, json.loads(out)


def reigned(here, count=5):
    """Let champions follow each other that are all the model that serves."""
    first = here.ledger.route(here.model)
    for number in range(2, count + 1):
        newest = here.ledger.route(here.model)
        following = Version(str(number), first.champion.digest)
        promoted = Beside(newest.champion, Arm.HOLDBACK, 0.1)
        for step, beside in ((Step.PROMOTED, promoted), (Step.CONFIRMED, None)):
            newest = here.ledger.route(here.model)
            here.ledger.append_route(
                replace(newest, epoch=newest.epoch + 1, step=step, champion=following,
                        beside=beside, release=f"r{number}", reason="because")
            )  # fmt: skip


def tried(here):
    """Put a challenger into its last share, and let gate 5 pass it."""
    newest = here.ledger.route(here.model)
    following = Version("9", newest.champion.digest)
    here.ledger.append_route(
        replace(newest, epoch=newest.epoch + 1, step=Step.CANARY, release="r9",
                beside=Beside(following, Arm.CANARY, 0.5), reason="because")
    )  # fmt: skip


def judged_good(here):
    check = Check("loss", Outcome.PASS, 0.01, 0.02, 90, "not worse")
    verdict = Verdict.of(Gate.CANARY, [check])
    return move.fn(look.fn(here.path), Judged(Decision(verdict, Move.PROMOTE, "good"), (0.5,)))


def test_a_challenger_waits_is_shown_and_is_approved_or_rejected_by_name(town, monkeypatch):
    here = town("door", approval={"need": "required"})
    assert here.retrain().name == "Released"
    code, _, err = ask(here, "approve", "--reason", "plausible")
    assert code == 2
    assert "there is nothing to approve" in err
    monkeypatch.setattr("sixgates.adapters.reconcile._without_deleted", lambda _w, route, _k: route)
    tried(here)
    judged_good(here)
    _, found = told(here, "status")
    assert found["approval"]["version"] == "9"
    assert "waits for approval until" in ask(here, "status")[1]
    assert ask(here, "approve")[0] == 2

    code, found = told(here, "approve", "--reason", "plausible", "--by", "ann")
    assert (code, found["version"], found["changed"]) == (0, "9", True)
    _, found = told(here, "status")
    assert found["approval"] is None
    code, found = told(here, "reject", "--reason", "on second thoughts", "--by", "ann")
    assert (code, found["changed"]) == (0, True)
    assert here.ledger.route(here.model).actor == "by ann"
    assert ask(here, "reject", "--reason", "again")[0] == 2


def test_status_and_history_name_every_champion_to_return_to(town):
    here = town("returns")
    assert here.retrain().name == "Released"
    reigned(here)
    for command in ("status", "history"):
        _, found = told(here, command)
        assert [former["version"] for former in found["returns"]] == ["4", "3", "2", "1"]
        assert f"sixgates rollback --project {here.path} --to 4" in ask(here, command)[1]


def test_a_rollback_needs_neither_mlflow_nor_prefect(town):
    here = town("dark")
    assert here.retrain().name == "Released"
    reigned(here)
    outside = {"SIXGATES_MLFLOW_URI": NOWHERE, "PREFECT_API_URL": f"{NOWHERE}/api"}
    with here.gateway():
        for to in ("1", "3"):
            command = [
                sys.executable, "-c", "from cli.main import run; run()", "rollback", "--project",
                here.path, "--to", to, "--reason", "complaints", "--json",
            ]  # fmt: skip
            done = subprocess.run(
                command, cwd=ROOT, env={**os.environ, **outside}, capture_output=True, text=True,
                timeout=120, check=False,
            )  # fmt: skip
            found = json.loads(done.stdout)
            assert (done.returncode, found["champion"], found["proved"]) == (0, to, True)
            route = here.ledger.route(here.model)
            assert (route.step, route.champion.number) == (Step.ROLLED_BACK, to)
            assert here.serving().champion == to

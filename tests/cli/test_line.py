"""The line through the front door: held runs end with 3, a rollback is never held."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from sixgates.ledger.route import Step, Version

pytestmark = pytest.mark.slow


def ask(here, command, *words):
    """Run a command for a town; return code, stdout and stderr on one line each."""
    done = CliRunner().invoke(app, [command, "--project", here.path, *words])
    return done.exit_code, " ".join(done.stdout.split()), " ".join(done.stderr.split())


def told(here, command, *words):
    code, out, err = ask(here, command, *words, "--json")
    assert out, err
    return code, json.loads(out)


def test_a_stopped_line_refuses_a_run_by_hand_shows_in_status_and_lets_a_rollback_through(town):
    here = town("stopped-line")
    assert here.retrain().name == "Released"
    with here.gateway():
        code, found = told(here, "stop", "--reason", "the feed is broken")
        assert (code, found["model"], found["changed"]) == (0, here.model, True)
        code, found = told(here, "retrain", "--data", here.data, "--override", "let me")
        assert (code, found["ending"]) == (3, "Held")
        assert f"sixgates resume --project {here.model} --reason ..." in found["reason"]

        code, found = told(here, "status")
        (brake,) = found["brakes"]
        assert (code, brake["brake"], brake["until"]) == (0, "stop", None)
        code, out, _ = ask(here, "status")
        assert "stop, until a person acts:" in out

        first = here.ledger.route(here.model)
        later = Version("2", first.champion.digest)
        here.ledger.append_route(replace(first, epoch=2, step=Step.CONFIRMED, champion=later))
        code, found = told(here, "rollback", "--reason", "complaints", "--to", "1")
        assert (code, found["proved"]) == (0, True)
        code, found = told(here, "resume", "--reason", "it is whole again")
        assert (code, [on["brake"] for on in found["brakes"]]) == (0, ["hold"])
        code, out, _ = ask(here, "acknowledge", "--reason", "nobody's fault")
        assert code == 0
        assert "acknowledged" in out
        assert told(here, "status")[1]["brakes"] == []
        assert ask(here, "tick")[0] == 0


def test_a_freeze_asks_a_person_for_a_reason(town):
    here = town("frozen-line", governor={"freeze": ("2026-01-20 - 2026-02-01",)})
    code, found = told(here, "retrain", "--data", here.data)
    assert (code, found["ending"]) == (3, "Held")
    assert "a freeze lasts until 2026-02-02 00:00 UTC" in found["reason"]
    code, found = told(here, "retrain", "--data", here.data, "--override", "a wave of fraud")
    assert (code, found["ending"]) == (0, "Released")
    code, found = told(here, "history", "--verdicts")
    (run,) = [entry for entry in found["entries"] if entry["kind"] == "run"]
    assert run["body"]["override"] == {"brakes": ["freeze"], "reason": "a wave of fraud"}
    assert run["actor"]


def test_a_reason_is_required(town):
    here = town("speechless-line")
    assert ask(here, "stop")[0] == 2
    code, out, err = ask(here, "stop", "--reason", " ")
    assert (code, out) == (2, "")
    assert "say why with --reason" in err


def test_a_window_that_cannot_be_read_is_named_with_its_project_file(town):
    here = town("misread-line", governor={"freeze": ("Fri 16:00 - Mon 08:00",)})
    file = Path(here.path)
    file.write_text(file.read_text().replace("Fri 16:00 - Mon 08:00", "weekends"))
    code, _, err = ask(here, "status")
    assert code == 2
    assert "'weekends' cannot be read" in err

"""`sixgates notify`, and that a rollback by hand tells people."""

import getpass
import json
from datetime import datetime

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.adapters.wiring import build
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route, Step, Version
from tests.adapters.receivers import receiver, unused

PLANTED = "hush-hush-4711"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.setenv("SIXGATES_HOME", str(home))
    monkeypatch.setenv("no_proxy", "*")
    for name in ("LEDGER_URL", "MLFLOW_URI", "CLOCK", "NOTIFY", "NOTIFY_TOKEN"):
        monkeypatch.delenv(f"SIXGATES_{name}", raising=False)
    return home


def run(*words):
    return CliRunner().invoke(app, list(words))


def told(home):
    return [json.loads(x) for x in (home / "notifications.jsonl").read_text().splitlines()]


def test_a_sample_goes_to_every_channel(home):
    found = run("notify", "--test")
    assert found.exit_code == 0, found.output
    (message,) = told(home)
    assert (message["outcome"], message["title"]) == ("test", "sixgates: a test of this channel")
    assert "sent" in found.stdout
    assert build().ledger.models() == []


def test_a_channel_that_does_not_answer_is_named_without_its_secret(monkeypatch):
    with receiver() as there:
        addresses = f"{there.url}/{PLANTED},{unused()}/{PLANTED},https://me:{PLANTED}@x/"
        monkeypatch.setenv("SIXGATES_NOTIFY", addresses)
        found = run("notify", "--test", "--json")
    assert found.exit_code == 4
    assert [d["sent"] for d in json.loads(found.stdout)["deliveries"]] == [True, False, False]
    words = run("notify", "--test")
    assert "Connection refused" in words.output
    assert PLANTED not in found.output + words.output


def test_what_is_owed_is_sent_by_hand_once(home):
    build().ledger.append(
        "loans", Kind.ANSWER, at=datetime(2026, 1, 5), reason="retrain broke",  # noqa: DTZ001
        body={"alert": None, "ending": "broken"},
    )  # fmt: skip
    assert run("notify", "--project", "loans").exit_code == 0
    assert "nothing to send" in run("notify", "--project", "loans").stdout
    assert [message["outcome"] for message in told(home)] == ["broken"]


def test_nobody_is_called_for_a_rehearsal(tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_NOTIFY", f"https://pager.example.org/{PLANTED}")
    with Processes(tmp_path / "logs", own_groups=False) as processes:
        env = Stack(tmp_path, processes).env
    assert PLANTED not in str(env)


@pytest.mark.parametrize("words", [[], ["--test", "--project", "loans"]])
def test_what_to_send_must_be_said(words):
    found = run("notify", *words)
    assert found.exit_code == 2
    assert "sixgates notify --test" in " ".join(found.output.split())


def test_a_rollback_by_hand_is_told_after_it_is_done(home, monkeypatch):
    ledger, at = build().ledger, datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC
    for epoch, (step, version) in enumerate(((Step.COLD_START, "1"), (Step.CONFIRMED, "2")), 1):
        champion = Version(version, version * 64)
        ledger.append_route(Route("loans", epoch, step, champion, None, "r", at, "test", "x"))
    monkeypatch.setattr(MlflowRegistry, "set_aliases", lambda *_: None)  # seconds, for nothing
    monkeypatch.setenv("SIXGATES_NOTIFY", f"file:{home}/notifications.jsonl,{unused()}/{PLANTED}")
    found = run("rollback", "--project", "loans", "--reason", "complaints since noon", "--json")
    assert found.exit_code == 4  # no gateway confirms; the channel that is down changes nothing
    assert json.loads(found.stdout)["champion"] == "1"
    back = next(message for message in told(home) if message["outcome"] == "rolled_back")
    assert back["title"] == f"loans: rolled back by {getpass.getuser()} to version 1"
    assert "complaints since noon" in back["text"]
    assert back["serving"]["version"] == "1"

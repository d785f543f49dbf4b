"""A deploy has broken the project file: what keeps the champion safe goes on, and nothing else."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app
from sixgates.adapters.notifications import tell_people
from sixgates.gates.errors import ConfigurationError
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.approval import approve, reject

ONE, TWO, THREE = (Version(str(n), f"{n}" * 64) for n in (1, 2, 3))
SYNTAX, IMPORT = "project = Project(\n", "import no_such_module\n"


class Broken:
    """A model in canary whose file, named like the model, does not load any more."""

    def __init__(self, stage):
        self.stage, self.world = stage, stage.world
        self.model = stage.model
        stage.project = str(self.write(SYNTAX))

    def write(self, text):
        path = self.stage.folder / f"{self.model.replace('-', '_')}.py"
        path.write_text(text)
        return path

    @property
    def route(self):
        return self.world.ledger.route(self.model)

    def ask(self, command, *words):
        """Run a command; return its exit code, JSON or text, and what it said on stderr."""
        done = CliRunner().invoke(app, [command, "--project", self.stage.project, *words])
        out = json.loads(done.stdout) if "--json" in words and done.stdout else done.stdout
        return done.exit_code, out, " ".join(done.stderr.split())


@pytest.fixture
def broken(stage):
    stage.route(Step.COLD_START, ONE, release="r1")
    stage.route(Step.CONFIRMED, TWO, release="r2")
    stage.route(Step.CANARY, TWO, THREE, share=0.25, release="r3")
    return Broken(stage)


def test_a_gateway_starts_all_the_same(broken, monkeypatch):
    served = []
    monkeypatch.setattr("sixgates.gateway.server.serve", lambda **given: served.append(given))
    code, _, _ = broken.ask("serve", "--port", "0")
    assert (code, [given["model"] for given in served]) == (0, [broken.model])


@pytest.mark.parametrize("text", [SYNTAX, IMPORT, "x = 1\n", "project = 3\n"])
def test_a_rollback_goes_on_and_says_what_is_wrong_with_the_file(broken, caplog, text):
    path = broken.write(text)
    code, found, _ = broken.ask("rollback", "--reason", "complaints", "--to", "1", "--json")
    assert (code, found["model"], found["champion"], found["proved"]) == (
        0,
        broken.model,
        "1",
        True,
    )
    assert (broken.route.step, broken.route.champion) == (Step.ROLLED_BACK, ONE)
    (warning,) = [r.message for r in caplog.records if r.name.endswith("known_model")]
    assert str(path) in warning
    assert f"goes by what the ledger knows of model {broken.model}, for " in warning


def test_people_are_told_of_it(broken):
    broken.ask("rollback", "--reason", "complaints")
    told = [
        e.body["what"] for e in broken.world.ledger.entries(broken.model, kind=Kind.NOTIFICATION)
    ]
    assert told[-1] == "rolled_back"
    assert tell_people(broken.world, broken.stage.project) == []


def test_a_file_that_is_gone_is_no_obstacle_either(broken):
    broken.stage.project = broken.model  # by name; no projects/ folder holds it
    assert broken.ask("rollback", "--reason", "complaints", "--json")[0] == 0
    assert broken.route.champion == TWO


def test_the_line_can_be_stopped_and_is_not_let_go_again(broken):
    code, found, _ = broken.ask("stop", "--reason", "a bad deploy", "--json")
    assert (code, found["changed"]) == (0, True)
    assert [on["brake"] for on in found["brakes"]] == ["stop"]
    before = broken.world.ledger.entries(broken.model)
    for command in ("resume", "acknowledge"):
        code, _, said = broken.ask(command, "--reason", "because")
        assert code == 2
        assert "is not valid Python" in said
    assert broken.world.ledger.entries(broken.model) == before


def test_a_challenger_can_be_rejected_and_not_approved(broken):
    with pytest.raises(ConfigurationError, match="is not valid Python"):
        approve.fn(broken.stage.project, "good", "ann", override="in a hurry")
    assert reject.fn(broken.stage.project, "looks odd", "ann").changed
    assert (broken.route.step, broken.route.champion) == (Step.ROLLED_BACK, TWO)


def test_status_and_history_tell_what_the_ledger_knows(broken):
    broken.ask("stop", "--reason", "a bad deploy")
    _, found, _ = broken.ask("status", "--json")
    assert (found["model"], found["ledger"]["champion"]["number"]) == (broken.model, "2")
    assert [on["brake"] for on in found["brakes"]] == ["stop"]
    assert found["approval"] is None
    assert [former["version"] for former in found["returns"]] == ["1"]
    code, found, _ = broken.ask("history", "--json")
    assert (code, len(found["routes"])) == (0, 3)


def test_what_the_ledger_does_not_know_is_refused_as_ever(broken):
    path = broken.stage.folder / "other.py"
    path.write_text(SYNTAX)
    broken.stage.project = str(path)
    for command in ("rollback", "stop", "reject", "status", "history"):
        words = () if command in {"status", "history"} else ("--reason", "because")
        code, out, said = broken.ask(command, *words)
        assert (code, out) == (2, "")
        assert "other.py:1 is not valid Python" in said
    assert broken.route.step is Step.CANARY

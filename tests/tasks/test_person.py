"""Who acts by hand: refused without a fitting token where tokens are, a claim where none are."""

import json
import logging
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cli.approval import question_of
from cli.main import app
from sixgates.adapters import wiring
from sixgates.adapters.settings import Settings
from sixgates.gates.decision import Decision, Move
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.gateway.tokens import Role
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.approval import approve
from tasks.person import acting
from tasks.run import Held, Run
from tasks.tick import Judged, look, move

PASSES = Judged(
    Decision(
        Verdict.of(Gate.CANARY, [Check("loss", Outcome.PASS, 0.1, 0.2, 30, "good")]),
        Move.PROMOTE,
        "good",
    ),
    (0.5,),
)
SAFE = ("stop", "rollback", "reject")
"""What only ever takes a risk away."""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(
        "read looking name=eve\noperate working name=otto\n"
        "approve word name=ann\napprove orphaned\n"
    )
    path.chmod(0o600)
    return path


@pytest.fixture
def bearing(stage, file, monkeypatch):
    """Return a function that gives the installation a token file, and its user a token."""

    def bear(token, tokens=file):
        settings = replace_settings(stage.world.settings, tokens, token)
        world = replace(stage.world, settings=settings)
        monkeypatch.setattr(wiring, "_build", lambda _settings: world)

    return bear


@pytest.fixture
def waiting(stage, old, new):
    """Version 2 waits for a person at its last share."""
    stage.play("asked", approval={"need": "required"})
    stage.route(Step.COLD_START, old, release="r0")
    route = stage.route(Step.CANARY, old, new, share=0.5)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=route.at, release="r1", reason="good enough",
        body={"tracking": "t1", "project": stage.project, "unlogged": {}},
    )  # fmt: skip
    tick(stage)
    return stage


def replace_settings(settings, tokens, token):
    return Settings(home=settings.home, tokens=tokens, gateway_token=token)


def tick(stage):
    return move.fn(look.fn(stage.project), PASSES)


def ask(stage, command, *words):
    """Run a command; return its exit code, and what it said on both streams."""
    given = [command, "--project", stage.project, "--reason", "because", *words]
    done = CliRunner().invoke(app, given)
    return done.exit_code, " ".join(done.output.split())


def who(tmp_path, token, *, tokens=None, role=Role.OPERATE, safe=False, claim=None):
    return acting(replace_settings(Settings(home=tmp_path), tokens, token), role, claim=claim,
                  safe=safe)  # fmt: skip


def test_where_no_tokens_are_the_name_is_a_claim(tmp_path, monkeypatch):
    monkeypatch.setattr("getpass.getuser", lambda: "karl")
    for token in (None, "whatever"):
        person = who(tmp_path, token, role=Role.APPROVE)
        assert (person.actor, person.proved) == ("karl", False)
    assert who(tmp_path, None, claim="bob").actor == "bob"


def test_a_claim_cannot_look_like_a_proof(tmp_path):
    with pytest.raises(ConfigurationError, match="is no name: leave out"):
        who(tmp_path, None, claim="ann (token)")


def test_a_machine_user_without_a_name_acts_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr("getpass.getuser", _raise)
    assert who(tmp_path, None).actor == "by hand"


def _raise():
    raise KeyError("uid 1234")


@pytest.mark.parametrize("safe", [True, False])
def test_the_tokens_name_goes_on_record_and_a_claim_only_beside_it(tmp_path, file, safe):
    person = who(tmp_path, "word", tokens=file, role=Role.APPROVE, safe=safe)
    assert (person.actor, person.proved) == ("ann (token)", True)
    assert who(tmp_path, "word", tokens=file, safe=safe, claim="bob").actor == "ann for bob (token)"
    assert who(tmp_path, "word", tokens=file, safe=safe, claim="ann").actor == "ann (token)"


@pytest.mark.parametrize("safe", [True, False])
@pytest.mark.parametrize(
    ("token", "role", "sentence"),
    [
        (None, Role.OPERATE, "this needs a token: set SIXGATES_GATEWAY_TOKEN to one of .* operate"),
        (None, Role.APPROVE, "this needs a token: .* that may approve"),
        ("looking", Role.OPERATE, "may read: this needs one of .* that may operate"),
        ("working", Role.APPROVE, "may operate: this needs one of .* that may approve"),
    ],
)
def test_no_token_or_a_weak_one_is_refused(tmp_path, file, token, role, sentence, safe):
    with pytest.raises(ConfigurationError, match=sentence) as found:
        who(tmp_path, token, tokens=file, role=role, safe=safe)
    assert "looking" not in str(found.value)
    assert "working" not in str(found.value)


@pytest.mark.parametrize(
    ("token", "said"), [("the-gateways-own", "is not in it"), ("orphaned", "has no `name=` there")]
)
def test_a_token_that_says_nobodys_name_does_for_what_is_safe_alone(
    tmp_path, file, token, said, caplog
):
    with pytest.raises(ConfigurationError, match=said) as found:
        who(tmp_path, token, tokens=file)
    with caplog.at_level(logging.WARNING):
        assert not who(tmp_path, token, tokens=file, safe=True).proved
    assert said in caplog.text
    assert token not in str(found.value) + caplog.text


@pytest.mark.parametrize("trouble", ["missing", "open", "broken"])
def test_trouble_with_the_file_does_not_keep_anybody_from_what_is_safe(
    tmp_path, file, trouble, caplog
):
    if trouble == "missing":
        file.unlink()
    elif trouble == "open":
        file.chmod(0o644)
    else:
        file.write_text("nonsense\n")
    with pytest.raises(ConfigurationError, match="token file"):
        who(tmp_path, "word", tokens=file)
    for token in ("word", None):
        assert not who(tmp_path, token, tokens=file, safe=True).proved
    assert "it goes on record as a claim" in caplog.text


def test_approving_needs_a_token_that_may_and_says_whose_it_is(waiting, bearing):
    for token, sentence in (
        (None, "this needs a token"), ("looking", "may read"), ("working", "may operate"),
        ("wrong", "is not in it"), ("orphaned", "has no `name=`"),
    ):  # fmt: skip
        bearing(token)
        for words in ([], ["--by", "ann"], ["--override", "in a hurry"]):
            code, said = ask(waiting, "approve", *words)
            assert code == 2
            assert sentence in said
    assert waiting.entries(Kind.APPROVED) == []
    bearing("word")
    assert ask(waiting, "approve")[0] == 0
    (entry,) = waiting.entries(Kind.APPROVED)
    assert (entry.actor, entry.body["proved"]) == ("ann (token)", True)
    route = tick(waiting)
    assert route.step is Step.PROMOTED
    assert route.reason.startswith("approved by ann (token) (because)")


def test_a_tick_with_tokens_does_not_heed_a_yes_that_was_only_claimed(waiting, bearing):
    assert approve.fn(waiting.project, "in a shell without the file", "ann").changed
    bearing("working")
    assert tick(waiting).step is Step.CANARY
    assert question_of(waiting.project)["version"] == "2"
    bearing("word")
    assert json.loads(ask(waiting, "approve", "--json")[1])["changed"]
    assert tick(waiting).step is Step.PROMOTED


@pytest.mark.parametrize("command", ["stop", "resume", "acknowledge", "rollback", "reject"])
def test_operating_needs_a_token_that_may_operate(waiting, bearing, command):
    before = waiting.history()
    for token in (None, "looking"):
        bearing(token)
        code, said = ask(waiting, command)
        assert code == 2
        assert "that may operate" in said
    assert waiting.history() == before
    bearing("working")
    assert ask(waiting, command)[0] in {0, 4}  # no gateway lives here that could confirm


@pytest.mark.parametrize("command", ["stop", "resume", "acknowledge", "rollback", "reject"])
def test_what_is_safe_goes_on_without_the_file_and_nothing_else_does(
    waiting, bearing, file, command
):
    file.unlink()
    bearing(None)
    before = waiting.history()
    code, said = ask(waiting, command)
    if command in SAFE:
        assert code in {0, 4}
        assert waiting.history() != before
    else:
        assert (code, waiting.history()) == (2, before)
        assert "cannot be read" in said


def test_a_rollback_says_who_asked_for_it(waiting, bearing):
    bearing("working")
    ask(waiting, "rollback")
    assert waiting.world.ledger.route(waiting.model).actor == "by otto (token)"


def test_going_against_a_brake_needs_a_token_that_may_approve(waiting, bearing):
    for token in (None, "working", "wrong"):
        bearing(token)
        done = CliRunner().invoke(
            app, ["retrain", "-p", waiting.project, "-d", waiting.data, "--override", "in a hurry"]
        )
        assert done.exit_code == 2
        assert "may approve" in " ".join(done.output.split())
    bearing("looking")
    done = CliRunner().invoke(app, ["retrain", "-p", waiting.project, "-d", waiting.data])
    assert done.exit_code == 2


@pytest.fixture
def frozen(stage, old):
    """A freeze keeps every run from beginning that nobody insists on."""
    stage.play("frozen", governor={"freeze": ("Sun - Sun",)})
    stage.route(Step.COLD_START, old, release="r0")
    assert isinstance(stage.begin(trigger="by hand"), Held)
    return stage


@pytest.mark.parametrize("trigger", ["by hand", "six-gates", "drift"])
def test_whoever_starts_the_run_an_override_needs_a_token_that_may_approve(
    frozen, bearing, trigger
):
    """As Prefect starts it, without the command: here is the worker, with its own token."""
    for token, sentence in (
        (None, "this needs a token"), ("looking", "may read"), ("working", "may operate"),
        ("wrong", "is not in it"), ("orphaned", "has no `name=`"),
    ):  # fmt: skip
        bearing(token)
        for by in ("", "ann"):
            with pytest.raises(ConfigurationError, match=sentence):
                frozen.begin(trigger=trigger, override="in a hurry", by=by)
    assert frozen.entries(Kind.RUN) == []


@pytest.mark.parametrize("override", ["", "in a hurry"])
def test_nobody_types_a_proof_into_a_run(stage, override):
    with pytest.raises(ConfigurationError, match="is no name: leave out"):
        stage.begin(trigger="by hand", override=override, by="ann (token)")
    assert stage.entries(Kind.RUN) == []


@pytest.mark.parametrize(
    ("token", "by", "actor"),
    [
        ("word", "", "ann (token)"),
        ("word", "ann", "ann (token)"),
        ("word", "bob", "ann for bob (token)"),
    ],
)
def test_the_run_that_overrides_says_whose_token_it_was(frozen, bearing, token, by, actor):
    bearing(token)
    assert isinstance(frozen.begin(trigger="by hand", override="in a hurry", by=by), Run)
    (entry,) = frozen.entries(Kind.RUN)
    assert (entry.actor, entry.body["override"]["brakes"]) == (actor, ["freeze"])


@pytest.mark.parametrize("token", [None, "looking"])
def test_a_run_by_hand_needs_a_token_that_may_operate_and_one_by_itself_none(stage, bearing, token):
    bearing(token)
    with pytest.raises(ConfigurationError, match="that may operate"):
        stage.begin(trigger="by hand")
    assert isinstance(stage.begin(trigger="drift"), Run)
    (entry,) = stage.entries(Kind.RUN)
    assert entry.actor == "sixgates"


def test_a_run_by_hand_of_the_gateways_own_token_is_a_claim(stage, bearing):
    bearing("the-gateways-own")
    assert isinstance(stage.begin(trigger="by hand", by="bob"), Run)
    (entry,) = stage.entries(Kind.RUN)
    assert entry.actor == "bob"

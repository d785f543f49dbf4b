from datetime import timedelta

import pytest

from simulation.drift import Shift, ShiftKind
from simulation.world import World
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.model_store import text_digest
from sixgates.gates.retrain import TrainingEvidence, judge_training
from sixgates.gates.verdict import Outcome, Verdict
from sixgates.ledger.ledger import Kind
from tasks.answer import answer
from tasks.retrain import train_challenger
from tasks.run import project_of
from tests.tasks.conftest import DAYS, ROWS, START


def test_a_challenger_is_stored_and_registered_with_what_it_was_made_from(stage):
    run, dataset = stage.validated()
    trained = train_challenger.fn(run, dataset)
    registry = stage.world.registry
    assert registry.versions == [trained.model]
    assert trained.verdict.passed
    text, card = stage.world.models.get("loans-small", trained.model.digest)
    assert trained.model.digest == text_digest(text) == card.digest
    assert registry.runs["t1"]["dataset"] == dataset
    assert registry.runs["t1"]["params"]["num_leaves"] == 8
    metrics = registry.runs["t1"]["metrics"]
    assert metrics["loss"] < metrics["base_loss"]
    assert stage.verdicts() == [("validate", "pass"), ("retrain", "pass")]
    assert predict(text, card, stage.rows.head(3)).shape == (3, 1)


def test_the_same_rows_make_the_same_model(stage):
    run, dataset = stage.validated()
    first = train_challenger.fn(run, dataset)
    answer.fn(run, "broken", "for the test")
    second = train_challenger.fn(*stage.validated(trigger="by hand"))
    assert first.model.digest == second.model.digest
    assert first.model.version != second.model.version


def test_a_training_that_is_refused_registers_nothing(stage):
    stage.play("hasty", training={"max_seconds": 1e-9})
    run, dataset = stage.validated()
    refused = train_challenger.fn(run, dataset)
    assert refused.model is None
    assert refused.verdict.outcome is Outcome.FAIL
    assert "training seconds" in refused.verdict.reason
    assert stage.world.registry.versions == []
    assert stage.world.models.kept == {}
    assert stage.verdicts()[-1] == ("retrain", "fail")


TURN = 6
"""Day on which the world of `turned` changes."""
ASKED = {"since_drift": True, "window": None}
SINCE = START + timedelta(days=TURN)


@pytest.fixture
def turned(stage):
    """A world in which what three features mean turned round, and a policy that asks since when."""
    stage.play("turned", training=ASKED)
    shifts = (("debt_ratio", -4.0), ("utilisation", -4.0), ("income", 3.0))
    stage.write(World(3, START, DAYS, ROWS, tuple(
        Shift(ShiftKind.CONCEPT, TURN, size, feature) for feature, size in shifts
    )).frame())  # fmt: skip
    return stage


def challenger(stage, **body):
    """Train for an alert with this body; return the evidence, and what is said of the window."""
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="the world moved", body=body
    )
    run, dataset = stage.validated(alert=alert, trigger="drift")
    trained = train_challenger.fn(run, dataset)
    body = stage.entries(Kind.VERDICT)[-1].body
    evidence = TrainingEvidence.from_dict(body["inputs"]["evidence"])
    policy = project_of(stage.project).policies.training
    assert judge_training(evidence, policy) == Verdict.from_dict(body) == trained.verdict
    said = [c.sentence for c in trained.verdict.checks if c.name == "window since the drift"]
    return evidence, said


def test_after_a_sudden_change_the_rows_since_then_are_learnt_alone(turned):
    evidence, (said,) = challenger(turned, since=SINCE.isoformat())
    assert evidence.drift.taken
    assert evidence.rows == evidence.drift.rows < evidence.drift.other_rows / 1.5
    assert evidence.loss < evidence.drift.other_loss - 0.01
    assert said.startswith(f"the model learnt from the {evidence.rows:,} training rows since")
    metrics = turned.world.registry.runs["t1"]["metrics"]
    assert metrics["since_drift_rows"] == evidence.rows
    assert turned.world.registry.runs["t1"]["params"]["policy.since_drift"] is True


def test_where_the_world_stayed_all_rows_are_learnt_from_whatever_an_alert_says(stage):
    stage.play("stayed", training=ASKED)
    evidence, (said,) = challenger(stage, since=SINCE.isoformat())
    assert not evidence.drift.taken
    assert evidence.rows == evidence.drift.other_rows > evidence.drift.rows > 500
    assert "were not taken: they lose" in said


@pytest.mark.parametrize(
    ("days", "why"),
    [(DAYS - 1, "no training row has come since"), (10, "are too few, 500 are needed")],
)
def test_a_change_too_young_to_be_learnt_alone_is_named_in_the_verdict(turned, days, why):
    evidence, (said,) = challenger(turned, since=(START + timedelta(days=days)).isoformat())
    assert evidence.rows == evidence.drift.other_rows
    assert why in said


@pytest.mark.parametrize("body", [{}, {"since": None}, {"signals": [{"name": "inputs"}]}])
def test_an_alert_that_does_not_say_since_when_changes_nothing(turned, body):
    evidence, said = challenger(turned, **body)
    assert (evidence.drift, said) == (None, [])


def test_without_the_policy_the_date_of_an_alert_changes_nothing(turned):
    turned.play("plain", training={"window": None})
    evidence, said = challenger(turned, since=SINCE.isoformat())
    assert (evidence.drift, said) == (None, [])


def test_a_run_without_an_alert_knows_of_no_drift(turned):
    turned.world.ledger.append(
        turned.model, Kind.ALERT, at=turned.world.clock.now(), reason="the world moved",
        body={"since": SINCE.isoformat()},
    )  # fmt: skip
    run, dataset = turned.validated(trigger="by hand")
    train_challenger.fn(run, dataset)
    assert turned.entries(Kind.VERDICT)[-1].body["inputs"]["evidence"]["drift"] is None

from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.model_store import text_digest
from sixgates.gates.verdict import Outcome
from tasks.answer import answer
from tasks.retrain import train_challenger


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

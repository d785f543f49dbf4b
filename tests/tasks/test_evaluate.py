from pathlib import Path

import pytest

from sixgates.gates.errors import ContractError
from sixgates.gates.verdict import Outcome
from tasks.evaluate import evaluate
from tasks.retrain import train_challenger


@pytest.fixture
def trained(stage):
    run, dataset = stage.validated()
    return run, dataset, train_challenger.fn(run, dataset).model


def test_the_holdout_is_judged_and_the_reference_of_the_watch_is_kept(stage, trained):
    run, dataset, model = trained
    verdict = evaluate.fn(run, dataset, model)
    assert verdict.passed
    assert stage.verdicts()[-1] == ("evaluate", "pass")
    reference = stage.world.references.get(run.model, model.digest)
    holdout = next(c for c in verdict.checks if c.name == "holdout rows").n
    assert holdout == round(0.2 * dataset.matured)
    assert 0.1 < reference.holdout_loss < 0.25
    assert reference.profile.rows == dataset.rows
    assert reference.until == stage.rows["ts"].max()
    assert [look.inputs.rows for look in reference.looks] == [150] * 12
    # Of rows that training learnt from the model's answers say nothing.
    assert [bool(look.answers) for look in reference.looks].count(True) == 4
    assert stage.world.registry.runs[run.tracking]["reference"].is_file()


def test_a_loss_above_the_limit_is_refused(stage):
    stage.play("strict", evaluation={"max_loss": 0.05})
    run, dataset = stage.validated()
    verdict = evaluate.fn(run, dataset, train_challenger.fn(run, dataset).model)
    assert verdict.outcome is Outcome.FAIL
    assert "> limit 0.05" in verdict.reason
    assert stage.verdicts()[-1] == ("evaluate", "fail")


def test_a_dataset_that_was_changed_since_is_not_judged(stage, trained):
    run, dataset, model = trained
    Path(dataset.path).write_bytes(Path(stage.data).read_bytes())
    with pytest.raises(ContractError, match="was changed since it was stored"):
        evaluate.fn(run, dataset, model)
    assert stage.verdicts()[-1] == ("retrain", "pass")


def test_the_stored_model_is_timed_weighed_and_set_beside_naive_rules(trained):
    verdict = evaluate.fn(*trained)
    seen = {check.name: check for check in verdict.checks}
    assert 0 < seen["single-row latency in ms"].seen < 20
    assert 0 < seen["model size in MB"].seen < 1
    assert "the last known label of the entity" in seen["baselines"].sentence
    assert seen["calibration error"].n == seen["holdout rows"].n


def test_a_model_larger_than_its_budget_is_refused(stage):
    stage.play("small-budget", evaluation={"max_size_mb": 0.001})
    run, dataset = stage.validated()
    verdict = evaluate.fn(run, dataset, train_challenger.fn(run, dataset).model)
    assert verdict.outcome is Outcome.FAIL
    assert "model size in MB" in verdict.reason

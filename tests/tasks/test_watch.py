from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from simulation.world import World
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks import watch as module
from tasks.evaluate import evaluate
from tasks.look import look_around
from tasks.retrain import train_challenger
from tasks.run import project_of
from tasks.watch import Raised, look_for_drift, raise_alert
from tests.fakes import DAY, known, said
from tests.tasks.conftest import ROWS
from tests.tasks.reports import LOUD, QUIET


@pytest.fixture
def serving(stage):
    """Let a model trained on the newest data serve."""
    run, dataset = stage.validated()
    model = train_challenger.fn(run, dataset).model
    evaluate.fn(run, dataset, model)
    stage.route(Step.COLD_START, Version(model.version, model.digest), release=run.id)
    return stage


def alerted(stage, report=LOUD, *, announce=True):
    return raise_alert.fn(stage.project, stage.data, report, announce=announce)


def test_quiet_data_raises_nothing(serving):
    report = look_for_drift.fn(serving.project, serving.data)
    assert not report.alert
    assert alerted(serving, report) == Raised(None, report.sentence)
    assert serving.entries(Kind.ALERT) == serving.events == []


def later(stage, days, *changes):
    """Let days pass in which more rows of the same kind come, with these changes."""
    came = (
        World(stage.rows.height, stage.world.clock.now(), days, ROWS).frame().with_columns(*changes)
    )
    stage.write(pl.concat([stage.rows, came]))
    stage.world.clock.moment += timedelta(days=days)


def test_inputs_that_moved_raise_an_alert_that_names_them(serving):
    later(serving, 10, pl.col("income") * 3)
    report = look_for_drift.fn(serving.project, serving.data)
    assert report.alert
    assert report.features[0] == "income"
    alert = alerted(serving, report)
    (entry,) = serving.entries(Kind.ALERT)
    assert alert == Raised(entry.seq, f"alert {entry.seq}: {report.sentence}")
    assert entry.body["features"][0] == "income"
    ((model, payload),) = serving.events
    assert (model, payload["alert"], payload["data"]) == ("loans-small", entry.seq, serving.data)
    assert payload["signals"][0]["seen"] > payload["signals"][0]["limit"]
    assert payload["signals"][0]["effect"] > payload["signals"][0]["floor"]
    moved = serving.world.clock.now() - timedelta(days=10)  # the day on which the rows changed
    since = datetime.fromisoformat(payload["since"])
    assert since == report.since
    assert moved - timedelta(days=2) <= since <= moved + timedelta(days=1)
    assert entry.body["since"] == payload["since"]
    assert entry.body["signals"][0]["since"] == report.signals[0].since.isoformat()


def test_a_loss_that_rose_raises_an_alert_without_any_drift_of_inputs(serving):
    first = 20_478  # 2026-01-25
    rows, labels = [], []
    for day in range(first, first + 16):
        for i in range(10):
            rows.append(
                {"request": f"{day}/{i}", "at": day + i / 10, "values": (0.9 - day % 3 / 100,)}
            )
            labels.append((f"{day}/{i}", 0, day + 2))
    serving.world.log.said, serving.world.log.known = said(*rows), known(*labels)
    later(serving, 16)
    report = look_for_drift.fn(serving.project, serving.data)
    assert [s.name for s in report.signals if s.alert] == ["loss"]
    assert report.signals[-1].n == 14  # matured days
    assert report.since == datetime(2026, 1, 25)  # noqa: DTZ001 - naive UTC; the first of them

    labels = serving.world.log.known
    serving.world.log.known = labels.with_columns(received=pl.lit(-2 * DAY))  # before any request
    assert look_around(serving.world, project_of(serving.project), serving.data).losses.is_empty()


def test_a_quiet_report_raises_nothing(serving):
    assert alerted(serving, QUIET) == Raised(None, QUIET.sentence)
    assert serving.entries(Kind.NOTICE) == serving.events == []


def test_an_alert_can_be_kept_from_the_automations(serving):
    assert alerted(serving, announce=False).alert is not None
    assert serving.events == []
    assert len(serving.entries(Kind.ALERT)) == 1


def test_drift_for_which_no_retrain_is_due_is_noted_once_a_cooldown(serving):
    seen = replace(LOUD, asks=False)
    assert alerted(serving, seen) == Raised(None, seen.sentence)
    alerted(serving, seen)
    (notice,) = serving.entries(Kind.NOTICE)
    assert notice.reason == seen.sentence
    assert notice.body["features"] == ["income"]
    assert serving.entries(Kind.ALERT) == serving.events == []
    serving.world.clock.moment += timedelta(days=7)
    alerted(serving, seen)
    assert len(serving.entries(Kind.NOTICE)) == 2


def answered(stage, alert):
    stage.world.ledger.append(
        stage.model, Kind.ANSWER, at=stage.world.clock.now(), reason="refused",
        body={"alert": alert, "ending": "refused at compare"},
    )  # fmt: skip


def test_no_second_alert_follows_within_the_cooldown(serving):
    first = alerted(serving)
    answered(serving, first.alert)
    serving.world.clock.moment += timedelta(days=7) - timedelta(seconds=1)
    held = alerted(serving)
    assert held.alert is None
    assert "the cooldown" in held.sentence
    serving.world.clock.moment += timedelta(seconds=1)
    second = alerted(serving)
    assert second.alert > first.alert
    assert len(serving.entries(Kind.ALERT)) == len(serving.events) == 2
    assert alerted(serving, QUIET).alert == serving.events[-1][1]["alert"] == second.alert


def test_a_schedule_is_not_held_up_by_a_longer_cooldown(stage, old):
    stage.play("small2", watch={"trigger": {"on": "schedule", "every": timedelta(days=1)}})
    stage.route(Step.COLD_START, old)
    for days in range(1, 4):
        answered(stage, alerted(stage).alert)
        stage.world.clock.moment += timedelta(days=1)
        assert len(stage.entries(Kind.ALERT)) == days


def test_a_cooldown_may_last_for_ever(stage, old):
    stage.play("small2", watch={"cooldown": timedelta.max})
    stage.route(Step.COLD_START, old)
    answered(stage, alerted(stage).alert)
    stage.world.clock.moment += timedelta(days=1000)
    assert "the cooldown" in alerted(stage).sentence
    assert len(stage.entries(Kind.ALERT)) == 1


def test_an_alert_that_nobody_answered_is_announced_again_and_recorded_once(serving):
    first = alerted(serving)
    again = alerted(serving, QUIET)
    assert again.alert == first.alert
    assert "unanswered" in again.sentence
    assert len(serving.entries(Kind.ALERT)) == 1
    assert [payload["alert"] for _, payload in serving.events] == [first.alert] * 2
    answered(serving, first.alert)
    assert alerted(serving, QUIET).alert is None


@pytest.mark.parametrize(("early", "said"), [(True, "is unanswered"), (False, "another watch")])
def test_of_two_watches_that_look_at_once_one_raises_an_alert(serving, monkeypatch, early, said):
    read, others = module.read_acts, []

    def read_slowly(ledger, model):
        monkeypatch.setattr(module, "read_acts", read)
        acts = read(ledger, model)
        others.append(alerted(serving))
        return read(ledger, model) if early else acts

    monkeypatch.setattr(module, "read_acts", read_slowly)
    second = alerted(serving)
    (entry,) = serving.entries(Kind.ALERT)
    assert others == [Raised(entry.seq, f"alert {entry.seq}: {LOUD.sentence}")]
    assert said in second.sentence
    assert {payload["alert"] for _, payload in serving.events} == {entry.seq}


@pytest.mark.parametrize("step", [Step.SHADOW, Step.CANARY, Step.PROMOTED])
def test_an_open_release_is_not_disturbed(stage, old, new, step):
    stage.route(step, old, new)
    held = alerted(stage)
    assert held.alert is None
    assert f"a release is in step {step}" in held.sentence
    alerted(stage, replace(LOUD, asks=False))
    assert stage.entries() == []


def test_nothing_can_be_watched_before_a_model_serves(stage):
    with pytest.raises(ConfigurationError, match="no model of loans-small serves yet"):
        look_for_drift.fn(stage.project, stage.data)


def test_a_champion_without_its_reference_is_not_watched_blindly(stage, old):
    stage.route(Step.COLD_START, old)
    stage.world.models.put("", ModelCard(stage.model, old.digest, Task.BINARY, (), "ts", None))
    with pytest.raises(ContractError, match="the drift reference"):
        look_for_drift.fn(stage.project, stage.data)

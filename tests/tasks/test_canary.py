"""Gate 5 from log records to decision: what the task looks up, and what it hands to the gate."""

from datetime import UTC, timedelta

import numpy as np
import polars as pl
import pytest

from sixgates.gates.card import ModelCard, Task
from sixgates.gates.decision import Move
from sixgates.gates.errors import ContractError
from sixgates.ledger import rows
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.canary import canary
from tasks.monitor import monitor
from tasks.tick import look
from tests.fakes import DAY, known, said

CANARY = {"min_periods": 3, "min_stage_requests": 5, "max_stage": timedelta(days=2)}


@pytest.fixture
def opened(stage, old, new):
    """Open a release of the small loans project, whose log is still empty."""
    stage.play("log", canary=CANARY, monitor={"periods": 3, "slow_ms": 10.0})
    for version in (old, new):
        stage.world.models.put(
            "", ModelCard(stage.model, version.digest, Task.BINARY, (), "ts", None)
        )
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.SHADOW, old, new)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=stage.world.clock.now(), release="r1", reason="",
        body={"tracking": "", "project": stage.project, "unlogged": {}},
    )  # fmt: skip
    return stage


def live(stage, days, *, epoch, better=0.05, per_day=20, share=0.0, micros=100.0):
    """Let days of traffic pass: both models answer each request, labels come two days later.

    Version 2 answers the first `share` of each day, `better` nearer to the truth than version 1.
    """
    rng = np.random.default_rng(epoch)
    first = int(stage.world.clock.now().replace(tzinfo=UTC).timestamp() // DAY)
    rows, labels = [], []
    for now in range(first, first + days):
        for i in range(per_day):
            name, at, y = f"{now}/{i}", now + i / per_day, int(rng.random() < 0.3)
            wrong = 0.4 + rng.normal(0, 0.1)
            both = {"request": name, "at": at, "epoch": epoch}
            arms = ("shadow", "canary") if i < share * per_day else ("champion", "shadow")
            rows += [
                {**both, "version": "1", "arm": arms[0], "values": (abs(y - wrong),)},
                {**both, "version": "2", "arm": arms[1], "values": (abs(y - wrong + better),),
                 "micros": micros},
            ]  # fmt: skip
            labels.append((name, y, at + 2))
    log = stage.world.log
    log.said, log.known = log.said.vstack(said(*rows)), log.known.vstack(known(*labels))
    stage.world.clock.moment += timedelta(days=days)
    return look.fn(stage.project)


def names(judged, outcome):
    return {c.name for c in judged.decision.verdict.checks if c.outcome == outcome}


def test_an_empty_log_holds(opened):
    judged = canary.fn(look.fn(opened.project))
    assert judged.decision.move is Move.HOLD
    assert judged.shares == (0.5,)  # no traffic fills a smaller share


def test_pairs_of_the_shadow_let_it_grow_once_their_labels_are_known(opened):
    tick = live(opened, 8, epoch=2)
    judged = canary.fn(tick)
    assert judged.decision.move is Move.ADVANCE
    assert "loss" in names(judged, "pass")
    assert next(c for c in judged.decision.verdict.checks if c.name == "stage").n == 6
    assert judged.shares == (0.25, 0.5)  # 20 rows a day: 5 % cannot show 5 requests in two days


def test_labels_that_came_before_the_requests_of_the_release_are_not_looked_for(opened):
    tick, log = live(opened, 8, epoch=2), opened.world.log
    for days, judges in ((1, True), (1.01, False)):  # by so much may clocks differ
        log.known = log.known.with_columns(received=pl.lit(-days * DAY))
        assert ("loss" in names(canary.fn(tick), "pass")) is judges


def test_a_worse_challenger_is_rolled_back_in_shadow(opened):
    judged = canary.fn(live(opened, 8, epoch=2, better=-0.1))
    assert judged.decision.move is Move.ROLL_BACK
    assert "worse than the champion: loss" in judged.decision.reason


def test_the_split_is_counted_in_its_own_epoch(opened, old, new):
    live(opened, 8, epoch=2)
    opened.route(Step.CANARY, old, new, share=0.5)
    tick = live(opened, 2, epoch=3, share=0.5)
    judged = canary.fn(tick)
    stage = next(c for c in judged.decision.verdict.checks if c.name == "stage")
    assert (stage.n, stage.outcome) == (20, "pass")
    assert judged.decision.move is Move.HOLD  # 20 canary requests do not prove the error rate
    assert names(judged, "inconclusive") == {"server errors", "slow answers"}
    judged = canary.fn(live(opened, 20, epoch=3, share=0.5))
    assert judged.decision.move is Move.PROMOTE


def test_slow_answers_are_judged_by_the_policy_of_the_gate(opened, old, new):
    live(opened, 8, epoch=2)
    opened.route(Step.CANARY, old, new, share=0.5)
    quick = canary.fn(live(opened, 10, epoch=3, share=0.5, micros=20_000.0))
    assert "harm" in names(quick, "pass")  # below 50 ms
    opened.route(Step.PROMOTED, new, old, share=0.1)
    slow = monitor.fn(live(opened, 10, epoch=4, share=0.9, micros=20_000.0))
    assert slow.decision.move is Move.ROLL_BACK  # above this project's 10 ms of gate 6
    assert "service" in names(slow, "fail")


def test_answers_that_could_not_be_logged_hold(opened):
    tick = live(opened, 8, epoch=2)
    opened.world.traffic.unlogged = 2
    judged = canary.fn(tick)
    assert judged.decision.move is Move.HOLD
    assert judged.decision.reason == "2 answers could not be logged: the evidence has gaps"


def test_the_deadline_counts_from_the_opening_of_the_release(opened, old, new):
    opened.world.clock.moment += timedelta(days=40)
    opened.route(Step.CANARY, old, new, share=0.25)
    opened.world.clock.moment += timedelta(days=19)
    assert canary.fn(look.fn(opened.project)).decision.move is Move.HOLD
    opened.world.clock.moment += timedelta(days=2)
    assert canary.fn(look.fn(opened.project)).decision.move is Move.EXPIRE


def test_a_promotion_is_watched_from_its_own_epoch_on(opened, old, new):
    live(opened, 8, epoch=2, better=-0.2)  # long ago, in shadow
    opened.route(Step.PROMOTED, new, old, share=0.1)
    judged = monitor.fn(live(opened, 4, epoch=3, share=0.9))
    assert judged.decision.move is Move.HOLD
    assert "2 of 3 matured periods watched" in judged.decision.reason
    assert monitor.fn(live(opened, 2, epoch=3, share=0.9)).decision.move is Move.CONFIRM


def test_a_regression_after_promotion_is_rolled_back(opened, old, new):
    opened.route(Step.PROMOTED, new, old, share=0.1)
    judged = monitor.fn(live(opened, 12, epoch=3, better=-0.1, share=0.9))
    assert judged.decision.move is Move.ROLL_BACK
    assert "worse than the previous champion" in judged.decision.reason


def test_gate_6_knows_usual_answers_from_the_shadow_and_speaks_before_labels_do(opened, old, new):
    live(opened, 8, epoch=2)
    opened.route(Step.PROMOTED, new, old, share=0.1)
    judged = monitor.fn(live(opened, 2, epoch=3, better=5.0, share=0.9, per_day=100))
    assert judged.decision.move is Move.ROLL_BACK
    assert "worse than the hold-back: predictions differ by" in judged.decision.reason
    assert "regression" in names(judged, "pass")  # no label of these days has matured


def test_gate_6_without_a_shadow_says_that_it_cannot_judge_predictions(opened, old, new):
    opened.route(Step.PROMOTED, new, old, share=0.1)
    judged = monitor.fn(live(opened, 3, epoch=3, better=5.0, share=0.9))
    service = next(c for c in judged.decision.verdict.checks if c.name == "service")
    assert service.outcome == "pass"
    assert "predictions not judged" in service.sentence


def test_gate_5_judges_predictions_and_early_errors_of_the_split(opened, old, new):
    live(opened, 8, epoch=2)
    opened.route(Step.CANARY, old, new, share=0.5)
    judged = canary.fn(live(opened, 3, epoch=3, better=-0.5, share=0.5))
    by_name = {c.name: c for c in judged.decision.verdict.checks}
    assert by_name["predictions"].n == 30
    assert by_name["early errors"].seen > 2  # labels of the first of three days are known
    assert judged.decision.move is Move.ROLL_BACK


def test_a_route_without_a_second_model_cannot_be_judged(opened, old):
    opened.route(Step.CONFIRMED, old)
    tick = look.fn(opened.project)
    with pytest.raises(ContractError, match="no challenger to judge"):
        canary.fn(tick)
    with pytest.raises(ContractError, match="no hold-back to judge by"):
        monitor.fn(tick)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(hours=1)])
def test_a_breaker_on_record_rolls_the_release_back_whatever_the_clock_of_its_gateway(
    opened, old, new, ahead, monkeypatch
):
    live(opened, 8, epoch=2)
    opened.route(Step.CANARY, old, new, share=0.5)
    live(opened, 2, epoch=3, share=0.5)
    body = {"epoch": 3, "reason": "it failed in 5 of its last 5 answers", "seen": 5, "limit": 5,
            "n": 5}  # fmt: skip
    ledger, now = opened.world.ledger, opened.world.clock.now()
    ledger.append(opened.model, Kind.BREAKER, at=now, release="r0", reason="another", body=body)
    assert canary.fn(look.fn(opened.project)).decision.move is Move.HOLD
    with monkeypatch.context() as there:
        there.setattr(rows, "wall", lambda here=rows.wall: here() + ahead)
        ledger.append(opened.model, Kind.BREAKER, at=now, release="r1", reason="cut", body=body)
    judged = canary.fn(look.fn(opened.project))
    assert judged.decision.move is Move.ROLL_BACK
    assert "it failed in 5 of its last 5 answers (n = 5)" in judged.decision.reason


def test_a_lapse_in_mid_canary_does_not_break_the_split(opened, old, new):
    live(opened, 8, epoch=2)
    opened.route(Step.CANARY, old, new, share=0.5)
    live(opened, 3, epoch=3, share=0.5, per_day=100)
    log = opened.world.log
    counted = log.said
    tick = live(opened, 3, epoch=3, share=0.0, per_day=100)  # the champion answered everybody
    assert "split" in names(canary.fn(tick), "fail")
    added = log.said.slice(counted.height)
    log.said = counted.vstack(added.with_columns(share=pl.lit(0.0)))
    judged = canary.fn(tick)
    assert "split" in names(judged, "pass")
    stage = next(c for c in judged.decision.verdict.checks if c.name == "stage")
    assert stage.n == 150

import asyncio
import errno
import json
import math
import os
import time
from collections import Counter

import pytest

from sixgates.gates.card import Task
from sixgates.gates.records import Arm
from sixgates.gateway.canary.tell import tell
from sixgates.gateway.split import is_beside
from sixgates.ledger.ledger import Kind
from tests.gateway.conftest import FEATURES


def broken(*_args):
    raise RuntimeError("out of order")


def break_model(monkeypatch, loaded, how=broken):
    monkeypatch.setattr(loaded.booster, "predict", how)
    monkeypatch.setattr(loaded.booster, "predict_one", lambda packed: how(packed)[0])


def test_the_answer_is_the_trainers_to_the_bit(house, champion, sample_rows):
    house.route(champion)
    rows = sample_rows(50, seed=4)
    answer = house.gateway().score(rows, headers={"x-request-id": "order-7"})
    assert answer.status_code == 200
    assert answer.json() == {"predictions": champion.expected(rows)}
    assert answer.headers["x-request-id"] == "order-7"
    assert answer.headers["x-sixgates-epoch"] == "1"


@pytest.mark.parametrize("task", [Task.MULTICLASS, Task.REGRESSION])
def test_every_task_answers_in_its_own_shape(house, train, sample_rows, task):
    trained = train(task, seed=6)
    trained.put(house.store)
    house.route(trained)
    rows = sample_rows(3, seed=4)
    answered = house.gateway().score(rows).json()["predictions"]
    assert answered == trained.expected(rows)
    assert [len(p.values) for p in house.predictions()] == [3 if task is Task.MULTICLASS else 1] * 3


def test_the_ways_to_send_rows_mean_the_same(house, champion, sample_rows):
    house.route(champion)
    gateway = house.gateway()
    rows = sample_rows(4)
    columns = list(rows[0])
    split = {"columns": columns, "data": [[row[c] for c in columns] for row in rows]}
    answers = [
        gateway.post("/invocations", body).json()
        for body in (
            {"dataframe_split": split},
            {"dataframe_records": rows},
            {"inputs": rows},
            {"instances": rows},
        )
    ]
    assert all(answer == {"predictions": champion.expected(rows)} for answer in answers)


def test_a_large_request_answers_like_small_ones(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    rows = sample_rows(2_000)
    whole = gateway.score(rows).json()["predictions"]
    parts = [gateway.score(rows[i : i + 20]).json()["predictions"] for i in range(0, 200, 20)]
    assert whole[:200] == [p for part in parts for p in part]


def test_a_line_says_who_answered_whom_and_when(house, champion, sample_rows):
    house.route(champion)
    rows = sample_rows(3)
    rows[1]["when"] = "2026-02-03T04:05:06+01:00"
    rows[2]["when"] = rows[2]["customer"] = None
    before = time.time()
    house.gateway().score(rows, headers={"x-request-id": "q"})
    first, second, third = house.predictions()
    assert (first.request, first.row, first.entity, first.at) == ("q", 0, "c0", 1_700_000_000.0)
    assert (first.epoch, first.arm, first.version, first.error) == (1, Arm.CHAMPION, "1", "")
    assert list(first.values) == champion.expected(rows)[:1]
    assert second.at == 1_770_087_906.0
    assert third.entity == "q/2"
    assert before <= third.at == third.received <= time.time()
    assert 0 < first.micros < 1e6


def test_without_an_entity_every_row_is_its_own_unit(house, train, sample_rows):
    trained = train(seed=3, entity=None)
    trained.put(house.store)
    house.route(trained)
    house.gateway().score(sample_rows(2), headers={"x-request-id": "q"})
    assert [p.entity for p in house.predictions()] == ["q/0", "q/1"]


@pytest.mark.parametrize("split", [(0.0, Arm.CANARY), (0.3, Arm.CANARY), (0.5, Arm.HOLDBACK)])
def test_beside_a_second_model_every_row_has_one_answer_and_one_shadow(
    house, champion, challenger, sample_rows, split
):
    share, arm = split
    house.route(champion, challenger, share, arm=arm)
    rows = sample_rows(200)
    answers = house.gateway().score(rows).json()["predictions"]
    by_version = {"1": champion.expected(rows), "2": challenger.expected(rows)}
    lines = {(p.row, p.version): p for p in house.predictions()}
    assert len(lines) == len(house.predictions()) == 400
    for i, row in enumerate(rows):
        theirs = is_beside("r1", row["customer"], share)
        assert answers[i] == by_version["2" if theirs else "1"][i]
        assert lines[i, "1"].arm is (Arm.SHADOW if theirs else Arm.CHAMPION)
        assert lines[i, "2"].arm is (arm if theirs else Arm.SHADOW)
        assert [lines[i, v].values for v in "12"] == [(by_version[v][i],) for v in "12"]


def test_a_second_model_reads_each_row_by_the_features_of_its_own_card(
    house, champion, train, sample_rows
):
    age, spend, region = FEATURES
    challenger = train(seed=2, features=(spend, age, region))
    challenger.put(house.store)
    house.route(champion, challenger, 0.5)
    gateway, rows = house.gateway(), sample_rows(60)
    by_version = {"1": champion.expected(rows), "2": challenger.expected(rows)}
    theirs = [is_beside("r1", row["customer"], 0.5) for row in rows]
    expected = [by_version["2" if mine else "1"][i] for i, mine in enumerate(theirs)]
    assert gateway.score(rows).json()["predictions"] == expected
    assert [gateway.score([row]).json()["predictions"][0] for row in rows] == expected
    lines = house.predictions()
    assert len(lines) == 240
    for p in lines:
        assert p.values == (by_version[p.version][int(p.entity[1:])],), (p.arm, p.row)


def test_where_the_canary_raises_the_champion_answers(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    break_model(monkeypatch, gateway.follower.served.beside.model)
    rows = sample_rows(100)
    answer = gateway.score(rows)
    assert answer.json() == {"predictions": champion.expected(rows)}
    lines = house.predictions()
    assert Counter(p.row for p in lines) == dict.fromkeys(range(100), 2)
    failed = {p.row for p in lines if p.arm is Arm.CANARY}
    assert failed == {i for i, r in enumerate(rows) if is_beside("r1", r["customer"], 0.5)}
    for line in lines:
        if line.version == "2":
            assert (line.values, line.error) == ((), "RuntimeError: out of order")
        else:
            assert line.arm is (Arm.SHADOW if line.row in failed else Arm.CHAMPION)
            assert line.error == ""


def test_where_the_canary_answers_no_number_the_champion_does(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    break_model(
        monkeypatch,
        gateway.follower.served.beside.model,
        lambda packed: [(math.nan,)] * (len(packed) // 24),
    )
    rows = sample_rows(20)
    assert gateway.score(rows).json() == {"predictions": champion.expected(rows)}
    assert all("not finite" in p.error for p in house.predictions() if p.version == "2")


def test_a_champion_that_fails_says_so_and_is_logged(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    break_model(monkeypatch, gateway.follower.served.champion)
    answer = gateway.score(sample_rows(2))
    assert answer.status_code == 500
    assert answer.json() == {"error": "the champion could not answer: RuntimeError: out of order"}
    assert [(p.arm, p.values, p.error) for p in house.predictions()] == [
        (Arm.CHAMPION, (), "RuntimeError: out of order")
    ] * 2


def test_a_request_keeps_the_route_it_met(house, champion, challenger, sample_rows, monkeypatch):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    served = gateway.follower.served
    predict_one = served.champion.booster.predict_one

    def predict_while_the_route_changes(packed):
        house.route(challenger)
        gateway.follower.follow()
        return [predict_one(packed)]

    break_model(monkeypatch, served.champion, predict_while_the_route_changes)
    rows = sample_rows(1)
    assert gateway.score(rows).json() == {"predictions": champion.expected(rows)}
    assert [(p.epoch, p.version) for p in house.predictions()] == [(1, "1"), (1, "2")]
    assert gateway.score(rows).json() == {"predictions": challenger.expected(rows)}


def test_a_full_log_answers_and_counts(house, champion, challenger, sample_rows, monkeypatch):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    rows = sample_rows(5)

    def full(_fd, _lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    assert gateway.score(rows).status_code == 200
    monkeypatch.undo()
    assert gateway.get("/serving").json()["unlogged"] == 5
    health = gateway.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "degraded")
    assert "5 answers so far: No space left on device" in health.json()["sentence"]
    assert 'sixgates_gateway_unlogged{model="churn"} 5.0' in gateway.get("/metrics").text
    gateway.score(rows)
    assert gateway.get("/healthz").json()["status"] == "ok"
    assert len(house.predictions()) == 10


def test_the_ledger_holds_what_was_lost_when_the_gateway_is_gone(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()

    def full(_fd, _lines):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    for _ in range(5):
        gateway.score(sample_rows(3))
    monkeypatch.undo()
    tell(house.ledger, gateway.follower.guard, "http://here")
    entries = house.ledger.entries("churn", kind=Kind.UNLOGGED, release="r1")
    assert [e.body["answers"] for e in entries] == [3, 3, 6]
    gateway.state.leave()
    tell(house.ledger, gateway.follower.guard, "http://here")
    *_, last = house.ledger.entries("churn", kind=Kind.UNLOGGED, release="r1")
    assert last.body == {"epoch": 1, "answers": 3}
    assert last.actor == "http://here"
    assert last.reason.startswith("3 answers could not be logged: No space left on device in ")


def test_a_slow_body_is_answered_by_the_route_that_is_there_when_it_has_come(
    house, champion, challenger, sample_rows
):
    house.route(champion)
    gateway = house.gateway()
    rows = sample_rows(1)
    body = json.dumps({"inputs": rows}).encode()
    parts = [body[:20], body[20:]]
    sent = []

    async def receive():
        if len(parts) == 1:
            house.route(challenger)
            gateway.follower.follow()
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(message):
        sent.append(message)

    head = {"type": "http", "method": "POST", "path": "/invocations"}
    kind = [(b"content-type", b"application/json")]
    asyncio.run(gateway.app({**head, "headers": kind}, receive, send))
    assert json.loads(sent[1]["body"]) == {"predictions": challenger.expected(rows)}
    assert (b"x-sixgates-epoch", b"2") in sent[0]["headers"]

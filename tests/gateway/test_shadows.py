import asyncio
import threading
import time
from dataclasses import replace

import pytest

from sixgates.gates.records import Arm
from sixgates.gateway import shadows as module
from sixgates.gateway.split import is_beside, is_shadowed


def shadowed(house):
    return {p.entity for p in house.predictions() if p.arm is Arm.SHADOW}


async def score(gateway, rows):
    return await gateway.send("POST", "/invocations", json={"dataframe_records": rows})


async def until(done):
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_a_part_of_the_units_is_shadowed_whatever_their_arm(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5)
    rows = sample_rows(400)
    house.gateway(shadow=0.3).score(rows)
    sample = {r["customer"] for r in rows if is_shadowed("r1", r["customer"], 0.3)}
    assert shadowed(house) == sample
    assert 80 < len(sample) < 160
    of_canary = {unit for unit in sample if is_beside("r1", unit, 0.5)}
    assert 0.3 < len(of_canary) / len(sample) < 0.7


def test_nothing_is_shadowed_where_nobody_asks_for_it(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.0)
    house.gateway(shadow=0.0).score(sample_rows(20))
    assert shadowed(house) == set()


def test_the_answer_does_not_wait_for_the_shadow(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    asked, answered = threading.Event(), threading.Event()
    predict = gateway.follower.served.beside.model.booster.predict

    def waiting(packed):
        asked.set()
        assert answered.wait(20)
        return predict(packed)

    monkeypatch.setattr(gateway.follower.served.beside.model.booster, "predict", waiting)
    rows = sample_rows(5)

    async def scene():
        await score(gateway, rows[:3])
        assert await asyncio.to_thread(asked.wait, 20)
        answer = await score(gateway, rows[3:])
        assert answer.json() == {"predictions": champion.expected(rows[3:])}
        metrics = (await gateway.send("GET", "/metrics")).text
        assert 'shadow_waiting{model="churn"} 5.0' in metrics
        assert shadowed(house) == set()
        answered.set()
        await until(lambda: gateway.state.shadows.waiting == 0)

    asyncio.run(scene())
    assert len(shadowed(house)) == 5
    metrics = gateway.get("/metrics").text
    assert 'predictions_total{arm="shadow",model="churn",version="2"} 5.0' in metrics


def test_rows_that_came_together_are_logged_together(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.5)
    rows = sample_rows(40)
    house.gateway().score(rows)
    (segment,) = (house.log / "churn").glob("predictions-*.jsonl")
    lines = segment.read_text().splitlines()
    assert len(lines) == 4
    both = {(p.row, p.version): p.values for p in house.predictions()}
    for version, model in (("1", champion), ("2", challenger)):
        assert [both[i, version][0] for i in range(40)] == model.expected(rows)


def test_what_cannot_be_scored_is_counted_and_the_next_is(
    house, champion, challenger, sample_rows, monkeypatch, caplog
):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    with monkeypatch.context() as patched:
        patched.setattr(module, "score", lambda _: 1 / 0)
        gateway.score(sample_rows(4))
    assert "4 rows were not scored in shadow: ZeroDivisionError" in caplog.text
    gateway.score(sample_rows(1))
    metrics = gateway.get("/metrics").text
    assert 'unshadowed{model="churn"} 4.0' in metrics
    assert 'shadow_waiting{model="churn"} 0.0' in metrics
    assert len(shadowed(house)) == 1


def test_what_comes_while_too_much_waits_is_counted_and_said(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    monkeypatch.setattr(module, "MAX_WAITING", 0)
    gateway.score(sample_rows(4))
    assert 'sixgates_gateway_unshadowed{model="churn"} 4.0' in gateway.get("/metrics").text
    health = gateway.get("/healthz").json()
    assert health["status"] == "degraded"
    assert "cannot keep up, 4 rows so far have none" in health["sentence"]


def test_a_row_that_one_model_cannot_read_costs_the_others_nothing(
    house, train, challenger, sample_rows, monkeypatch
):
    champion = train(seed=1)
    house.route(champion, challenger, 0.0)
    gateway = house.gateway()
    served = gateway.follower.served
    gateway.follower.served = replace(served, beside=replace(served.beside, reads_alike=False))
    beside = served.beside.model
    pack = beside.reader.pack

    def picky(rows, columns):
        if any(row["customer"] == "c1" for row in rows):
            raise ValueError("not that one")
        return pack(rows, columns)

    monkeypatch.setattr(beside.reader, "pack", picky)
    rows = sample_rows(3)
    for asked in (*([row] for row in rows), rows):
        gateway.score(asked)
    shadows = [p for p in house.predictions() if p.arm is Arm.SHADOW]
    errors = [("c0", ""), ("c1", "ValueError: not that one"), ("c2", "")]
    assert [(p.entity, p.error) for p in shadows] == 2 * errors
    answers = [p.values[0] for p in shadows if p.entity != "c1"]
    assert answers == 2 * challenger.expected([rows[0], rows[2]])
    metrics = gateway.get("/metrics").text
    assert 'failures_total{arm="shadow",model="churn",version="2"} 2.0' in metrics


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_end_waits_for_what_is_not_scored_yet(
    house, champion, challenger, sample_rows, monkeypatch, share
):
    house.route(champion, challenger, share)
    gateway = house.gateway()

    async def scene():
        for row in sample_rows(50):
            await score(gateway, [row])

    monkeypatch.setattr(module, "_GATHER_SECONDS", 60)
    asyncio.run(scene())
    assert shadowed(house) == set()
    gateway.state.close()
    assert len(shadowed(house)) == 50

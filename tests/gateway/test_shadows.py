import threading

import pytest

from sixgates.gates.records import Arm
from sixgates.gateway import shadows as module
from sixgates.gateway.split import is_beside, is_shadowed


def shadowed(house):
    return {p.entity for p in house.predictions() if p.arm is Arm.SHADOW}


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
    answered = threading.Event()
    predict = gateway.follower.served.beside.model.booster.predict

    def waiting(packed):
        assert answered.wait(20)
        return predict(packed)

    monkeypatch.setattr(gateway.follower.served.beside.model.booster, "predict", waiting)
    monkeypatch.setattr(gateway.state.shadows, "settle", lambda: None)
    rows = sample_rows(3)
    assert gateway.score(rows).json() == {"predictions": champion.expected(rows)}
    assert 'shadow_waiting{model="churn"} 3.0' in gateway.get("/metrics").text
    answered.set()
    monkeypatch.undo()
    gateway.state.shadows.settle()
    assert len(shadowed(house)) == 3


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
    beside = gateway.follower.served.beside.model
    pack = beside.reader.pack

    def picky(rows, columns):
        if any(row["customer"] == "c1" for row in rows):
            raise ValueError("not that one")
        return pack(rows, columns)

    monkeypatch.setattr(beside.reader, "pack", picky)
    for row in sample_rows(3):
        gateway.score([row])
    errors = {p.entity: p.error for p in house.predictions() if p.arm is Arm.SHADOW}
    assert errors == {"c0": "", "c1": "ValueError: not that one", "c2": ""}


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_end_waits_for_what_is_not_scored_yet(
    house, champion, challenger, sample_rows, monkeypatch, share
):
    house.route(champion, challenger, share)
    gateway = house.gateway()
    monkeypatch.setattr(gateway.state.shadows, "settle", lambda: None)
    for row in sample_rows(50):
        gateway.score([row])
    gateway.state.close()
    assert len(shadowed(house)) == 50

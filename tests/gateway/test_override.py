import pytest

from sixgates.gates.records import Arm

TOKEN = {"authorization": "Bearer let-me-in"}


def asking_for(arm, **more):
    return {"headers": {"x-sixgates-arm": arm, **TOKEN, **more}}


@pytest.mark.parametrize(("arm", "version"), [("champion", "1"), ("canary", "2")])
def test_whoever_may_operate_chooses_the_arm(
    house, champion, challenger, sample_rows, arm, version
):
    house.route(champion, challenger, 0.5)
    rows = sample_rows(30)
    expected = {"1": champion, "2": challenger}[version].expected(rows)
    assert house.gateway().score(rows, **asking_for(arm)).json() == {"predictions": expected}
    lines = house.predictions()
    assert {(p.arm, p.version, p.epoch) for p in lines} == {(Arm(arm), version, 0)}
    assert len(lines) == 30  # no shadow


def test_the_canary_is_there_for_a_test_also_where_it_only_shadows(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.0)
    rows = sample_rows(3)
    answer = house.gateway().score(rows, **asking_for("canary"))
    assert answer.json() == {"predictions": challenger.expected(rows)}


def test_without_a_token_nobody_chooses(house, champion, challenger, sample_rows):
    house.route(champion, challenger, 0.5)
    answer = house.gateway().score(sample_rows(1), headers={"x-sixgates-arm": "canary"})
    assert answer.status_code == 401
    assert house.predictions() == []


@pytest.mark.parametrize("arm", ["holdback", "shadow", "", "both"])
def test_an_arm_that_does_not_answer_here_is_refused(house, champion, challenger, sample_rows, arm):
    house.route(champion, challenger, 0.5)
    answer = house.gateway().score(sample_rows(1), **asking_for(arm))
    assert answer.status_code == 400
    assert "champion and canary can answer here now" in answer.json()["error"]


def test_a_failing_canary_that_was_asked_for_trips_no_breaker(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()

    def fails(_packed):
        raise RuntimeError("out of order")

    for name in ("predict", "predict_one"):
        monkeypatch.setattr(gateway.follower.served.beside.model.booster, name, fails)
    rows = sample_rows(1)
    for _ in range(10):
        answer = gateway.score(rows, **asking_for("canary"))
        assert answer.json() == {"predictions": champion.expected(rows)}
    assert gateway.get("/serving").json()["cut"] == ""

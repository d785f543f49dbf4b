"""A canary that fails or stalls is cut off at once, in this gateway and for this epoch."""

import time
from types import SimpleNamespace

import pytest

from sixgates.gates.records import Arm
from sixgates.gateway.canary import guard
from sixgates.gateway.canary.breaker import CanaryAnswer, Trip, answer_of, trip
from sixgates.gateway.canary.tell import tell
from sixgates.gateway.scoring import Part
from sixgates.gateway.split import is_beside
from sixgates.ledger.ledger import Kind
from tests.gateway.test_invocations import break_model
from tests.gateway.test_lapse import answering

GOOD = CanaryAnswer(failed=False, stalled=False)
BAD = CanaryAnswer(failed=True, stalled=False)
SLOW = CanaryAnswer(failed=False, stalled=True)


@pytest.mark.parametrize(
    ("last", "tripped"),
    [
        ([], None),
        ([BAD] * 4, None),
        ([BAD] * 4 + [GOOD] * 16, None),
        ([BAD] * 5, Trip("it failed in 5 of its last 5 answers", 5, 5, 5)),
        ([GOOD] * 15 + [BAD] * 5, Trip("it failed in 5 of its last 20 answers", 5, 5, 20)),
        ([SLOW] * 2, None),
        ([SLOW, GOOD] * 3, Trip("it took over 1 s for 3 of its last 6 answers", 3, 3, 6)),
    ],
)
def test_five_failures_or_three_stalls_among_the_last_twenty_trip_it(last, tripped):
    assert trip(last) == tripped


def canary(house):
    return [p for p in house.predictions() if p.arm is Arm.CANARY]


def theirs(rows):
    return next(row for row in rows if is_beside("r1", row["customer"], 0.5))


@pytest.mark.parametrize(
    ("rows", "seconds", "stalled"),
    [(1, 0.9, False), (1, 1.1, True), (1_000, 0.9, False), (5_000, 4.0, False), (5_000, 6.0, True)],
)
def test_a_stall_is_over_a_second_or_over_a_millisecond_a_row(rows, seconds, stalled):
    assert answer_of(rows, 0, seconds) == CanaryAnswer(failed=False, stalled=stalled)


def broken(monkeypatch, gateway, how):
    break_model(monkeypatch, gateway.follower.served.beside.model, how)


def fails(_packed):
    raise RuntimeError("no memory")


def test_a_failing_canary_is_cut_and_every_request_is_answered(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway, row = house.gateway(), theirs(sample_rows(50))
    broken(monkeypatch, gateway, fails)
    for _ in range(8):
        assert gateway.score([row]).json()["predictions"] == champion.expected([row])
    assert len(canary(house)) == 5
    assert answering(gateway) == (0.0, False)
    assert gateway.get("/serving").json()["cut"] == "it failed in 5 of its last 5 answers"
    assert "the canary is cut off until the next tick" in gateway.get("/healthz").json()["sentence"]
    assert 'sixgates_gateway_cut{model="churn"} 1.0' in gateway.get("/metrics").text
    shares = [p.share for p in house.predictions() if p.version == "1"]
    assert shares == [0.5] * 5 + [0.0] * 3
    house.renew()
    gateway.follower.poll()
    assert answering(gateway) == (0.0, False)  # a renewed lease does not mend it

    tell(house.ledger, gateway.follower.guard, "http://here")
    (entry,) = house.ledger.entries("churn", kind=Kind.BREAKER)
    assert entry.body == {
        "epoch": 1, "reason": "it failed in 5 of its last 5 answers", "seen": 5, "limit": 5, "n": 5,
    }  # fmt: skip
    assert (entry.release, entry.actor) == ("r1", "http://here")


def test_a_gateway_that_starts_anew_knows_of_a_cut_on_record_and_of_no_earlier_one(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway, row = house.gateway(), theirs(sample_rows(50))
    broken(monkeypatch, gateway, fails)
    for _ in range(5):
        gateway.score([row])
    tell(house.ledger, gateway.follower.guard, "http://here")
    monkeypatch.undo()

    anew = house.gateway()
    assert answering(anew) == (0.0, False)
    assert anew.get("/serving").json()["cut"] == "it failed in 5 of its last 5 answers"
    tell(house.ledger, anew.follower.guard, "http://here")
    assert len(house.ledger.entries("churn", kind=Kind.BREAKER)) == 1
    house.route(champion, challenger, 0.5)
    anew.follower.poll()
    assert answering(anew) == answering(house.gateway()) == (0.5, False)


def test_a_stalling_canary_is_cut(house, champion, challenger, sample_rows, monkeypatch):
    house.route(champion, challenger, 0.5)
    gateway, row = house.gateway(), theirs(sample_rows(50))
    predict_one = gateway.follower.served.beside.model.booster.predict_one

    def slow(packed):
        time.sleep(1.05)
        return [predict_one(packed)]

    broken(monkeypatch, gateway, slow)
    for _ in range(3):
        gateway.score([row])
    assert gateway.get("/serving").json()["cut"] == "it took over 1 s for 3 of its last 3 answers"


def test_answers_that_one_pause_of_the_machine_held_up_together_are_one_stall(
    house, champion, challenger, monkeypatch
):
    house.route(champion, challenger, 0.5)
    follower = house.gateway().follower
    held_up = [Part(Arm.CANARY, "2", 500, 0, 1.5)]
    clock = SimpleNamespace(monotonic=lambda: clock.now, now=100.0)
    monkeypatch.setattr(guard, "time", clock)
    for pause in range(3):
        assert follower.guard.cut(follower.served) == ""
        clock.now = 100.0 + 2 * pause
        for _ in range(24):  # as many as score at once on so many cores
            follower.guard.saw(follower.served, 0.5, held_up)
            clock.now += 0.01
    reason = "it took over 1 s for 3 of its last 3 answers"
    assert follower.guard.cut(follower.served) == reason


def test_answers_that_fail_in_one_pause_are_as_many_failures_and_one_stall(
    house, champion, challenger, monkeypatch
):
    house.route(champion, challenger, 0.5)
    follower = house.gateway().follower
    clock = SimpleNamespace(monotonic=lambda: 100.0)
    monkeypatch.setattr(guard, "time", clock)
    held_up = [Part(Arm.CANARY, "2", 500, 1, 1.5)]
    for failures in range(1, 6):
        assert follower.guard.cut(follower.served) == "", failures
        follower.guard.saw(follower.served, 0.5, held_up)
    follower.guard.saw(follower.served, 0.5, held_up)  # was under way when it was cut
    assert follower.guard.cut(follower.served) == "it failed in 5 of its last 5 answers"
    assert len(follower.guard.incidents) == 1


def test_failures_in_shadow_cut_nothing(house, champion, challenger, sample_rows, monkeypatch):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    mine = [row for row in sample_rows(50) if not is_beside("r1", row["customer"], 0.5)]
    broken(monkeypatch, gateway, fails)
    for row in mine:
        gateway.score([row])
    assert len(mine) > 10
    assert answering(gateway) == (0.5, False)


def test_one_request_with_many_rows_is_one_failure(
    house, champion, challenger, sample_rows, monkeypatch
):
    house.route(champion, challenger, 0.5)
    gateway = house.gateway()
    broken(monkeypatch, gateway, fails)
    gateway.score(sample_rows(200))
    assert len(canary(house)) > 50
    assert answering(gateway) == (0.5, False)


def test_the_next_epoch_begins_anew(house, champion, challenger, sample_rows, monkeypatch):
    house.route(champion, challenger, 0.5)
    gateway, row = house.gateway(), theirs(sample_rows(50))
    broken(monkeypatch, gateway, fails)
    for _ in range(5):
        gateway.score([row])
    monkeypatch.undo()
    house.route(champion, challenger, 0.5)
    gateway.follower.poll()
    assert answering(gateway) == (0.5, False)
    gateway.score([row])
    assert answering(gateway) == (0.5, False)
    broken(monkeypatch, gateway, fails)
    for _ in range(4):
        gateway.score([row])
    assert answering(gateway) == (0.5, False)  # what failed before is not held against it
    gateway.score([row])
    assert answering(gateway) == (0.0, False)

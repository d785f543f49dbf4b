"""A canary that nobody watches answers nobody: its lease runs out in the gateway itself."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sixgates.gates.errors import TransientError
from sixgates.gates.records import Arm
from sixgates.gateway.canary.incident import Incident
from sixgates.gateway.canary.tell import tell
from sixgates.ledger.ledger import Kind


def answering(gateway):
    document = gateway.get("/serving").json()
    return document["share"], document["lapsed"]


def told(house, gateway, kind=Kind.LAPSE):
    tell(house.ledger, gateway.follower.guard, "http://here")
    return house.ledger.entries("churn", kind=kind)


def named(entry):
    return entry.body["epoch"], entry.body["lease"]


def arms(house):
    return {p.arm for p in house.predictions()}


def test_a_canary_without_a_lease_answers_nobody_and_goes_on_in_shadow(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5, lease=-1)
    gateway, rows = house.gateway(), sample_rows(40)
    assert gateway.score(rows).json()["predictions"] == champion.expected(rows)
    assert answering(gateway) == (0.0, True)
    lines = house.predictions()
    assert [(p.arm, p.version) for p in lines] == (
        [(Arm.CHAMPION, "1")] * 40 + [(Arm.SHADOW, "2")] * 40
    )
    assert {p.share for p in lines} == {0.0}
    health = gateway.get("/healthz").json()
    assert health["status"] == "degraded"
    assert "no tick renewed the canary's lease" in health["sentence"]
    text = gateway.get("/metrics").text
    assert 'sixgates_gateway_lapsed{model="churn"} 1.0' in text
    assert 'sixgates_gateway_lease_seconds{model="churn"} 0.0' in text
    assert 'sixgates_gateway_share{model="churn"} 0.0' in text


def test_the_share_falls_when_the_lease_runs_out_and_comes_back_when_it_is_renewed(
    house, champion, challenger, sample_rows
):
    house.route(champion, challenger, 0.5, lease=0.3)
    gateway = house.gateway()
    gateway.score(sample_rows(40))
    assert answering(gateway) == (0.5, False)
    assert arms(house) == {Arm.CHAMPION, Arm.CANARY, Arm.SHADOW}
    time.sleep(0.35)
    assert answering(gateway) == (0.0, True)
    for _ in range(3):
        gateway.score(sample_rows(5))
    gateway.follower.poll()
    (begun,) = told(house, gateway)
    gateway.follower.poll()
    assert (answering(gateway), told(house, gateway)) == ((0.0, True), [begun])
    assert (begun.body["epoch"], begun.body["to"], begun.release) == (1, None, "r1")
    house.renew()
    gateway.follower.poll()
    assert answering(gateway) == (0.5, False)
    _, ended = told(house, gateway)
    assert named(ended) == named(begun)
    assert ended.body["requests"] == 3
    lasted = datetime.fromisoformat(ended.body["to"]) - datetime.fromisoformat(ended.body["from"])
    assert 0.04 < lasted.total_seconds() < 5
    assert {begun.actor, ended.actor} == {"http://here"}
    assert told(house, gateway) == [begun, ended]  # each is written once
    assert 200 < gateway.follower.guard.lease_left(gateway.follower.served) <= 300


def test_a_ledger_that_does_not_answer_for_as_long_ends_the_canary_too(
    house, champion, challenger, monkeypatch
):
    house.route(champion, challenger, 0.5, lease=0.3)
    gateway = house.gateway()

    def silent(*_, **__):
        raise TransientError("the ledger did not answer")

    monkeypatch.setattr(house.ledger, "route", silent)
    monkeypatch.setattr(house.ledger, "append", silent)
    house.renew()  # a tick renews what the gateway cannot see
    time.sleep(0.35)
    gateway.follower.poll()
    assert answering(gateway) == (0.0, True)
    monkeypatch.undo()
    gateway.follower.poll()
    assert answering(gateway) == (0.5, False)
    monkeypatch.setattr(house.ledger, "append", silent)
    assert told(house, gateway) == []
    monkeypatch.undo()
    begun, ended = told(house, gateway)
    assert named(begun) == named(ended)
    assert (begun.body["to"] is None, ended.body["to"] is None) == (True, False)


def test_a_gateway_that_starts_in_a_lapse_says_since_when_the_lease_has_run_out(
    house, champion, challenger
):
    house.route(champion, challenger, 0.5, lease=-60)
    (begun,) = told(house, house.gateway())
    since = datetime.fromisoformat(begun.body["from"])
    assert abs((since - datetime.fromisoformat(begun.body["lease"])).total_seconds()) < 5


def test_one_lapse_begins_once_on_record_for_all_gateways_and_after_a_restart(
    house, champion, challenger
):
    house.route(champion, challenger, 0.5, lease=-1)
    (begun,) = told(house, house.gateway())
    gateway = house.gateway()
    assert told(house, gateway) == [begun]
    house.renew(-1)  # another renewal that has run out is another lapse
    assert len(told(house, house.gateway())) == 2
    house.renew()
    gateway.follower.poll()
    ended = told(house, gateway)[-1]
    assert (named(ended), ended.body["to"] is None) == (named(begun), False)


def test_a_hold_back_needs_no_lease(house, champion, challenger, sample_rows):
    house.route(challenger, champion, 0.5, arm=Arm.HOLDBACK, lease=-1)
    gateway = house.gateway()
    gateway.score(sample_rows(40))
    assert answering(gateway) == (0.5, False)
    assert Arm.HOLDBACK in arms(house)


def test_a_lapse_ends_when_the_release_does(house, champion, challenger):
    house.route(champion, challenger, 0.5, lease=-1)
    gateway = house.gateway()
    house.route(champion, lease=-1)
    gateway.follower.poll()
    assert answering(gateway) == (0.0, False)
    assert [e.body["epoch"] for e in told(house, gateway)] == [1, 1]
    assert told(house, gateway)[-1].body["to"]


def test_a_gateway_that_stops_tells_of_the_lapse_that_still_lasts(house, champion, challenger):
    house.route(champion, challenger, 0.5, lease=-1)
    gateway = house.gateway()
    assert len(told(house, gateway)) == 1
    gateway.follower.guard.leave()
    assert told(house, gateway)[-1].body["to"]


def test_a_shadow_has_nothing_to_lose(house, champion, challenger):
    house.route(champion, challenger, 0.0, lease=-1)
    gateway = house.gateway()
    assert answering(gateway) == (0.0, False)
    house.route(champion)
    gateway.follower.poll()
    assert told(house, gateway) == []


def test_two_that_tell_at_once_as_a_gateway_stops_tell_each_thing_once(
    house, champion, challenger, monkeypatch
):
    house.route(champion, challenger, 0.5)
    follower, said, append = house.gateway().follower, [], house.ledger.append
    guard, route = follower.guard, follower.served.route
    lost = [Incident(Kind.UNLOGGED, route, f"{n}", {"epoch": 1, "answers": n}) for n in range(4)]
    guard.incidents.extend(lost)

    def slow(*of, reason, **more):
        time.sleep(0.05)
        said.append(reason)
        return append(*of, reason=reason, **more)

    monkeypatch.setattr(house.ledger, "append", slow)
    with ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(tell, house.ledger, guard, "http://here") for _ in range(2)]
    assert [end.exception() for end in ends] == [None, None]
    assert said == ["0", "1", "2", "3"]

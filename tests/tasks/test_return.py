"""Returning by hand to any earlier champion, whatever else is under way or broken."""

import time
from datetime import timedelta
from itertools import pairwise

import pytest

from cli.approval import returns_of
from cli.line import brakes_of, stopped
from cli.operate import history, rollback
from cli.people import rolled_back
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Step, Version

CHAIN = [Version(str(n), f"{n}" * 64) for n in range(1, 6)]
EACH = [version.number for version in CHAIN]
FORMER = EACH[:-1]


def reigned(stage, **policies):
    """Let five champions follow each other, a day apart; the clock stands on a Sunday at last."""
    stage.play("chain", **policies)
    end = stage.world.clock.now()
    stage.world.clock.moment = end - timedelta(days=len(CHAIN))
    stage.route(Step.COLD_START, CHAIN[0], release="r1")
    for number, (before, after) in enumerate(pairwise(CHAIN), start=2):
        later(stage, days=1)
        stage.route(Step.SHADOW, before, after, release=f"r{number}")
        stage.route(Step.CANARY, before, after, share=0.5, release=f"r{number}")
        stage.route(Step.PROMOTED, after, before, share=0.1, release=f"r{number}")
        stage.route(Step.CONFIRMED, after, release=f"r{number}")
    stage.world.clock.moment = end
    return stage


@pytest.fixture
def chain(stage):
    return reigned(stage)


def later(stage, **given):
    stage.world.clock.moment += timedelta(**given)


def back(stage, to=None):
    """Roll back by hand; return who serves by the ledger, alone and proved or not."""
    found = rollback(stage.project, "complaints", to)
    route = stage.world.ledger.route(stage.model)
    assert (route.step, route.beside) == (Step.ROLLED_BACK, None)
    assert (found["champion"], found["epoch"]) == (route.champion.number, route.epoch)
    return route.champion, found["proved"]


@pytest.mark.parametrize("first", FORMER)
@pytest.mark.parametrize("then", EACH)
def test_one_can_return_to_each_champion_and_from_there_to_each_other(chain, first, then):
    for to in (first, then):
        assert back(chain, to) == (CHAIN[int(to) - 1], True)
        assert chain.world.registry.pointing[chain.model]["champion"] == to


def test_without_a_name_one_goes_back_step_by_step_and_never_to_a_deposed_champion(chain):
    assert [back(chain)[0].number for _ in range(4)] == ["4", "3", "2", "1"]
    with pytest.raises(ConfigurationError, match="unless --to names it"):
        back(chain)
    assert back(chain, "5") == (CHAIN[4], True)


@pytest.mark.parametrize("to", ["5", "3"])
def test_the_version_that_serves_already_is_read_back_and_nothing_is_added(chain, to, capsys):
    if to == "3":
        back(chain, to)
    before = chain.world.ledger.routes(chain.model)
    found = rollback(chain.project, "complaints", to)
    assert (found["champion"], found["epoch"]) == (to, before[-1].epoch)
    assert (found["changed"], found["proved"]) == (False, True)
    assert chain.world.ledger.routes(chain.model) == before
    rolled_back(found)
    assert f"version {to} of {chain.model} serves already" in capsys.readouterr().out


def lost(*_, **__):
    raise TransientError("the ledger did not answer: it restarts")


def test_a_ledger_that_is_lost_once_it_took_the_route_is_no_reason_to_go_back_again(
    chain, monkeypatch
):
    monkeypatch.setattr(Ledger, "newest", lost)
    found = rollback(chain.project, "complaints", None)
    assert (found["champion"], found["proved"]) == ("4", False)
    assert found["answer"].startswith("it is on record, do not repeat it;")
    assert found["answer"].endswith("it restarts")


def test_a_ledger_that_is_lost_as_it_takes_the_route_may_have_it(chain, monkeypatch):
    append = Ledger.append_route
    monkeypatch.setattr(Ledger, "append_route", lambda *given: (append(*given), lost()))
    with pytest.raises(TransientError, match=r"epoch 18 .* is on record is not known: look with"):
        rollback(chain.project, "complaints", None)
    assert chain.world.ledger.route(chain.model).champion == CHAIN[3]


@pytest.mark.parametrize("step", [Step.SHADOW, Step.CANARY, Step.PROMOTED])
@pytest.mark.parametrize("to", EACH)
def test_an_open_release_ends_with_it(chain, step, to):
    tried = Version("6", "6" * 64)
    pair = (tried, CHAIN[4]) if step is Step.PROMOTED else (CHAIN[4], tried)
    chain.route(step, *pair, share=0.0 if step is Step.SHADOW else 0.1, release="r6")
    assert back(chain, to) == (CHAIN[int(to) - 1], True)
    assert back(chain, to) == (CHAIN[int(to) - 1], True)


@pytest.mark.parametrize("to", FORMER)
def test_neither_a_freeze_nor_a_stop_nor_a_hold_keeps_one_from_it(stage, to):
    chain = reigned(stage, governor={"freeze": ("Sun - Sun",)})
    stopped(chain.project, "the feed is broken")
    for _ in range(2):
        assert back(chain, to) == (CHAIN[int(to) - 1], True)
    assert {on["brake"] for on in brakes_of(chain.project)} >= {"stop", "freeze", "hold"}


@pytest.mark.parametrize("to", FORMER)
def test_it_needs_neither_registry_nor_gateway(chain, to):
    chain.world.registry.outages, chain.world.traffic.silent = 999, True
    for _ in range(2):
        assert back(chain, to) == (CHAIN[int(to) - 1], False)
    proof = chain.entries(Kind.PROOF)[-1]
    assert len(proof.body["trouble"]) == 2


def test_its_own_work_takes_less_than_a_second(chain):
    began = time.perf_counter()
    back(chain, "1")
    assert time.perf_counter() - began < 1


def test_a_tick_that_comes_first_does_not_stop_it(chain, monkeypatch):
    tried, ledger = Version("6", "6" * 64), chain.world.ledger
    chain.route(Step.SHADOW, CHAIN[4], tried, release="r6")
    routes = ledger.routes
    stale = routes(chain.model)
    chain.route(Step.CANARY, CHAIN[4], tried, share=0.1, release="r6")
    answers = [stale, stale]  # what decides where to, and what the route follows from
    monkeypatch.setattr(
        type(ledger), "routes", lambda _self, model: answers.pop() if answers else routes(model)
    )
    assert back(chain) == (CHAIN[4], True)
    assert routes(chain.model)[-2].step is Step.CANARY


TRIED = Version("6", "6" * 64)
RACES = {
    "gate 6": ((TRIED, CHAIN[4]), Step.ROLLED_BACK),
    "gate 5": ((CHAIN[4], TRIED), Step.ROLLED_BACK),
    "deadline": ((CHAIN[4], TRIED), Step.EXPIRED),
    "promotion": ((CHAIN[4], TRIED), Step.PROMOTED),
}
"""Who serves beside whom when a rollback is asked for, and the step that another one takes."""


@pytest.mark.parametrize("reads", [1, 2])
@pytest.mark.parametrize("race", RACES)
def test_whoever_comes_first_it_goes_back_from_what_served_when_it_was_asked(
    chain, monkeypatch, race, reads
):
    (champion, beside), quicker = RACES[race]
    open_step = Step.PROMOTED if champion == TRIED else Step.CANARY
    chain.route(open_step, champion, beside, share=0.1, release="r6")
    moved = (TRIED, CHAIN[4]) if quicker is Step.PROMOTED else (CHAIN[4],)
    ledger, seen = chain.world.ledger, []
    routes = ledger.routes

    def raced(_self, model):
        found = routes(model)
        seen.append(found)
        if len(seen) == reads:
            chain.route(quicker, *moved, release="r6")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(type(ledger), "routes", raced)
        assert back(chain) == (CHAIN[4], True)
    by_hand = [route.actor != "test" for route in routes(chain.model)[-2:]]
    assert by_hand == ([False, False] if quicker is Step.ROLLED_BACK else [False, True])
    assert back(chain)[0] == CHAIN[3]  # the next command goes on from there


def test_every_champion_to_return_to_is_listed_with_its_command(chain):
    assert [former["version"] for former in returns_of(chain.project)] == ["4", "3", "2", "1"]
    back(chain, "2")
    listed = history(chain.project, verdicts=False)["returns"]
    assert [(f["version"], f["rolled_back"]) for f in listed] == [
        ("5", True), ("4", False), ("3", False), ("1", False),
    ]  # fmt: skip
    assert listed[0]["command"] == (
        f'sixgates rollback --project {chain.project} --to 5 --reason "why"'
    )
    assert listed[0]["since"] == "2026-01-24T00:00:00"


def test_a_first_champion_has_nobody_to_return_to(stage):
    assert returns_of(stage.project) == []
    stage.route(Step.COLD_START, CHAIN[0])
    assert returns_of(stage.project) == []

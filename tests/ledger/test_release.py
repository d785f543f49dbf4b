"""The release state machine, every step with every move."""

# ruff: noqa: DTZ001 - event time is naive UTC
from dataclasses import replace
from datetime import datetime
from itertools import product

import pytest

from sixgates.gates.decision import Move
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.gates.records import Arm
from sixgates.ledger.release import (
    first_route,
    former_champions,
    next_route,
    next_share,
    open_release,
    rejected_by,
    return_by_hand,
    superseded_by,
)
from sixgates.ledger.route import OPEN_STEPS, Beside, Route, Step, Version

OLD, NEW = Version("1", "a" * 64), Version("2", "b" * 64)
SHARES = (0.05, 0.25, 0.5)
THEN, NOW = datetime(2026, 1, 1), datetime(2026, 1, 2)
BESIDE = {
    Step.SHADOW: Beside(NEW, Arm.CANARY, 0.0),
    Step.CANARY: Beside(NEW, Arm.CANARY, 0.05),
    Step.PROMOTED: Beside(OLD, Arm.HOLDBACK, 0.1),
}


def route(step, share=None):
    beside = BESIDE.get(step)
    if share is not None:
        beside = Beside(NEW, Arm.CANARY, share)
    champion = NEW if step in {Step.PROMOTED, Step.CONFIRMED} else OLD
    return Route("tiny", 7, step, champion, beside, "r1", THEN, "somebody", "before")


def moved(current, move, shares=SHARES):
    return next_route(
        current, move, shares=shares, holdback=0.1, at=NOW, actor="me", reason="because"
    )


ALLOWED = {
    (Step.SHADOW, Move.ADVANCE): (Step.CANARY, OLD, Beside(NEW, Arm.CANARY, 0.05)),
    (Step.SHADOW, Move.ROLL_BACK): (Step.ROLLED_BACK, OLD, None),
    (Step.SHADOW, Move.EXPIRE): (Step.EXPIRED, OLD, None),
    (Step.CANARY, Move.ADVANCE): (Step.CANARY, OLD, Beside(NEW, Arm.CANARY, 0.25)),
    (Step.CANARY, Move.PROMOTE): (Step.PROMOTED, NEW, Beside(OLD, Arm.HOLDBACK, 0.1)),
    (Step.CANARY, Move.ROLL_BACK): (Step.ROLLED_BACK, OLD, None),
    (Step.CANARY, Move.EXPIRE): (Step.EXPIRED, OLD, None),
    (Step.PROMOTED, Move.CONFIRM): (Step.CONFIRMED, NEW, None),
    (Step.PROMOTED, Move.ROLL_BACK): (Step.ROLLED_BACK, OLD, None),
}
MOVES = [pair for pair in product(Step, Move) if pair[1] is not Move.HOLD]


@pytest.mark.parametrize(("step", "move"), MOVES)
def test_each_move_leads_where_it_should_or_is_refused(step, move):
    current = route(step)
    if (step, move) not in ALLOWED:
        with pytest.raises(ContractError, match=rf"{step}.*{move}|{move}.*{step}"):
            moved(current, move)
        return
    following = moved(current, move)
    assert (following.step, following.champion, following.beside) == ALLOWED[step, move]
    assert following.epoch == current.epoch + 1
    assert (following.model, following.release) == ("tiny", "r1")
    assert (following.at, following.actor, following.reason) == (NOW, "me", "because")


@pytest.mark.parametrize("step", Step)
def test_holding_changes_nothing(step):
    assert moved(route(step), Move.HOLD) is None


@pytest.mark.parametrize("step", Step)
def test_only_a_step_under_way_is_open(step):
    assert route(step).is_open == (step in {Step.SHADOW, Step.CANARY, Step.PROMOTED})
    assert {s for s in Step if route(s).is_open} == OPEN_STEPS


def test_shares_grow_one_by_one_and_the_last_is_the_last():
    current, seen = route(Step.SHADOW), []
    while next_share(current, SHARES) is not None:
        current = moved(current, Move.ADVANCE)
        seen.append((current.epoch, current.beside.share))
    assert seen == [(8, 0.05), (9, 0.25), (10, 0.5)]
    with pytest.raises(ContractError, match="cannot advance"):
        moved(current, Move.ADVANCE)
    assert moved(current, Move.PROMOTE).step is Step.PROMOTED


@pytest.mark.parametrize(
    ("present", "shares", "following"),
    [
        (0.0, (0.25, 0.5), 0.25),
        (0.05, (0.25, 0.5), 0.25),  # the traffic fell, and 5 % is planned no longer
        (0.25, (0.05, 0.5), 0.5),
        (0.5, (0.05, 0.25), None),
        (0.5, (), None),
    ],
)
def test_the_next_share_is_the_smallest_larger_one(present, shares, following):
    assert next_share(route(Step.CANARY, present), shares) == following


def test_no_share_is_ever_given_back_by_an_advance():
    with pytest.raises(ContractError):
        moved(route(Step.CANARY, 0.5), Move.ADVANCE)


def test_the_first_model_serves_alone_from_epoch_one():
    first = first_route("tiny", NEW, release="r0", at=NOW, actor="me", reason="cold")
    assert (first.epoch, first.step, first.champion, first.beside) == (
        1, Step.COLD_START, NEW, None,
    )  # fmt: skip
    assert not first.is_open


@pytest.mark.parametrize("step", Step)
def test_a_challenger_waits_until_the_release_before_it_ends(step):
    current = route(step)
    given = {"release": "r2", "at": NOW, "actor": "me", "reason": "because"}
    challenger = Version("3", "c" * 64)
    if current.is_open:
        with pytest.raises(ContractError, match="r1 of tiny is under way"):
            open_release(current, challenger, **given)
        return
    opened = open_release(current, challenger, **given)
    assert (opened.epoch, opened.step, opened.release) == (8, Step.SHADOW, "r2")
    assert opened.champion == current.champion
    assert opened.beside == Beside(challenger, Arm.CANARY, 0.0)


def test_an_open_route_that_lost_its_challenger_is_a_broken_promise():
    torn = Route("tiny", 7, Step.CANARY, OLD, None, "r1", THEN, "somebody", "before")
    with pytest.raises(ContractError, match="no open release"):
        moved(torn, Move.ROLL_BACK)


def served(*steps):
    """Routes of one model: pairs of a step and the number of the champion."""
    return [
        Route("tiny", i + 1, step, Version(number, number * 64), None, f"r{i}", THEN, "me", "so")
        for i, (step, number) in enumerate(steps)
    ]


def returned(routes, to=None):
    return return_by_hand(routes, to, at=NOW, actor="by hand", reason="complaints")


@pytest.mark.parametrize(
    ("routes", "to", "champion"),
    [
        (served((Step.COLD_START, "1"), (Step.CANARY, "1")), None, "1"),
        (served((Step.COLD_START, "1"), (Step.PROMOTED, "2")), None, "1"),
        (served((Step.COLD_START, "1"), (Step.CONFIRMED, "2"), (Step.CONFIRMED, "3")), None, "2"),
        (served((Step.COLD_START, "1"), (Step.CONFIRMED, "2"), (Step.CONFIRMED, "3")), "1", "1"),
        # Version 2 was rolled back: nobody is sent back to it unasked.
        (
            served((Step.COLD_START, "1"), (Step.PROMOTED, "2"), (Step.ROLLED_BACK, "1"),
                   (Step.CONFIRMED, "3")),
            None, "1",
        ),
    ],
)  # fmt: skip
def test_a_rollback_by_hand_returns_to_the_champion_before(routes, to, champion):
    route = returned(routes, to)
    assert (route.step, route.champion.number) == (Step.ROLLED_BACK, champion)
    assert (route.epoch, route.beside, route.at) == (len(routes) + 1, None, NOW)
    assert (route.actor, route.reason) == ("by hand", "complaints")


def test_former_champions_come_by_their_newest_reign_and_know_what_was_rolled_back():
    reigns = (
        (Step.COLD_START, "1"), (Step.CANARY, "1"), (Step.PROMOTED, "2"), (Step.ROLLED_BACK, "1"),
        (Step.PROMOTED, "3"), (Step.CONFIRMED, "3"), (Step.ROLLED_BACK, "2"), (Step.CONFIRMED, "4"),
    )  # fmt: skip
    routes = [replace(r, at=THEN + r.epoch * (NOW - THEN)) for r in served(*reigns)]
    found = [
        (f.version.number, (f.since - THEN).days, f.rolled_back) for f in former_champions(routes)
    ]
    assert found == [("2", 7, True), ("3", 5, True), ("1", 4, False)]
    assert former_champions(routes[:2]) == former_champions([]) == []


@pytest.mark.parametrize(
    ("routes", "to", "said"),
    [
        (served((Step.COLD_START, "1")), None, "nothing to roll back to"),
        (
            served((Step.COLD_START, "1"), (Step.PROMOTED, "2"), (Step.ROLLED_BACK, "1")),
            None,
            "--to",
        ),
        (served((Step.COLD_START, "1"), (Step.CONFIRMED, "2")), "7", "choose one of 1, 2"),
    ],
)
def test_without_a_champion_to_return_to_a_rollback_says_so(routes, to, said):
    with pytest.raises(ConfigurationError, match=said):
        returned(routes, to)


@pytest.mark.parametrize("step", Step)
def test_only_a_challenger_that_is_not_decided_can_be_rejected_or_superseded(step):
    current, tried = route(step), step in {Step.SHADOW, Step.CANARY}
    if not tried:
        with pytest.raises(ConfigurationError, match=r"sixgates rollback|nothing to reject"):
            rejected_by(current, "ann", at=NOW, reason="odd")
        with pytest.raises(ContractError, match="no undecided release for run r9"):
            superseded_by(current, "r9", at=NOW)
        return
    rejected = rejected_by(current, "ann", at=NOW, reason="odd")
    assert (rejected.step, rejected.actor, rejected.reason) == (
        Step.ROLLED_BACK, "by ann", "rejected: odd",
    )  # fmt: skip
    superseded = superseded_by(current, "r9", at=NOW)
    assert (superseded.step, superseded.reason) == (Step.SUPERSEDED, "superseded by run r9")
    for following in (rejected, superseded):
        assert (following.epoch, following.champion, following.beside) == (8, OLD, None)
        assert (following.release, following.at) == ("r1", NOW)

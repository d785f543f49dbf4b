"""A clock that is wrong delays evidence: it is said in `sixgates status` and to people, once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sixgates.adapters import clock_lead
from sixgates.adapters.clock_lead import wrong_clocks
from sixgates.adapters.clocks import WallClock
from sixgates.adapters.reconcile import differences
from sixgates.ledger import rows
from sixgates.ledger.ledger import Kind
from sixgates.ledger.news import What, news
from sixgates.ledger.route import Step
from tasks.tick import look


@pytest.fixture
def shadowing(stage, old, new):
    stage.route(Step.COLD_START, old, release="r0")
    route = stage.route(Step.SHADOW, old, new)
    look.fn(stage.project)
    return route


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (60, "60 minutes ahead of this machine's: what it receives counts so much later"),
        (-60, "60 minutes behind this machine's: what it receives bears an earlier time"),
    ],
)
def test_a_gateway_with_a_wrong_clock_is_told_of_once_a_release(stage, shadowing, ahead, words):
    (serving,) = stage.world.traffic.serving(stage.model)
    stage.world.traffic.stuck_on = replace(serving, ahead=ahead)
    for _ in range(3):
        look.fn(stage.project)
    (notice,) = stage.entries(Kind.NOTICE)
    assert (notice.release, words in notice.reason) == ("r1", True)
    assert [one.what for one in news([notice], [])] == [What.NOTICE]
    assert differences(stage.world, shadowing, stage.project) == [notice.reason]
    stage.world.traffic.stuck_on = None
    assert differences(stage.world, shadowing, stage.project) == []
    assert stage.entries(Kind.PROOF)[-1].body["proved"]


@pytest.mark.usefixtures("shadowing")
def test_a_machine_whose_clock_was_set_back_says_so_once(stage, monkeypatch):
    class SetBack(WallClock):
        def now(self):
            return super().now() - timedelta(hours=1)

    monkeypatch.setattr(clock_lead, "WallClock", SetBack)
    for _ in range(2):
        look.fn(stage.project)
    (notice,) = stage.entries(Kind.NOTICE)
    assert notice.reason.startswith("the clock of this machine is 59 minutes behind entries of")


def test_entries_of_a_gateway_whose_clock_is_ahead_set_no_clock_here_back(
    stage, shadowing, monkeypatch
):
    monkeypatch.setattr(rows, "wall", lambda: WallClock().now() + timedelta(hours=1))
    for kind in (Kind.LAPSE, Kind.BREAKER, Kind.UNLOGGED):
        stage.world.ledger.append(
            stage.model, kind, at=shadowing.at, release="r1", actor="http://gateway", reason="so"
        )
    monkeypatch.undo()
    assert wrong_clocks(stage.world, shadowing, {"http://gateway": 60}).keys() == {"http://gateway"}


@pytest.mark.usefixtures("shadowing")
def test_clocks_that_agree_say_nothing(stage):
    look.fn(stage.project)
    assert stage.entries(Kind.NOTICE) == []

"""Approval through Prefect: the flows that its pages start, in one release on real parts."""

import pytest

from flows.approve import approve, reject
from sixgates.adapters.settings import Settings
from sixgates.gates.decision import Decision, Move
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.tick import Judged, look, move

pytestmark = pytest.mark.slow

PASSES = Judged(
    Decision(
        Verdict.of(Gate.CANARY, [Check("loss", Outcome.PASS, 0.01, 0.02, 90, "not worse")]),
        Move.PROMOTE,
        "not worse",
    ),
    (0.5,),
)
"""What gate 5 says: it is judged elsewhere."""


@pytest.fixture(autouse=True)
def no_pages(monkeypatch):
    """Ticks are called outside of a flow here, where Prefect makes no pages."""
    monkeypatch.setattr("tasks.record.create_markdown_artifact", lambda **_: None)


def waiting(town, name):
    """Open a release, give it its last share, and let gate 5 pass it."""
    here = town(name, approval={"need": "required"})
    assert here.retrain().name == "Released"
    here.at(21)
    with here.gateway():
        assert here.retrain(override="again").name == "Released"
        onwards = Judged(Decision(PASSES.decision.verdict, Move.ADVANCE, "enough"), (0.5,))
        move.fn(look.fn(here.path), onwards)
        ticked(here)
    return here


def ticked(here):
    return move.fn(look.fn(here.path), PASSES)


def test_a_yes_from_prefects_pages_promotes_at_the_next_tick(town):
    here = waiting(town, "page-yes")
    assert here.ledger.route(here.model).step is Step.CANARY
    state = approve(here.path, "plausible", "ann", return_state=True)
    assert state.name == "Approved"
    assert state.message.startswith("version 2 is approved: the next tick promotes it")
    (entry,) = here.ledger.entries(here.model, kind=Kind.APPROVED)
    assert (entry.actor, entry.reason) == ("ann", "plausible")
    route = ticked(here)
    assert (route.step, route.beside.arm) == (Step.PROMOTED, Arm.HOLDBACK)


def test_a_no_from_prefects_pages_ends_the_release(town):
    here = waiting(town, "page-no")
    with pytest.raises(ConfigurationError, match="--reason"):
        reject(here.path, " ", "ann")
    state = reject(here.path, "looks odd", "ann", return_state=True)
    assert state.name == "RolledBack"
    assert here.ledger.route(here.model).step is Step.ROLLED_BACK
    lines = (Settings().home / "notifications.jsonl").read_text()
    assert f"{here.model}: version 2 waits for approval" in lines
    assert f"{here.model}: rolled back by ann to version 1" in lines

"""The watch tells what is overdue, also where it cannot look."""

from datetime import timedelta

import pytest

from flows.watch import watch
from sixgates.ledger.ledger import Kind

pytestmark = pytest.mark.slow


def test_the_watch_notices_a_missed_schedule_although_nothing_serves(town):
    here = town("overdue", governor={"retrain_every": timedelta(days=1)})
    assert watch(here.path, here.data, return_state=True).is_failed()
    reasons = [e.reason for e in here.ledger.entries(here.model, kind=Kind.NOTICE)]
    assert any(reason.startswith("no run of loans-overdue ever began") for reason in reasons)
    here.retrain()
    assert watch(here.path, here.data, return_state=True).name == "Quiet"
    assert here.ledger.entries(here.model, kind=Kind.NOTICE)[-1].reason == reasons[-1]


def test_a_run_that_the_governor_holds_is_a_completed_one(town):
    here = town("held-run")
    assert here.retrain(trigger="schedule").name == "Released"
    state = here.retrain(trigger="schedule", alert=7)
    assert (state.name, state.is_completed()) == ("Held", True)
    assert "governor.cooldown" in state.message
    assert here.answers()[-1] == (7, "held")

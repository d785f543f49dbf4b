"""The watch tells what is overdue, also where it cannot look; the freshness check, of silence."""

import time
from datetime import timedelta

import polars as pl
import pytest

from flows.freshness import freshness
from flows.watch import watch
from sixgates.gates.maturity import seconds
from sixgates.ledger.ledger import Kind
from tests.adapters.a_log import label, prediction

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


def test_the_freshness_check_tells_of_silence_once_a_case(town):
    here = town("silent", validation={"max_age": timedelta(days=1)})
    log = here.outside.settings.log / here.model
    log.mkdir(parents=True)
    predicted = prediction("a", seconds(here.world.moment(10)), received=time.time() - 7_200)
    (log / "predictions-100-1.jsonl").write_bytes(predicted)
    rows = here.frame
    here.write(rows.filter(pl.col("ts") <= here.world.moment(18)))

    assert freshness(here.path, here.data, return_state=True).name == "Told"
    told = here.ledger.entries(here.model, kind=Kind.NOTICE)
    cases = ["late compaction", "missing labels", "stale rows"]
    assert [entry.body["case"] for entry in told] == cases
    assert freshness(here.path, here.data, return_state=True).name == "Quiet"

    here.write(rows)
    known = seconds(here.world.moment(19))
    (log / "labels-100-1.jsonl").write_bytes(label("a", received=time.time(), at=known))
    here.at(21)
    assert freshness(here.path, here.data, return_state=True).name == "Quiet"
    assert here.ledger.entries(here.model, kind=Kind.NOTICE) == told


def test_a_freshness_check_that_cannot_look_says_so_after_what_it_knows(town):
    here = town("unseen", governor={"retrain_every": timedelta(days=1)},
                validation={"max_age": timedelta(days=1)})  # fmt: skip
    assert freshness(here.path, "nowhere.parquet", return_state=True).is_failed()
    missed, broke = here.ledger.entries(here.model, kind=Kind.NOTICE)
    assert missed.body["case"] == "missed schedule"
    assert "the flow freshness broke" in broke.reason
    assert "nowhere.parquet" in broke.reason

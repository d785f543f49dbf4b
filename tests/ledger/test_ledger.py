# ruff: noqa: DTZ001 - event time is naive UTC
import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gates.records import Arm
from sixgates.ledger.ledger import Kind, Ledger, LostRaceError, require_route
from sixgates.ledger.route import Beside, Route, Step, Version
from sixgates.ledger.rows import wall

AT = datetime(2026, 1, 1, 2, 3, 4, 567_891)
FIRST = Route(
    "tiny", 1, Step.COLD_START, Version("1", "a" * 64), None, "r0", AT, "somebody", "first"
)
SECOND = replace(
    FIRST, epoch=2, step=Step.SHADOW, release="r1",
    beside=Beside(Version("2", "b" * 64), Arm.CANARY, 0.0),
)  # fmt: skip


def test_entries_come_back_whole_and_in_order(ledger, url):
    body = {"alert": 3, "nested": {"share": 0.1, "none": None, "list": [1, "zwei", True]}}
    first = ledger.append("tiny", Kind.ALERT, at=AT, reason="ünter | 100 %", body=body)
    second = ledger.append("tiny", Kind.RUN, at=AT, reason="by hand", release="r1", actor="ann")
    ledger.append("other", Kind.RUN, at=AT, reason="not ours", release="r1")
    other_process = Ledger(url)
    alert, run = other_process.entries("tiny")
    other_process.close()
    assert (alert.seq, alert.kind, alert.at, alert.reason) == (
        first, Kind.ALERT, AT, "ünter | 100 %",
    )  # fmt: skip
    assert (alert.body, alert.release, alert.actor) == (body, "", "sixgates")
    assert (run.seq, run.kind, run.release, run.actor, run.body) == (
        second, Kind.RUN, "r1", "ann", {},
    )  # fmt: skip
    assert first < second
    assert abs(alert.recorded - wall()) < timedelta(minutes=1)


def test_entries_are_found_by_kind_and_release(ledger):
    for kind, release in [(Kind.RUN, "r1"), (Kind.VERDICT, "r1"), (Kind.VERDICT, "r2")]:
        ledger.append("tiny", kind, at=AT, reason=f"{kind} {release}", release=release)

    def reasons(**wanted):
        return [entry.reason for entry in ledger.entries("tiny", **wanted)]

    assert reasons(kind=Kind.VERDICT) == ["verdict r1", "verdict r2"]
    assert reasons(release="r1") == ["run r1", "verdict r1"]
    assert reasons(kind=Kind.VERDICT, release="r2") == ["verdict r2"]
    assert reasons(kind=Kind.PROOF) == []
    assert ledger.entries("nobody") == []


def test_nothing_in_the_ledger_can_be_changed_or_taken_back():
    public = {name for name in vars(Ledger) if not name.startswith("_")}
    assert public == {
        "append", "entries", "route", "routes", "append_route", "append_together",
        "announce", "withdraw", "gateways", "close", "intend", "close_intent", "unfinished",
        "models", "head", "verify", "export", "take", "renew", "give_back", "lease",
        "newest", "dated_routes", "judge", "judgement", "listen",
    }  # fmt: skip


def test_the_newest_route_serves_and_the_former_ones_are_kept(ledger):
    assert ledger.route("tiny") is None
    ledger.append_route(FIRST)
    ledger.append_route(SECOND)
    ledger.append_route(replace(FIRST, model="other"))
    assert ledger.route("tiny") == SECOND
    assert ledger.routes("tiny") == [FIRST, SECOND]
    assert ledger.route("other") == replace(FIRST, model="other")


def test_a_taken_epoch_is_a_lost_race_and_changes_nothing(ledger):
    ledger.append_route(FIRST)
    ledger.append_route(SECOND)
    for epoch in (1, 2):
        with pytest.raises(LostRaceError, match=f"epoch {epoch} of tiny was taken"):
            ledger.append_route(replace(SECOND, epoch=epoch, reason="late"))
    assert ledger.routes("tiny") == [FIRST, SECOND]
    assert issubclass(LostRaceError, TransientError)


@pytest.mark.parametrize("epoch", [0, -1, 2, 3])
def test_a_first_epoch_other_than_one_is_refused(ledger, epoch):
    with pytest.raises(ContractError, match=f"epoch {epoch} of tiny"):
        ledger.append_route(replace(FIRST, epoch=epoch))
    assert ledger.routes("tiny") == []


def test_an_epoch_that_skips_one_is_refused(ledger):
    ledger.append_route(FIRST)
    with pytest.raises(ContractError, match="epoch 3 of tiny does not follow: epoch 2 is next"):
        ledger.append_route(replace(SECOND, epoch=3))
    assert ledger.route("tiny") == FIRST


def test_entries_of_many_threads_are_all_kept(ledger):
    def write(name):
        for i in range(5):
            ledger.append("tiny", Kind.VERDICT, at=AT, reason=f"{name}/{i}")

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    entries = ledger.entries("tiny")
    assert len({entry.reason for entry in entries}) == len(entries) == 40
    assert [e.seq for e in entries] == sorted({e.seq for e in entries})


def test_who_serves_nobody_is_told_what_to_do(ledger):
    with pytest.raises(ConfigurationError, match="sixgates retrain --project tiny"):
        require_route(ledger, "tiny")
    ledger.append_route(FIRST)
    assert require_route(ledger, "tiny") == FIRST

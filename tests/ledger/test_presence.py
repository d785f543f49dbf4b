"""Gateways are there while they are heard: by the clock of the database, and by no other."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from sixgates.ledger import presence
from sixgates.ledger.presence import SILENCE_SECONDS
from tests.ledger.test_race import ROOT


def pass_by(ledger, seconds):
    """Let so much time pass by since each gateway was heard; less than none: set the clock back."""
    earlier = {
        "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', seen, :s || ' seconds')",
        "postgresql": "seen + CAST(:s || ' seconds' AS interval)",
    }[ledger._engine.dialect.name]
    with ledger._engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE gateways SET seen = {earlier}"), {"s": f"{-seconds}"})


def test_gateways_are_there_while_they_are_heard(ledger):
    ledger.announce("tiny", "http://b")
    ledger.announce("tiny", "http://a")
    ledger.announce("other", "http://c")
    assert ledger.gateways("tiny") == ["http://a", "http://b"]

    pass_by(ledger, SILENCE_SECONDS - 4)
    assert ledger.gateways("tiny") == ["http://a", "http://b"]
    ledger.announce("tiny", "http://a")
    pass_by(ledger, 5)
    assert ledger.gateways("tiny") == ["http://a"]  # b has been silent for too long
    ledger.announce("tiny", "http://b")
    assert ledger.gateways("tiny") == ["http://a", "http://b"]

    ledger.withdraw("http://a")
    ledger.withdraw("http://never-there")
    assert ledger.gateways("tiny") == ["http://b"]


def test_a_gateway_that_changes_its_model_serves_the_new_one_alone(ledger):
    ledger.announce("tiny", "http://a")
    ledger.announce("other", "http://a")
    assert (ledger.gateways("tiny"), ledger.gateways("other")) == ([], ["http://a"])


@pytest.mark.parametrize(("seconds", "there"), [(3600, False), (SILENCE_SECONDS - 4, True)])
def test_a_clock_set_back_by_an_hour_raises_no_gateway_from_the_dead(ledger, seconds, there):
    ledger.announce("tiny", "http://a")
    pass_by(ledger, -seconds)
    assert bool(ledger.gateways("tiny")) is there
    ledger.announce("tiny", "http://a")
    assert ledger.gateways("tiny") == ["http://a"]


ELSEWHERE = """
import datetime, sys, time
from sixgates.ledger import rows
from sixgates.ledger.ledger import Ledger

lead = float(sys.argv[2])
right, shown = time.time, datetime.datetime

class Wrong(shown):
    @classmethod
    def now(cls, tz=None):
        return shown.now(tz) + datetime.timedelta(seconds=lead)

time.time = lambda: right() + lead
datetime.datetime = rows.datetime = Wrong
ledger = Ledger(sys.argv[1])
assert abs((rows.wall() - shown.now(datetime.UTC).replace(tzinfo=None)).total_seconds() - lead) < 5
ledger.announce("tiny", "http://elsewhere")
print(*ledger.gateways("tiny"))
"""


@pytest.mark.parametrize("lead", [-3600, -SILENCE_SECONDS, 3600])
def test_a_machine_whose_clock_is_wrong_is_heard_and_hears_like_any_other(url, ledger, lead):
    ledger.announce("tiny", "http://here")
    there = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, url, str(lead)], check=True, timeout=60,
        env={**os.environ, "PYTHONPATH": ROOT}, capture_output=True, text=True,
    )  # fmt: skip
    assert there.stdout.split() == ["http://elsewhere", "http://here"]
    assert ledger.gateways("tiny") == ["http://elsewhere", "http://here"]


def test_two_databases_read_one_clock_alike(ledger):
    with ledger._engine.connect() as connection:
        clock = presence._clock(connection, seconds=60)
        now = connection.execute(sa.text(f"SELECT CAST({clock} AS VARCHAR)")).scalar_one()
    lead = datetime.fromisoformat(now) - datetime.now(UTC).replace(tzinfo=None)
    assert abs(lead.total_seconds() - 60) < 5

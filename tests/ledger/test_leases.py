"""Leases: one holder at a time, also of fifty who ask at once, and none that outlives its time."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from sixgates.ledger import leases
from tests.ledger.test_race import ROOT


def set_back(ledger, seconds):
    """What a clock set back by so much does to a lease that is there: its end is further off."""
    with ledger._engine.begin() as connection:
        connection.execute(sa.text("UPDATE leases SET until = until + :s"), {"s": seconds})


def test_a_lease_is_its_holders_until_it_is_given_back(ledger):
    assert ledger.lease("tick:tiny") is None
    assert ledger.take("tick:tiny", "ann", 60)
    assert not ledger.take("tick:tiny", "bob", 60)
    assert ledger.take("tick:other", "bob", 60)
    held = ledger.lease("tick:tiny")
    assert (held.owner, held.seconds) == ("ann", 60.0)
    assert 55 < held.left <= 60
    assert not ledger.give_back("tick:tiny", "bob")
    assert ledger.give_back("tick:tiny", "ann")
    assert ledger.lease("tick:tiny") is None
    assert ledger.take("tick:tiny", "bob", 60)


def test_the_end_of_a_lease_is_told_in_naive_utc(ledger):
    ledger.take("run:tiny", "ann", 60)
    left = (ledger.lease("run:tiny").until - datetime.now(UTC).replace(tzinfo=None)).total_seconds()
    assert 50 < left < 70


def test_a_holder_that_died_loses_its_lease_after_its_time(ledger):
    assert ledger.take("run:tiny", "ann", 0.2)
    assert not ledger.take("run:tiny", "bob", 60)
    time.sleep(0.25)
    assert ledger.lease("run:tiny").left <= 0
    assert ledger.take("run:tiny", "bob", 60)
    assert ledger.lease("run:tiny").owner == "bob"


def test_only_the_holder_renews(ledger):
    assert not ledger.renew("run:tiny", "ann", 60)
    ledger.take("run:tiny", "ann", 10)
    before = ledger.lease("run:tiny")
    assert not ledger.renew("run:tiny", "bob", 60)
    assert ledger.renew("run:tiny", "ann", 60)
    after = ledger.lease("run:tiny")
    assert after.until > before.until
    assert (after.owner, after.seconds) == ("ann", 60.0)


def test_one_that_ran_out_and_nobody_took_can_be_renewed(ledger):
    ledger.take("run:tiny", "ann", 0.0)
    assert ledger.renew("run:tiny", "ann", 60)
    assert ledger.lease("run:tiny").left > 50


def test_taking_ones_own_lease_again_renews_it(ledger):
    ledger.take("canary:tiny", "ticks", 10)
    assert ledger.take("canary:tiny", "ticks", 60)
    assert ledger.lease("canary:tiny").left > 50


@pytest.mark.parametrize(("seconds", "free"), [(3600, True), (2, False)])
def test_a_clock_set_back_by_an_hour_keeps_nobody_waiting_for_an_hour(ledger, seconds, free):
    ledger.take("tick:tiny", "dead", 60)
    set_back(ledger, seconds)
    assert ledger.take("tick:tiny", "bob", 60) is free


def test_a_lease_is_no_part_of_the_chain(ledger):
    ledger.take("run:tiny", "ann", 60)
    assert ledger.models() == []


CONTROL = """
import json, sys, threading
from sixgates.ledger.ledger import Ledger

url, process, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
ledger, won, broken = Ledger(url), [], []

def control(owner):
    for n in range(rounds):
        try:
            if ledger.take(f"run:{n}", owner, 600):
                won.append([n, owner])
        except Exception as exc:
            broken.append(f"{type(exc).__name__}: {exc}")

threads = [threading.Thread(target=control, args=(f"{process}.{i}",)) for i in range(10)]
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"won": won, "broken": broken}))
"""


def test_of_fifty_controllers_exactly_one_gets_each_lease(url, ledger):
    rounds = 4
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONTROL, url, str(i), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ROOT},
            text=True,
        )
        for i in range(5)
    ]
    answers = [json.loads(process.communicate("go\n", timeout=120)[0]) for process in processes]
    assert [answer["broken"] for answer in answers] == [[]] * 5
    won = sorted(tuple(pair) for answer in answers for pair in answer["won"])
    assert [n for n, _ in won] == list(range(rounds))
    assert [ledger.lease(f"run:{n}").owner for n, _ in won] == [owner for _, owner in won]


def test_of_fifty_who_wait_for_one_that_ran_out_exactly_one_gets_it(ledger):
    ledger.take("run:tiny", "dead", 0.0)
    with ThreadPoolExecutor(50) as pool:
        won = list(pool.map(lambda i: ledger.take("run:tiny", f"c{i}", 600), range(50)))
    assert won.count(True) == 1
    assert ledger.lease("run:tiny").owner == f"c{won.index(True)}"


def test_two_databases_read_one_clock_alike(ledger):
    with ledger._engine.connect() as connection:
        now = connection.execute(sa.text(f"SELECT {leases._now(connection)}")).scalar_one()
    assert abs(now - time.time()) < 5

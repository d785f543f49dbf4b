"""Fifty controllers, in five processes of ten threads, on one ledger."""
# ruff: noqa: DTZ001 - event time is naive UTC

import json
import os
import subprocess
import sys
import time
from datetime import datetime

from sixgates.ledger import ledger as module
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route, Step, Version

AT = datetime(2026, 1, 1)
ROOT = os.fspath(module.__file__.rsplit("/sixgates/", 1)[0])
EPOCHS = range(2, 6)
CONTROL = """
import json, sys, threading
from datetime import datetime
from sixgates.ledger.ledger import Kind, Ledger, LostRaceError
from sixgates.ledger.route import Route, Step, Version

url, process, epochs = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
at, ledger = datetime(2026, 1, 1), Ledger(url)
won, lost, broken = [], [], []

def control(name):
    for epoch in epochs:
        try:
            ledger.append("tiny", Kind.VERDICT, at=at, reason=f"{name}/{epoch}")
            ledger.append_route(
                Route("tiny", epoch, Step.CANARY, Version("1", "a"), None, "r", at, name, "moved")
            )
            won.append((epoch, name))
        except LostRaceError:
            lost.append((epoch, name))
        except Exception as exc:
            broken.append(f"{type(exc).__name__}: {exc}")

threads = [threading.Thread(target=control, args=(f"{process}.{i}",)) for i in range(10)]
sys.stdin.readline()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"won": won, "lost": lost, "broken": broken}))
"""


def test_of_fifty_controllers_exactly_one_wins_each_epoch_and_no_entry_is_lost(url, ledger):
    ledger.append_route(
        Route("tiny", 1, Step.COLD_START, Version("1", "a"), None, "r", AT, "first", "first")
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CONTROL, url, str(i), json.dumps(list(EPOCHS))],
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
    assert [epoch for epoch, _ in won] == list(EPOCHS)
    assert sum(len(answer["lost"]) for answer in answers) == len(EPOCHS) * 49
    assert [(r.epoch, r.actor) for r in ledger.routes("tiny")[1:]] == won
    names = {
        f"{process}.{i}/{epoch}" for process in range(5) for i in range(10) for epoch in EPOCHS
    }
    entries = ledger.entries("tiny", kind=Kind.VERDICT)
    assert len(entries) == len(names)
    assert {entry.reason for entry in entries} == names
    assert ledger.verify("tiny") == []
    assert ledger.head("tiny").position == 1 + len(names) + len(EPOCHS)


APPEND = """
import sys
from datetime import datetime
from sixgates.ledger.ledger import Kind, Ledger

ledger = Ledger(sys.argv[1])
print("ready", flush=True)
while True:
    ledger.append("tiny", Kind.RUN, at=datetime(2026, 1, 1), reason="again")
"""


def test_a_controller_killed_while_it_appends_leaves_a_sound_chain(url, ledger):
    for seconds in (0.02, 0.05, 0.11):
        with subprocess.Popen(
            [sys.executable, "-c", APPEND, url],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": ROOT},
        ) as process:
            process.stdout.readline()
            time.sleep(seconds)
            process.kill()
        ledger.append("tiny", Kind.RUN, at=AT, reason="goes on")
        assert ledger.verify("tiny") == []
    reasons = [entry.reason for entry in ledger.entries("tiny")]
    assert reasons.count("goes on") == 3
    assert reasons.count("again") >= 1

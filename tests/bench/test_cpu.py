import json
import subprocess
import sys
from contextlib import contextmanager

import pytest

from bench.gateway.cpu import ProcessTree, process_seconds
from sixgates.gates.errors import ContractError, TransientError

BURN = """
import json, os, resource, subprocess, sys, threading, time

def burn(seconds):
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass

def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

def say(value):
    print(json.dumps(value), flush=True)
    sys.stdin.readline()
"""

ALONE = BURN + "burn(0.3); say(spent())"

THREAD = (
    BURN
    + """
thread = threading.Thread(target=burn, args=(0.3,))
thread.start()
thread.join()
say(spent())
"""
)

PARENT = (
    BURN
    + """
child = subprocess.Popen(
    [sys.executable, "-c", sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
theirs = json.loads(child.stdout.readline())
burn(0.2)
say(spent() + theirs)
child.communicate("end\\n")
say("alone")
"""
)


@contextmanager
def process(code):
    with subprocess.Popen(
        [sys.executable, "-c", code, ALONE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started, json.loads(started.stdout.readline())
        finally:
            started.kill()


@pytest.mark.parametrize("code", [ALONE, THREAD], ids=["main thread", "a thread that has ended"])
def test_the_time_of_a_process_is_what_it_says_itself(code):
    with process(code) as (burning, said):
        assert process_seconds(burning.pid) == pytest.approx(said, abs=0.02)
        assert said > 0.3


def test_children_count():
    with process(PARENT) as (parent, said):
        tree = ProcessTree(parent.pid)
        assert len(tree.pids) == 2
        assert tree.seconds() == pytest.approx(said, abs=0.03)
        assert said > 0.5


def test_a_child_that_went_meanwhile_is_no_saving():
    with process(PARENT) as (parent, _):
        tree = ProcessTree(parent.pid)
        parent.stdin.write("go on\n")
        parent.stdin.flush()
        assert json.loads(parent.stdout.readline()) == "alone"
        with pytest.raises(ContractError, match=f"process {parent.pid} has the children"):
            tree.seconds()


def test_a_process_that_ended_is_named():
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    with pytest.raises(TransientError, match=f"process {gone.pid} ended"):
        process_seconds(gone.pid)

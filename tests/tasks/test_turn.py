"""One tick at a time, and a canary that answers only while somebody judges it."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sixgates.gates.decision import Move
from sixgates.gates.errors import TransientError
from sixgates.ledger.route import Step
from tasks.tick import look, move
from tasks.turn import TURN_SECONDS, turn_of
from tests.tasks.test_tick import judged

ROOT = Path(__file__).parents[2]


def lease(stage, name="tick"):
    return stage.world.ledger.lease(f"{name}:{stage.model}")


def test_the_second_tick_says_who_is_at_work_and_the_turn_ends_with_its_tick(stage):
    with turn_of(stage.project) as first:
        assert first is None
        assert 0 < lease(stage).left <= TURN_SECONDS
        with turn_of(stage.project) as second:
            held = lease(stage)
            assert f"another tick of {stage.model} is at work: {held.owner}" in second.reason
            assert f"until {held.until:%H:%M:%S} UTC" in second.reason
        assert lease(stage).owner == held.owner
    assert lease(stage) is None


def test_a_tick_that_breaks_gives_its_turn_back(stage):
    with pytest.raises(TransientError), turn_of(stage.project):
        raise TransientError("the registry did not answer")
    assert lease(stage) is None


def test_of_fifty_ticks_at_once_exactly_one_is_at_work(stage):
    together, done = threading.Barrier(50), threading.Barrier(50)

    def tick(_):
        together.wait()
        with turn_of(stage.project) as busy:
            done.wait()  # nobody gives back before everybody has asked
            return busy is None

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(tick, range(50))).count(True) == 1


HANG = """
import sys, time
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.ledger import Ledger
ledger = Ledger(sys.argv[1])
assert ledger.take(sys.argv[2], in_this_process("tick 1"), 3600)
print("taken", flush=True)
time.sleep(60)
"""


def test_a_tick_that_was_killed_does_not_keep_the_next_one_waiting(stage):
    url = f"sqlite:///{stage.folder}/ledger.db"
    with subprocess.Popen(
        [sys.executable, "-c", HANG, url, f"tick:{stage.model}"], cwd=ROOT, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        with turn_of(stage.project) as busy:
            assert f"process {process.pid}" in busy.reason
        process.kill()
    with turn_of(stage.project) as busy:
        assert busy is None


@pytest.mark.parametrize("step", [Step.SHADOW, Step.CANARY])
def test_every_tick_that_has_judged_lets_the_canary_answer_on(stage, old, new, step):
    stage.play("leased", canary={"lease": "PT90S"})
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(step, old, new, share=0.0 if step is Step.SHADOW else 0.1)
    tick = look.fn(stage.project)
    assert lease(stage, "canary") is None  # looking is not judging
    move.fn(tick, judged(Move.HOLD))
    first = lease(stage, "canary")
    assert first.seconds == 90.0
    move.fn(look.fn(stage.project), judged(Move.HOLD))
    assert lease(stage, "canary").until >= first.until


def test_a_promoted_model_needs_no_lease(stage, old, new):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.PROMOTED, new, old, share=0.05)
    move.fn(look.fn(stage.project), judged(Move.HOLD))
    assert lease(stage, "canary") is None

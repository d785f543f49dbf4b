"""Single flight: of any number of runs that are asked for at once, one begins."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from sixgates.gates.errors import TransientError
from sixgates.ledger.holder import in_this_process, what_of
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from sixgates.ledger.standing import read_acts, waiting_alert
from tasks.answer import answer
from tasks.flight import LeaseLostError
from tasks.run import Busy, Held, Run, world_of

ROOT = Path(__file__).parents[2]


def lease(stage):
    return stage.world.ledger.lease(f"run:{stage.model}")


def test_a_second_run_is_busy_and_says_with_which_and_until_when(stage):
    first = stage.begin(trigger="by hand")
    held = lease(stage)
    assert (what_of(held.owner), held.seconds) == (first.id, 15 * 60 + 900.0)
    second = stage.begin(alert=7, trigger="by hand")
    assert isinstance(second, Busy)
    assert f"run {first.id} is under way" in second.reason
    assert f"until {held.until:%Y-%m-%d %H:%M:%S} UTC" in second.reason
    entry = stage.entries(Kind.ANSWER)[-1]
    assert (entry.body["ending"], entry.body["alert"], entry.reason) == ("busy", 7, second.reason)
    assert len(stage.world.registry.runs) == 1


def test_an_alert_waits_on_while_the_run_of_its_other_event_has_not_begun(stage):
    alert = stage.world.ledger.append(
        stage.model, Kind.ALERT, at=stage.world.clock.now(), reason="it moved", body={}
    )
    owner = in_this_process("run 1")
    stage.world.ledger.take(f"run:{stage.model}", owner, 3600)
    second = stage.begin(alert=alert, trigger="drift")
    assert isinstance(second, Busy)
    assert "run 1 is under way" in second.reason
    assert waiting_alert(read_acts(stage.world.ledger, stage.model), []).alert.seq == alert
    stage.world.ledger.give_back(f"run:{stage.model}", owner)
    assert isinstance(stage.begin(alert=alert, trigger="drift"), Run)


def test_the_answer_lets_the_next_run_begin(stage):
    run = stage.begin(trigger="by hand")
    answer.fn(run, "refused at compare", "worse")
    assert lease(stage) is None
    assert isinstance(stage.begin(trigger="by hand"), Run)


def test_a_run_that_was_answered_by_somebody_else_has_ended(stage):
    run = stage.begin(trigger="by hand")
    stage.world.ledger.append(
        stage.model, Kind.ANSWER, at=run.at, release=run.id, reason="the flow broke",
        body={"alert": None, "ending": "broken"},
    )  # fmt: skip
    assert isinstance(stage.begin(trigger="by hand"), Run)


def test_an_answer_that_comes_late_leaves_the_next_run_its_lease(stage):
    first = stage.begin(trigger="by hand")
    answer.fn(first, "released", "good")
    second = stage.begin(trigger="by hand")
    answer.fn(first, "released", "good")
    assert what_of(lease(stage).owner) == second.id


def test_a_run_that_is_not_begun_holds_up_nobody(stage, old, new):
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        stage.begin(trigger="by hand")
    assert lease(stage) is None
    stage.route(Step.SHADOW, old, new)
    assert isinstance(stage.begin(trigger="by hand"), Busy)
    assert lease(stage) is None
    stage.route(Step.ROLLED_BACK, old)
    assert isinstance(stage.begin(trigger="drift"), Held)
    assert lease(stage) is None


def test_each_gate_shows_that_the_run_lives(stage):
    run = stage.begin(trigger="by hand")
    before = lease(stage)
    world_of(run)
    assert lease(stage).until >= before.until
    assert lease(stage).owner == before.owner


def test_a_silent_run_loses_its_lease_after_its_time(stage):
    rules = {"training": {"max_seconds": 0.1}, "governor": {"run_lease": timedelta(seconds=0.1)}}
    stage.play("short", **rules)
    stage.begin(trigger="by hand")
    assert lease(stage).seconds == pytest.approx(0.2)
    while lease(stage).left > 0:
        pass
    assert isinstance(stage.begin(trigger="by hand"), Run)


def test_a_run_that_lost_its_lease_goes_no_further_and_answers_nothing(stage, monkeypatch):
    rules = {"training": {"max_seconds": 0.1}, "governor": {"run_lease": timedelta(seconds=0.1)}}
    stage.play("short", **rules)
    run = stage.begin(trigger="by hand")
    while lease(stage).left > 0:
        pass
    elsewhere = f"{run.id} by process 1 on elsewhere, started 5"
    with monkeypatch.context() as patch:
        patch.setattr("tasks.flight.in_this_process", lambda _run: elsewhere)
        assert stage.begin(trigger="by hand") == run  # it is taken up there
    for act in (world_of, lambda run: answer.fn(run, "refused at validate", "too few rows")):
        with pytest.raises(LeaseLostError, match=f"run {run.id} .* to {elsewhere}"):
            act(run)
    assert stage.entries(Kind.ANSWER) == []
    assert stage.world.registry.ended == {}
    assert lease(stage).owner == elsewhere


TAKE = """
import sys
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.ledger import Ledger
assert Ledger(sys.argv[1]).take(sys.argv[2], in_this_process("run 1"), 3600)
"""


def test_a_run_whose_process_was_killed_holds_up_nobody(stage):
    url = f"sqlite:///{stage.folder}/ledger.db"
    subprocess.run([sys.executable, "-c", TAKE, url, f"run:{stage.model}"], cwd=ROOT, check=True)
    assert lease(stage).left > 3000
    assert isinstance(stage.begin(trigger="by hand"), Run)


def test_of_twenty_that_ask_at_once_one_begins_and_the_others_say_so(stage):
    with ThreadPoolExecutor(20) as pool:
        begun = list(pool.map(lambda _: stage.begin(trigger="by hand"), range(20)))
    assert sum(isinstance(one, Run) for one in begun) == 1
    assert sum(isinstance(one, Busy) for one in begun) == 19
    assert len(stage.entries(Kind.RUN)) == len(stage.world.registry.runs) == 1
    assert len(stage.entries(Kind.ANSWER)) == 19

"""What a crash or a stranger left: finished, undone or put back by the next tick."""

import pytest

from sixgates.adapters.effects import DONE, UNDONE, Effect
from sixgates.adapters.own_registry import FOREIGN
from sixgates.adapters.reconcile import DELETED, close_strays, differences
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.ports import ModelRef
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.leases import run_lease
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step, Version
from tasks.finish import bring_in_line, finish_for_run, finish_for_tick
from tasks.record import record
from tasks.run import Run
from tasks.tick import look


@pytest.fixture
def shadowing(stage, old, new):
    stage.route(Step.COLD_START, old, release="r0")
    route = stage.route(Step.SHADOW, old, new)
    assert look.fn(stage.project).route == route
    return route


def intend(stage, effect, given, release="r1"):
    ledger, now = stage.world.ledger, stage.world.clock.now()
    return ledger.intend(stage.model, effect, at=now, release=release, body=given)


def answered(stage, release="r1"):
    stage.world.ledger.append(
        stage.model, Kind.ANSWER, at=stage.world.clock.now(), release=release, reason="so",
        body={"alert": None, "ending": "released"},
    )  # fmt: skip


def outcome_of(stage, intent):
    closed = {e.body["intent"]: e.body["outcome"] for e in stage.entries(Kind.CLOSED)}
    return closed.get(intent)


@pytest.mark.usefixtures("shadowing")
def test_an_alias_that_somebody_moved_is_put_back_and_on_record(stage):
    pointing = stage.world.registry.pointing
    pointing[stage.model]["champion"] = "2"
    look.fn(stage.project)
    assert pointing[stage.model] == {"champion": "1", "challenger": "2"}
    (put_back,) = stage.entries(Kind.RECOVERED)
    assert put_back.reason == "aliases that somebody moved were put back: champion from 2 to 1"
    before = stage.history()
    look.fn(stage.project)
    assert stage.history() == before


@pytest.mark.usefixtures("shadowing")
def test_a_deleted_champion_is_an_alarm_once_and_serves_on(stage):
    stage.world.registry.deleted.add((stage.model, "1"))
    del stage.world.registry.pointing[stage.model]["champion"]
    for _ in range(2):
        assert look.fn(stage.project).route.step is Step.SHADOW
    (notice,) = stage.entries(Kind.NOTICE)
    assert notice.body == {"case": DELETED, "about": "1"}
    assert "version 1 of loans-small, the champion, was deleted in MLflow" in notice.reason
    assert stage.world.registry.pointing[stage.model] == {"challenger": "2"}
    said = differences(stage.world, stage.world.ledger.route(stage.model), stage.project)
    assert said == ["version 1, the champion, was deleted in MLflow"]


@pytest.mark.usefixtures("shadowing")
def test_a_deleted_challenger_rolls_its_release_back_with_that_reason(stage, old):
    stage.world.registry.deleted.add((stage.model, "2"))
    route = look.fn(stage.project).route
    assert (route.step, route.champion, route.beside) == (Step.ROLLED_BACK, old, None)
    assert route.reason == "version 2, the challenger, was deleted in MLflow"
    assert stage.world.registry.pointing[stage.model] == {"champion": "1"}
    assert stage.entries(Kind.NOTICE) == []


@pytest.mark.usefixtures("shadowing")
@pytest.mark.parametrize("others", [{}, {"1": "f" * 64}], ids=["empty", "somebody else's"])
def test_a_registry_that_knows_nothing_of_the_ledgers_rolls_nothing_back(stage, others):
    registry = stage.world.registry
    registry.older = {(stage.model, number) for number in others}
    registry.digests = {(stage.model, number): digest for number, digest in others.items()}
    for _ in range(2):
        assert look.fn(stage.project).route.step is Step.SHADOW
    (notice,) = stage.entries(Kind.NOTICE)
    address = f"sqlite:///{stage.folder}/home/mlflow.db"
    assert notice.body == {"case": FOREIGN, "about": address}
    assert f"the registry {address} knows no version of loans-small" in notice.reason
    assert "SIXGATES_MLFLOW_URI" in notice.reason
    said = differences(stage.world, stage.world.ledger.route(stage.model), stage.project)
    assert said == [notice.reason]


def test_a_former_champion_tells_that_the_registry_is_the_ledgers_own(stage, old, new):
    stage.route(Step.COLD_START, Version("0", "c" * 64), release="r0")
    stage.route(Step.CONFIRMED, old, release="r0")
    stage.route(Step.SHADOW, old, new)
    stage.world.registry.deleted |= {(stage.model, "1"), (stage.model, "2")}
    assert look.fn(stage.project).route.step is Step.ROLLED_BACK
    (notice,) = stage.entries(Kind.NOTICE)
    assert notice.body == {"case": DELETED, "about": "1"}


def test_a_registry_that_is_away_stops_no_tick(stage, shadowing):
    stage.world.registry.outages = 99
    assert bring_in_line(stage.world, stage.model) == shadowing


@pytest.mark.usefixtures("shadowing")
def test_a_tracking_run_that_no_run_owns_is_ended_as_killed(stage):
    registry = stage.world.registry
    stray = registry.start_run(stage.model, "from nowhere", {})
    owned = stage.begin(trigger="by hand")  # refused: a release is open
    assert not isinstance(owned, Run)
    close_strays(stage.world, stage.model)
    status, why = registry.ended[stray]
    assert (status, "no run of the ledger owns it" in why) == ("KILLED", True)


def test_a_run_that_is_under_way_is_no_stray(stage):
    run = stage.begin()
    intend(stage, Effect.START_RUN, {}, release="about to begin")
    soon = stage.world.registry.start_run(stage.model, "about to begin", {})
    stage.world.registry.versions.append(ModelRef(stage.model, "9", "d", run.tracking))
    close_strays(stage.world, stage.model)
    assert not {run.tracking, soon} & stage.world.registry.ended.keys()
    assert stage.world.registry.marks == {}


@pytest.mark.usefixtures("shadowing")
def test_a_version_that_no_route_names_is_tagged_as_an_orphan(stage):
    registry = stage.world.registry
    registry.older |= {(stage.model, "8"), (stage.model, "9")}
    registry.mark(stage.model, "8", {"refused": "too slow"})
    look.fn(stage.project)
    assert "orphan" in registry.marks[stage.model, "9"]
    assert registry.marks[stage.model, "8"] == {"refused": "too slow"}


def test_a_start_that_died_before_it_was_on_record_is_undone(stage):
    intent = intend(stage, Effect.START_RUN, {}, release="r7")
    stage.world.registry.start_run(stage.model, "r7", {})
    finish_for_run(stage.world, stage.model)
    assert outcome_of(stage, intent) == UNDONE
    assert stage.world.registry.ended["t1"][0] == "KILLED"


@pytest.mark.usefixtures("shadowing")
@pytest.mark.parametrize("effect", [Effect.FOLLOW_ROUTE, Effect.SET_ALIASES])
def test_what_an_older_route_wanted_is_undone_and_what_the_newest_wants_is_done(stage, effect):
    former, newest = intend(stage, effect, {"epoch": 1}), intend(stage, effect, {"epoch": 2})
    look.fn(stage.project)
    assert (outcome_of(stage, former), outcome_of(stage, newest)) == (UNDONE, DONE)


@pytest.mark.usefixtures("shadowing")
def test_what_the_ledger_decided_is_finished(stage):
    registry = stage.world.registry
    tags = {"refused": "worse"}
    end = {"tracking": "t7", "status": "FINISHED", "reason": "so"}
    answered(stage)
    intents = [
        intend(stage, Effect.END_RUN, end),
        intend(stage, Effect.WRITE_REPORT, {"tracking": "t7"}),
        intend(stage, Effect.MARK_VERSION, {"version": "2", "tags": tags}),
    ]
    finish_for_tick(stage.world, stage.model)
    assert [outcome_of(stage, intent) for intent in intents] == [DONE] * 3
    assert registry.marks[stage.model, "2"] == tags
    assert registry.ended["t7"] == ("FINISHED", "so")
    assert registry.runs["t7"]["report"].is_file()


@pytest.mark.parametrize(
    "effect", [Effect.STORE_ROWS, Effect.LOG_TRAINING, Effect.STORE_MODEL, Effect.REGISTER_VERSION,
               Effect.STORE_REFERENCE, Effect.PROVE_VERSION, Effect.END_RUN],
)  # fmt: skip
def test_what_no_verdict_names_is_undone(stage, effect):
    intent = intend(stage, effect, {"tracking": "t1", "status": "FINISHED", "reason": "so"})
    finish_for_tick(stage.world, stage.model)
    assert outcome_of(stage, intent) == UNDONE


def test_a_verdict_that_only_the_ledger_has_is_logged_and_one_that_it_lacks_is_not(stage):
    verdict = Verdict.of(Gate.COMPARE, [Check("loss", Outcome.PASS, 0.1, 0.2, 90, "no worse")])
    given = {"model": stage.model, "release": "r1", "verdict": verdict, "tracking": "t7"}
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        record(stage.world, **given, epoch=3)
    (left,) = stage.world.ledger.unfinished(stage.model)
    lacking = {"gate": Gate.COMPARE, "epoch": 4, "tracking": "t7"}
    never = intend(stage, Effect.LOG_VERDICT, lacking)
    finish_for_tick(stage.world, stage.model)
    assert stage.world.registry.verdicts == [("t7", verdict)]
    assert (outcome_of(stage, left.seq), outcome_of(stage, never)) == (DONE, UNDONE)


def test_what_a_live_run_intends_is_left_to_it(stage):
    run = stage.begin()
    mine = intend(stage, Effect.STORE_ROWS, {}, release=run.id)
    finish_for_tick(stage.world, stage.model)
    assert outcome_of(stage, mine) is None
    lease = stage.world.ledger.lease(f"run:{stage.model}")
    stage.world.ledger.give_back(f"run:{stage.model}", lease.owner)
    finish_for_tick(stage.world, stage.model)
    assert outcome_of(stage, mine) == UNDONE


@pytest.mark.parametrize(
    ("fault", "outcome"), [(TransientError("away"), None), (ConfigurationError("gone"), UNDONE)]
)
def test_only_an_outage_is_tried_again(stage, shadowing, fault, outcome):
    assert shadowing.is_open
    stage.world.registry.mark = _raise(fault)
    intent = intend(stage, Effect.MARK_VERSION, {"version": "2", "tags": {}})
    finish_for_tick(stage.world, stage.model)
    assert outcome_of(stage, intent) == outcome


def test_status_says_what_differs(stage, shadowing):
    def said():
        return differences(stage.world, shadowing, "small")

    assert said() == []
    stage.world.registry.pointing[stage.model]["champion"] = "7"
    assert said() == ["alias champion is 7, should be 1"]
    stage.world.registry.pointing[stage.model]["champion"] = "1"
    stage.route(Step.ROLLED_BACK, Version("1", "a" * 64))
    assert said() == ["gateway http://gateway serves epoch 3"]
    stage.world.traffic.serving = lambda _model: []
    assert said() == ["no gateway is alive: start `sixgates serve --project small`"]
    stage.world.traffic.serving = _raise(TransientError("silent"))
    stage.world.registry.outages = 1
    assert said() == ["silent", "the registry did not answer: try again"]


def _raise(exc):
    def call(*_):
        raise exc

    return call


def test_status_shows_all_three_the_differences_and_what_is_unfinished(stage, shadowing, capsys):
    from cli import operate, people

    found = operate.status(stage.project)
    assert (found["differences"], found["unfinished"], found["unanswered"]) == ([], [], [])
    assert found["gateways"][0]["epoch"] == shadowing.epoch
    assert found["aliases"] == {"champion": "1", "challenger": "2"}
    people.status(found)
    assert "all agree" in capsys.readouterr().out

    stage.world.registry.pointing[stage.model]["champion"] = "7"
    intent = intend(stage, Effect.SET_ALIASES, {"epoch": 2})
    stage.world.ledger.append(
        stage.model,
        Kind.RUN,
        at=shadowing.at,
        release="r9",
        reason="test",
        body={"alert": None, "trigger": "test"},
    )
    found = operate.status(stage.project)
    assert found["differences"] == ["alias champion is 7, should be 1"]
    assert found["unanswered"] == ["r9"]
    (unfinished,) = found["unfinished"]
    assert (unfinished["entry"], unfinished["effect"]) == (intent, "set_aliases")
    people.status(found)
    said = " ".join(capsys.readouterr().out.split())
    assert "unfinished: set_aliases of r1" in said
    assert "run r9 died without an answer: `sixgates retrain` settles it" in said
    assert "differs: alias champion is 7, should be 1" in said
    assert "all agree" not in said

    assert stage.world.ledger.take(run_lease(stage.model), in_this_process("r9"), 60)
    people.status(operate.status(stage.project))
    said = " ".join(capsys.readouterr().out.split())
    assert "run r9 is under way and has until" in said
    assert "died" not in said

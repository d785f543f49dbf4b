"""Ticks of a release: repeated, raced, cut off in between, and held up by the outer world."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from prefect import Task

import flows.release
from cli.operate import rollback
from sixgates.gates.card import ModelCard
from sixgates.gates.card import Task as CardTask
from sixgates.gates.decision import Decision, Move
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.ports import SomeSilentError
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.tick import Judged, look, lost_answers, move, routes_of, scene_of
from tests.fakes import DAY, said

OUTCOMES = {Move.ROLL_BACK: Outcome.FAIL, Move.PROMOTE: Outcome.PASS, Move.CONFIRM: Outcome.PASS}


def judged(decided, sentence="because", gate=Gate.CANARY):
    outcome = OUTCOMES.get(decided, Outcome.INCONCLUSIVE)
    check = Check("loss", outcome, 0.1, 0.2, 30, sentence)
    return Judged(Decision(Verdict.of(gate, [check]), decided, sentence), (0.1, 0.5))


@pytest.fixture
def shadowing(stage, old, new):
    """Open a release: version 2 in shadow beside version 1."""
    stage.route(Step.COLD_START, old, release="r0")
    route = stage.route(Step.SHADOW, old, new)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=route.at, release="r1", reason="good enough",
        body={"tracking": "t1", "project": stage.project, "unlogged": {"http://gateway": 4}},
    )  # fmt: skip
    return look.fn(stage.project)


def test_nothing_to_look_at_says_what_to_do(stage):
    with pytest.raises(ConfigurationError, match="no model of loans-small serves yet"):
        look.fn(stage.project)


def test_a_look_brings_aliases_and_gateways_back_in_line(stage, shadowing):
    stage.world.registry.pointing[stage.model] = {"champion": "9"}
    again = look.fn(stage.project)
    assert again == shadowing
    assert stage.world.registry.pointing[stage.model] == {"champion": "1", "challenger": "2"}


def ticked(stage, monkeypatch):
    """Run the flow of a tick with its tasks as plain functions."""
    for name, value in vars(flows.release).copy().items():
        if isinstance(value, Task):
            monkeypatch.setattr(flows.release, name, value.fn)
    return flows.release.release.fn(stage.project)


@pytest.mark.usefixtures("shadowing")
def test_a_tick_that_finds_the_challenger_deleted_is_named_by_the_rollback(stage, monkeypatch):
    stage.world.registry.deleted.add((stage.model, "2"))
    state = ticked(stage, monkeypatch)
    reason = "version 2, the challenger, was deleted in MLflow"
    assert (state.name, state.message, state.is_completed()) == ("RolledBack", reason, True)
    state = ticked(stage, monkeypatch)
    assert (state.name, state.message) == ("Idle", f"no open release: {reason}")


def test_looking_twice_records_one_proof(stage, shadowing):
    before = stage.history()
    assert look.fn(stage.project) == shadowing
    assert stage.history() == before
    assert [p.body["proved"] for p in stage.entries(Kind.PROOF)] == [True]


@pytest.mark.usefixtures("shadowing")
def test_what_only_counts_answers_is_no_new_proof(stage):
    (serving,) = stage.world.traffic.serving(stage.model)
    for n in range(1, 4):
        counts = {"unlogged": n, "left_out": 900 * n, "left_out_labels": 700 * n}
        stage.world.traffic.stuck_on = replace(serving, **counts)
        look.fn(stage.project)
    assert len(stage.entries(Kind.PROOF)) == 1
    stage.world.traffic.stuck_on = replace(serving, log_share=0.1)
    look.fn(stage.project)
    assert [p.body["answers"][0]["log_share"] for p in stage.entries(Kind.PROOF)] == [1.0, 0.1]


@pytest.mark.usefixtures("shadowing")
def test_a_gateway_that_does_not_follow_is_no_proof(stage):
    (serving,) = stage.world.traffic.serving(stage.model)
    for wrong, reason in (
        ({"epoch": 1}, "epoch 1"),
        ({"champion_digest": "x"}, "epoch 2 otherwise than the ledger"),
        ({"beside_digest": ""}, "epoch 2 without version 2"),
        ({"share": 0.5}, "epoch 2 otherwise than the ledger"),
    ):
        stage.world.traffic.stuck_on = replace(serving, **wrong)
        look.fn(stage.project)
        proof = stage.entries(Kind.PROOF)[-1]
        assert not proof.body["proved"]
        assert proof.reason == f"gateway http://gateway serves {reason}"


@pytest.mark.usefixtures("shadowing")
def test_of_several_gateways_those_are_named_that_do_not_follow(stage):
    (serving,) = stage.world.traffic.serving(stage.model)
    answers = [serving, replace(serving, url="http://b", epoch=1), replace(serving, url="http://c")]
    stage.world.traffic.serving = lambda _model: answers
    look.fn(stage.project)
    assert stage.entries(Kind.PROOF)[-1].reason == "gateway http://b serves epoch 1"
    stage.world.traffic.serving = _raise(SomeSilentError("http://c did not answer", answers[:2]))
    look.fn(stage.project)
    both = "http://c did not answer; gateway http://b serves epoch 1"
    assert stage.entries(Kind.PROOF)[-1].reason == both


@pytest.mark.parametrize("held_back", [{"lapsed": True}, {"cut": "it failed"}])
def test_a_gateway_that_holds_its_canary_back_follows_all_the_same(stage, old, new, held_back):
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.CANARY, old, new, share=0.5)
    (serving,) = stage.world.traffic.serving(stage.model)
    stage.world.traffic.stuck_on = replace(serving, share=0.0, **held_back)
    look.fn(stage.project)
    assert stage.entries(Kind.PROOF)[-1].body["proved"]
    stage.world.traffic.stuck_on = replace(serving, share=0.25, **held_back)
    look.fn(stage.project)
    assert not stage.entries(Kind.PROOF)[-1].body["proved"]


def test_an_outage_is_recorded_and_does_not_stop_the_look(stage, shadowing):
    stage.world.traffic.silent, stage.world.registry.outages = True, 99
    assert look.fn(stage.project) == shadowing
    proof = stage.entries(Kind.PROOF)[-1]
    assert proof.body["trouble"] == [
        "no gateway answers: start one", "the registry did not answer: try again",
    ]  # fmt: skip
    assert not proof.body["proved"]


def test_holding_is_recorded_once_an_epoch_however_often_it_ticks(stage, shadowing):
    for n in range(3):
        stage.world.clock.moment += timedelta(hours=1)
        tick = look.fn(stage.project)
        assert move.fn(tick, judged(Move.HOLD, f"{n} of 3 periods")) == shadowing.route
        kept = stage.world.ledger.judgement(stage.model)
        assert (kept.epoch, kept.at, kept.shares) == (2, tick.now, (0.1, 0.5))
        assert kept.decision.reason == f"{n} of 3 periods"
    assert [e.reason for e in stage.entries(Kind.VERDICT)] == ["0 of 3 periods"]
    assert len(stage.artifacts) == 3  # the page of Prefect shows the newest


def test_holding_at_the_next_share_is_recorded_anew_even_at_the_same_moment(stage, shadowing):
    advanced = move.fn(shadowing, judged(Move.ADVANCE, "on to 10 %"))
    assert (advanced.step, advanced.beside.share) == (Step.CANARY, 0.1)
    move.fn(look.fn(stage.project), judged(Move.HOLD, "wait at 10 %"))
    assert [(e.reason, e.body["epoch"]) for e in stage.entries(Kind.VERDICT)] == [
        ("on to 10 %", 2), ("wait at 10 %", 3),
    ]  # fmt: skip


@pytest.mark.usefixtures("shadowing")
def test_a_release_walks_from_shadow_to_confirmed(stage):
    walk = [Move.ADVANCE, Move.ADVANCE, Move.PROMOTE, Move.CONFIRM]
    routes, pointing = [], []
    for decided in walk:
        routes.append(move.fn(look.fn(stage.project), judged(decided)))
        pointing.append(stage.world.registry.pointing[stage.model])
    assert [r.step for r in routes] == [
        Step.CANARY, Step.CANARY, Step.PROMOTED, Step.CONFIRMED,
    ]  # fmt: skip
    assert [r.beside.share if r.beside else None for r in routes] == [0.1, 0.5, 0.05, None]
    assert pointing[1] == {"champion": "1", "challenger": "2"}
    assert pointing[2] == pointing[3] == {"champion": "2", "previous": "1"}
    assert stage.world.registry.marks == {}
    assert [run for run, _ in stage.world.registry.verdicts] == ["t1"] * 4


@pytest.mark.parametrize("decided", [Move.ROLL_BACK, Move.EXPIRE])
def test_a_challenger_that_is_sent_back_is_marked_and_the_champion_serves_alone(
    stage, shadowing, old, decided
):
    route = move.fn(shadowing, judged(decided, "it did harm"))
    assert (route.champion, route.beside, route.is_open) == (old, None, False)
    assert stage.world.registry.marks == {(stage.model, "2"): {"refused": "it did harm"}}
    assert stage.world.registry.pointing[stage.model] == {"champion": "1"}
    assert stage.entries(Kind.PROOF)[-1].body["proved"]


@pytest.mark.usefixtures("shadowing")
def test_a_promoted_model_that_regresses_is_marked_and_the_former_one_returns(stage, old):
    for decided in (Move.ADVANCE, Move.PROMOTE):
        move.fn(look.fn(stage.project), judged(decided))
    route = move.fn(look.fn(stage.project), judged(Move.ROLL_BACK, "worse", Gate.MONITOR))
    assert (route.step, route.champion, route.beside) == (Step.ROLLED_BACK, old, None)
    assert stage.world.registry.marks == {(stage.model, "2"): {"refused": "worse"}}
    assert stage.world.registry.pointing[stage.model]["champion"] == "1"


def test_a_lost_race_leaves_the_winners_route_and_no_trace(stage, shadowing):
    winner = move.fn(look.fn(stage.project), judged(Move.ROLL_BACK))
    before = stage.history()
    assert move.fn(shadowing, judged(Move.ADVANCE)) == winner
    assert stage.history() == before


def test_a_rollback_that_the_registry_held_up_is_finished_by_the_retry(stage, shadowing):
    stage.world.registry.outages = 2  # aliases, then the verdict
    with pytest.raises(TransientError):
        move.fn(shadowing, judged(Move.ROLL_BACK, "it did harm"))
    assert stage.world.ledger.route(stage.model).step is Step.ROLLED_BACK
    assert stage.entries(Kind.PROOF)[-1].body["answers"][0]["epoch"] == 3  # traffic went first

    route = move.fn(shadowing, judged(Move.ROLL_BACK, "it did harm"))
    assert route == stage.world.ledger.route(stage.model)
    assert [r.epoch for r in stage.world.ledger.routes(stage.model)] == [1, 2, 3]
    assert [e.reason for e in stage.entries(Kind.VERDICT)] == ["it did harm"]
    assert stage.world.registry.marks == {(stage.model, "2"): {"refused": "it did harm"}}
    assert stage.world.registry.pointing[stage.model] == {"champion": "1"}


class Died(BaseException):
    """Stands for a kill."""


def die(*_):
    raise Died


@pytest.mark.parametrize(
    ("decided", "marks"), [(Move.PROMOTE, {}), (Move.ROLL_BACK, {"refused": "so"})]
)
def test_what_moved_a_release_is_on_record_also_where_a_person_acts_before_the_next_tick(
    stage, shadowing, monkeypatch, decided, marks
):
    move.fn(shadowing, judged(Move.ADVANCE))
    tick = look.fn(stage.project)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.carry_out.project_route", die)  # its route is appended
        with pytest.raises(Died):
            move.fn(tick, judged(decided, "so"))
    rollback(stage.project, "complaints", "1")
    newest = stage.world.ledger.route(stage.model)
    for _ in range(2):
        assert look.fn(stage.project).route == newest
    said = [(e.body["epoch"], e.body["move"]) for e in stage.entries(Kind.VERDICT)]
    assert said == [(2, Move.ADVANCE), (3, decided)]
    assert stage.world.registry.marks.get((stage.model, "2"), {}) == marks
    assert stage.world.registry.pointing[stage.model]["champion"] == "1"
    assert stage.entries(Kind.PROOF)[-1].body["epoch"] == newest.epoch
    assert stage.world.ledger.unfinished(stage.model) == []


@pytest.mark.usefixtures("shadowing")
def test_a_move_is_recorded_once_though_its_registry_was_away_while_the_next_share_was_judged(
    stage,
):
    move_on = judged(Move.ADVANCE, "on to 10 %")
    for decided in (move_on, judged(Move.HOLD, "wait at 10 %")):
        stage.world.registry.outages = 99
        tick = look.fn(stage.project)
        with pytest.raises(TransientError):
            move.fn(tick, decided)
    stage.world.registry.outages = 0
    look.fn(stage.project)
    said = [(e.reason, e.body["epoch"]) for e in stage.entries(Kind.VERDICT)]
    assert said == [("on to 10 %", 2), ("wait at 10 %", 3)]
    assert stage.world.ledger.unfinished(stage.model) == []


def test_a_rollback_needs_no_registry_and_no_gateway(stage, shadowing):
    stage.world.traffic.silent, stage.world.registry.outages = True, 99
    with pytest.raises(TransientError):
        move.fn(shadowing, judged(Move.ROLL_BACK))
    assert stage.world.ledger.route(stage.model).step is Step.ROLLED_BACK


def test_only_answers_lost_since_the_release_opened_count(stage, shadowing):
    for total, lost in [(4, 0), (7, 3), (0, 0)]:  # 0: the gateway started anew
        stage.world.traffic.unlogged = total
        assert lost_answers(shadowing) == lost


def test_answers_that_were_lost_stay_so_whatever_becomes_of_the_gateways(stage, shadowing):
    def told(answers, release="r1", actor="http://gateway"):
        stage.world.ledger.append(
            stage.model, Kind.UNLOGGED, at=shadowing.route.at, release=release, actor=actor,
            reason="lost", body={"epoch": 2, "answers": answers},
        )  # fmt: skip

    def lost(unlogged):
        stage.world.traffic.unlogged = unlogged
        return lost_answers(shadowing)

    told(9, release="r0")
    assert lost(4) == 0
    told(1)
    assert lost(4 + 20) == 20  # what the gateway has not told yet
    told(19)
    assert lost(4 + 20) == 20
    assert lost(0) == 20  # it started anew
    assert lost(4) == 20
    told(4)
    assert lost(4) == 24
    told(2, actor="http://a-worker-that-was-replaced")
    assert lost(4) == 26


def test_a_gateway_that_started_anew_and_loses_fewer_than_before_the_release_is_not_overheard(
    stage, shadowing
):
    stage.world.traffic.unlogged = 3
    assert lost_answers(shadowing) == 3


def test_a_gateway_that_hangs_keeps_no_release_from_being_judged(
    stage, shadowing, old, new, monkeypatch
):
    traffic = stage.world.traffic
    traffic.unlogged = 7
    answers = traffic.serving(stage.model)
    for others, lost in ([], 0), (answers, 3):
        hangs = SomeSilentError("the gateway http://b did not answer /serving", others)
        traffic.serving = _raise(hangs)
        assert lost_answers(shadowing) == lost
    stage.world.ledger.append(
        stage.model, Kind.UNLOGGED, at=shadowing.route.at, release="r1", actor="http://b",
        reason="lost", body={"epoch": 2, "answers": 5},
    )  # fmt: skip
    assert lost_answers(shadowing) == 3 + 5  # what it told the ledger before it hung
    stage.world.ledger.append(
        stage.model, Kind.BREAKER, at=shadowing.route.at, release="r1", actor="http://b",
        reason="cut", body={"epoch": 2, "reason": "it failed", "seen": 5, "limit": 5, "n": 5},
    )  # fmt: skip
    for version in (old, new):
        card = ModelCard(stage.model, version.digest, CardTask.BINARY, (), "ts", None)
        stage.world.models.put("", card)
    assert ticked(stage, monkeypatch).name == "RolledBack"
    assert stage.entries(Kind.PROOF)[-1].body["trouble"] == [str(hangs)]


def _raise(exc):
    def call(*_):
        raise exc

    return call


def test_a_scene_holds_what_was_known_at_its_tick_and_nothing_later(stage, shadowing, old, new):
    now = shadowing.now.replace(tzinfo=UTC).timestamp()
    later = shadowing.read.replace(tzinfo=UTC).timestamp() + 1
    stage.world.log.said = said(
        {"request": "now", "at": now / DAY},
        {"request": "tomorrow", "at": now / DAY + 1},
        {"request": "told later", "at": now / DAY, "received": later},
    )
    stage.route(Step.CANARY, old, new, share=0.5)
    scene = scene_of(shadowing)
    answers = scene.world.log.predictions(stage.model, shadowing.now)
    assert answers["request"].to_list() == ["now"]
    assert [route.step for route in routes_of(scene)] == [Step.SHADOW]

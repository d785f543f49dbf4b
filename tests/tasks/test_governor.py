"""The governor at work: what may begin and move up, what waits, and what nothing may stop."""

from datetime import timedelta

import pytest

import tasks.tick
from cli.line import acknowledged, brakes_of, resumed, stopped
from cli.operate import rollback
from sixgates.gates.decision import Decision, Move
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.answer import answer
from tasks.notices import give_notice
from tasks.run import Busy, Held, Run
from tasks.tick import Judged, look, move, outcome_of
from tasks.watch import raise_alert
from tests.tasks.reports import LOUD, QUIET

SHUT = {"freeze": ("Sun - Sun",)}
"""The clock of a stage stands on a Sunday, 2026-01-25 00:00."""
UPWARDS = [
    (Step.SHADOW, Move.ADVANCE), (Step.CANARY, Move.ADVANCE), (Step.CANARY, Move.PROMOTE),
    (Step.PROMOTED, Move.CONFIRM),
]  # fmt: skip
BACKWARDS = [
    (Step.SHADOW, Move.ROLL_BACK), (Step.CANARY, Move.ROLL_BACK), (Step.PROMOTED, Move.ROLL_BACK),
    (Step.SHADOW, Move.EXPIRE), (Step.CANARY, Move.EXPIRE),
]  # fmt: skip


def judged(decided, reason="because"):
    outcome = Outcome.FAIL if decided is Move.ROLL_BACK else Outcome.PASS
    check = Check("loss", outcome, 0.1, 0.2, 30, reason)
    return Judged(Decision(Verdict.of(Gate.CANARY, [check]), decided, reason), (0.1, 0.5))


def alerted(stage, report=LOUD):
    return raise_alert.fn(stage.project, stage.data, report, announce=True)


def released(stage, old, new, step=Step.SHADOW, trigger="drift"):
    """Open a release of version 2, begun by a trigger; return the look of a tick."""
    run = stage.begin(trigger=trigger).id
    stage.route(Step.COLD_START, old, release="r0")
    share = 0.0 if step is Step.SHADOW else 0.1
    pair = (new, old) if step is Step.PROMOTED else (old, new)
    stage.route(step, *pair, share=share, release=run)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=stage.world.clock.now(), release=run, reason="good enough",
        body={"tracking": "t1", "project": stage.project, "unlogged": {}},
    )  # fmt: skip
    return look.fn(stage.project)


def brakes(stage):
    return [on["brake"] for on in brakes_of(stage.project)]


def later(stage, **time):
    stage.world.clock.moment += timedelta(**time)


# Runs


def test_after_a_rollback_no_automatic_run_begins_until_the_hold_is_over(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    held = stage.begin(trigger="drift", alert=7)
    assert held.until == stage.world.clock.now() + timedelta(days=1)
    (entry,) = stage.entries()
    assert (entry.kind, entry.reason) == (Kind.ANSWER, held.reason)
    assert entry.body == {
        "trigger": "drift", "alert": 7, "data": stage.data, "ending": "held",
        "until": held.until.isoformat(),
    }  # fmt: skip
    assert stage.world.registry.runs == {}
    later(stage, days=1)
    assert isinstance(stage.begin(trigger="drift", alert=7), Run)


def test_an_acknowledgement_ends_the_hold(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    assert brakes(stage) == ["hold"]
    found = acknowledged(stage.project, "a bad join, mended")
    assert (found["changed"], found["brakes"]) == (True, [])
    entry = stage.entries(Kind.ACKNOWLEDGED)[-1]
    assert (entry.reason, entry.body) == ("a bad join, mended", {"epoch": 1})
    assert entry.actor
    assert isinstance(stage.begin(trigger="drift"), Run)
    assert not acknowledged(stage.project, "again")["changed"]


def test_automatic_runs_keep_their_distance_and_their_daily_number(stage):
    stage.play("braked", governor={"cooldown": timedelta(hours=2), "runs_a_day": 3})
    for _ in range(3):
        answer.fn(stage.begin(trigger="schedule"), "released", "good")
        later(stage, hours=2)
        assert "governor.cooldown" not in str(brakes_of(stage.project))
        later(stage, microseconds=-1)
        assert "cooldown" in brakes(stage)
        later(stage, microseconds=1)
    held = stage.begin(trigger="schedule")
    assert "governor.runs_a_day = 3" in held.reason
    stage.world.clock.moment = held.until
    assert isinstance(stage.begin(trigger="schedule"), Run)


def test_refusals_in_a_row_pause_the_automatic_runs(stage):
    stage.play("braked", governor={"refusals": 2, "pause": timedelta(days=3)})
    for _ in range(2):
        answer.fn(stage.begin(trigger="drift"), "refused at compare", "worse")
        later(stage, days=1)
    held = stage.begin(trigger="drift")
    assert held.until == stage.world.clock.now() + timedelta(days=2)
    assert "2 challengers of loans-braked in a row were refused" in held.reason
    acknowledged(stage.project, "the labels were late")
    assert isinstance(stage.begin(trigger="drift"), Run)


def test_a_person_goes_before_every_brake_and_it_is_on_record(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    assert isinstance(stage.begin(trigger="by hand", by="ann"), Run)
    (entry,) = stage.entries(Kind.RUN)
    assert entry.actor == "ann"
    assert entry.body["override"] == {"brakes": ["hold"], "reason": "by hand, no reason given"}


def test_a_run_that_nothing_brakes_overrides_nothing(stage):
    stage.begin(trigger="by hand", override="in a hurry")
    (entry,) = stage.entries(Kind.RUN)
    assert entry.actor == "by hand"
    assert "override" not in entry.body


def test_in_a_freeze_a_person_needs_a_reason(stage):
    stage.play("braked", governor=SHUT)
    held = stage.begin(trigger="by hand")
    assert isinstance(held, Held)
    assert "--override REASON" in held.reason
    assert stage.entries(Kind.ANSWER)[-1].body["ending"] == "held"
    assert isinstance(stage.begin(trigger="drift", override="let me"), Held)
    assert isinstance(stage.begin(trigger="by hand", override="a wave of fraud", by="ann"), Run)
    (entry,) = stage.entries(Kind.RUN)
    assert entry.body["override"] == {"brakes": ["freeze"], "reason": "a wave of fraud"}


def test_on_a_stopped_line_nobody_begins_a_run_and_everybody_is_told_how_to_resume(stage):
    assert stopped(stage.project, "the feed is broken")["changed"]
    for given in ({"trigger": "drift"}, {"trigger": "by hand", "override": "let me"}):
        held = stage.begin(**given)
        assert held.until is None
        assert "stopped" in held.reason
        assert "the feed is broken" in held.reason
        assert "sixgates resume --project loans-small" in held.reason
    assert resumed(stage.project, "it is whole again")["changed"]
    assert isinstance(stage.begin(trigger="drift"), Run)


def test_stopping_and_resuming_twice_changes_nothing(stage):
    assert not resumed(stage.project, "for luck")["changed"]
    assert stage.entries() == []
    stopped(stage.project, "the feed is broken")
    before = stage.history()
    again = stopped(stage.project, "again")
    assert not again["changed"]
    assert "the feed is broken" in again["said"]
    assert stage.history() == before


@pytest.mark.parametrize("say", [stopped, resumed, acknowledged])
def test_the_line_is_not_changed_without_a_reason(stage, old, say):
    stage.route(Step.ROLLED_BACK, old)
    if say is resumed:
        stopped(stage.project, "the feed is broken")
    before = stage.history()
    with pytest.raises(ConfigurationError, match="say why with --reason"):
        say(stage.project, " ")
    assert stage.history() == before


def test_an_open_release_still_answers_busy_first(stage, old, new):
    stage.route(Step.SHADOW, old, new)
    stopped(stage.project, "the feed is broken")
    assert isinstance(stage.begin(trigger="drift", alert=7), Busy)


# Alerts


def test_an_alert_that_was_held_is_raised_again_once_it_may_be_answered(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    first = alerted(stage)
    assert isinstance(stage.begin(trigger="drift", alert=first.alert), Held)
    assert len(stage.events) == 1

    later(stage, hours=23)
    quiet = alerted(stage)
    assert quiet.alert is None
    assert f"alert {first.alert} is held: loans-small was rolled back" in quiet.sentence
    assert len(stage.events) == len(stage.entries(Kind.ALERT)) == 1

    later(stage, hours=1)
    again = alerted(stage, QUIET)
    assert again.alert == first.alert
    assert [payload["alert"] for _, payload in stage.events] == [first.alert] * 2
    assert isinstance(stage.begin(trigger="drift", alert=first.alert), Run)
    assert alerted(stage, QUIET).alert is None
    assert isinstance(stage.begin(trigger="drift", alert=first.alert), Busy)


def test_an_alert_held_by_a_stop_is_raised_again_when_the_line_is_resumed(stage, old):
    stage.route(Step.COLD_START, old)
    stopped(stage.project, "the feed is broken")
    first = alerted(stage)
    stage.begin(trigger="drift", alert=first.alert)
    later(stage, days=90)
    assert alerted(stage).alert is None
    resumed(stage.project, "it is whole again")
    assert alerted(stage).alert == first.alert


def test_an_alert_that_is_put_off_twice_for_one_reason_is_on_record_once(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    held = stage.begin(trigger="drift", alert=7)
    assert stage.begin(trigger="drift", alert=7) == held
    assert len(stage.entries(Kind.ANSWER)) == 1
    stage.begin(trigger="drift", alert=8)
    assert [e.body["alert"] for e in stage.entries(Kind.ANSWER)] == [7, 8]


# Releases


@pytest.mark.parametrize(("step", "decided"), UPWARDS)
def test_a_stopped_line_moves_no_release_up_and_says_so_once(stage, old, new, step, decided):
    tick = released(stage, old, new, step)
    stopped(stage.project, "the feed is broken")
    for _ in range(3):
        assert move.fn(tick, judged(decided)) == tick.route
        later(stage, minutes=1)
        tick = look.fn(stage.project)
    (note,) = stage.entries(Kind.HELD)
    assert note.body["move"] == decided
    assert "the feed is broken" in note.reason
    assert outcome_of(tick, judged(decided), tick.route) == note.reason
    (verdict,) = stage.entries(Kind.VERDICT)
    assert (verdict.body["outcome"], verdict.body["move"]) == ("pass", "hold")
    assert len(stage.artifacts) == 3

    resumed(stage.project, "it is whole again")
    route = move.fn(tick, judged(decided))
    assert route.epoch == tick.route.epoch + 1
    assert outcome_of(tick, judged(decided), route) == "because"


@pytest.fixture
def stop_between(stage, monkeypatch):
    """Stop the line once a tick has asked the governor and before it appends its route."""
    carry_out = tasks.tick.carry_out

    def stop_first(*given):
        stopped(stage.project, "the feed is broken")
        carry_out(*given)

    monkeypatch.setattr(tasks.tick, "carry_out", stop_first)


@pytest.mark.usefixtures("stop_between")
@pytest.mark.parametrize(("step", "decided"), UPWARDS)
def test_a_stop_between_the_check_and_the_append_is_obeyed(stage, old, new, step, decided):
    tick = released(stage, old, new, step)
    assert move.fn(tick, judged(decided)) == tick.route
    assert stage.world.ledger.route(stage.model) == tick.route
    (note,) = stage.entries(Kind.HELD)
    assert (note.body["move"], "the feed is broken" in note.reason) == (decided, True)
    assert outcome_of(tick, judged(decided), tick.route) == note.reason
    (verdict,) = stage.entries(Kind.VERDICT)
    assert (verdict.body["outcome"], verdict.body["move"]) == ("pass", "hold")
    assert stage.world.ledger.unfinished(stage.model) == []
    before = stage.history()
    assert move.fn(tick, judged(decided)) == tick.route
    assert stage.history() == before


@pytest.mark.usefixtures("stop_between")
@pytest.mark.parametrize(("step", "decided"), BACKWARDS)
def test_a_stop_between_keeps_no_gate_from_sending_back(stage, old, new, step, decided):
    route = move.fn(released(stage, old, new, step), judged(decided, "it did harm"))
    assert (route.champion, route.beside) == (old, None)
    assert brakes(stage)[0] == "stop"
    assert stage.entries(Kind.HELD) == []


def test_a_move_whose_route_was_appended_before_the_stop_is_finished_by_the_retry(stage, old, new):
    tick = released(stage, old, new)
    stage.world.registry.outages = 2  # aliases, then the verdict
    with pytest.raises(TransientError):
        move.fn(tick, judged(Move.ADVANCE))
    stopped(stage.project, "the feed is broken")
    route = move.fn(tick, judged(Move.ADVANCE))
    assert (route.step, stage.world.ledger.route(stage.model)) == (Step.CANARY, route)
    assert (stage.entries(Kind.HELD), stage.world.ledger.unfinished(stage.model)) == ([], [])


@pytest.mark.parametrize(("step", "decided"), UPWARDS)
def test_a_freeze_moves_no_release_up(stage, old, new, step, decided):
    stage.play("braked", governor=SHUT)
    stage.world.clock.moment -= timedelta(minutes=1)
    tick = released(stage, old, new, step, "by hand")
    later(stage, minutes=1)
    tick = look.fn(stage.project)
    assert move.fn(tick, judged(decided)) == tick.route
    assert "a freeze lasts until 2026-01-26 00:00 UTC" in stage.entries(Kind.HELD)[-1].reason
    later(stage, days=1)
    assert move.fn(look.fn(stage.project), judged(decided)).epoch == tick.route.epoch + 1


@pytest.mark.parametrize("brake", ["stop", "freeze"])
@pytest.mark.parametrize(("step", "decided"), BACKWARDS)
def test_neither_a_stop_nor_a_freeze_keeps_a_gate_from_sending_back(
    stage, old, new, step, decided, brake
):
    if brake == "freeze":
        stage.play("braked", governor=SHUT)
    stage.world.clock.moment -= timedelta(minutes=1)
    tick = released(stage, old, new, step)
    later(stage, minutes=1)
    if brake == "stop":
        stopped(stage.project, "the feed is broken")
    assert brake in brakes(stage)
    route = move.fn(tick, judged(decided, "it did harm"))
    assert route.step is (Step.ROLLED_BACK if decided is Move.ROLL_BACK else Step.EXPIRED)
    assert (route.champion, route.beside) == (old, None)
    assert stage.entries(Kind.HELD) == []


@pytest.mark.parametrize("step", [Step.SHADOW, Step.CANARY, Step.PROMOTED])
def test_nothing_keeps_a_person_from_rolling_back(stage, old, new, step):
    stage.play("braked", governor={**SHUT, "refusals": 1, "runs_a_day": 1})
    stage.world.clock.moment -= timedelta(minutes=1)
    released(stage, old, new, step)
    later(stage, minutes=1)
    stopped(stage.project, "the feed is broken")
    stage.world.registry.outages = 99
    assert set(brakes(stage)) == {"stop", "freeze", "cooldown", "budget"}
    found = rollback(stage.project, "complaints", None)
    assert (found["champion"], found["proved"]) == ("1", True)
    assert stage.world.ledger.route(stage.model).step is Step.ROLLED_BACK
    assert set(brakes(stage)) == {"stop", "freeze", "hold", "breaker", "cooldown", "budget"}


@pytest.mark.parametrize(("trigger", "moves"), [("drift", False), ("by hand", True)])
def test_a_release_that_an_automatic_run_opened_after_a_rollback_waits_in_shadow(
    stage, old, new, trigger, moves
):
    run = stage.begin(trigger=trigger).id
    stage.route(Step.ROLLED_BACK, old, release="r0")  # by hand, while the run was training
    stage.route(Step.SHADOW, old, new, release=run)
    tick = look.fn(stage.project)
    assert (move.fn(tick, judged(Move.ADVANCE)) != tick.route) == moves
    assert bool(stage.entries(Kind.HELD)) != moves


def test_cooldown_budget_and_breaker_do_not_hold_an_open_release(stage, old, new):
    stage.play("braked", governor={"runs_a_day": 1})
    tick = released(stage, old, new)
    assert set(brakes(stage)) == {"cooldown", "budget"}
    assert move.fn(tick, judged(Move.ADVANCE)).step is Step.CANARY


def test_a_tick_that_was_overtaken_is_not_held_again(stage, old, new):
    tick = released(stage, old, new)
    advanced = move.fn(tick, judged(Move.ADVANCE))
    stopped(stage.project, "the feed is broken")
    assert move.fn(tick, judged(Move.ADVANCE)) == advanced
    assert stage.entries(Kind.HELD) == []


# Notices


def test_a_missed_schedule_is_noticed_once_a_case(stage):
    stage.play("braked", governor={"retrain_every": timedelta(days=7)})
    (never,) = give_notice.fn(stage.project)
    assert "no run of loans-braked ever began" in never
    assert give_notice.fn(stage.project) == []
    stage.begin(trigger="schedule")
    later(stage, days=7)
    assert give_notice.fn(stage.project) == []
    later(stage, hours=1)
    (missed,) = give_notice.fn(stage.project)
    assert "began since 2026-01-25 00:00 UTC" in missed
    assert give_notice.fn(stage.project) == []
    assert [(e.body["case"], e.reason) for e in stage.entries(Kind.NOTICE)] == [
        ("missed schedule", never), ("missed schedule", missed),
    ]  # fmt: skip


def test_an_unanswered_alert_is_noticed_once(stage, old):
    stage.route(Step.COLD_START, old)
    alert = alerted(stage).alert
    later(stage, hours=1)
    assert give_notice.fn(stage.project) == []
    later(stage, minutes=1)
    (reason,) = give_notice.fn(stage.project)
    assert reason.startswith(f"alert {alert} of loans-small waits since 2026-01-25 00:00 UTC")
    assert give_notice.fn(stage.project) == []
    (entry,) = stage.entries(Kind.NOTICE)
    assert entry.body == {"case": "unanswered alert", "about": str(alert)}


def test_an_answered_alert_is_not_noticed(stage, old):
    stage.route(Step.COLD_START, old)
    stage.begin(trigger="drift", alert=alerted(stage).alert)
    later(stage, days=1)
    assert give_notice.fn(stage.project) == []


@pytest.mark.parametrize("held", [False, True])
def test_an_alert_is_over_when_a_champion_serves_that_was_trained_since(stage, old, new, held):
    stage.route(Step.ROLLED_BACK, old, release="r0")
    alert = alerted(stage).alert
    if held:
        stage.begin(trigger="drift", alert=alert)
    later(stage, hours=1)
    run = stage.begin(trigger="by hand")
    stage.route(Step.CONFIRMED, new, release=run.id)
    answer.fn(run, "released", "version 2 serves")
    later(stage, days=2)
    assert give_notice.fn(stage.project) == []
    assert alerted(stage, QUIET).alert is None
    stage.route(Step.COLD_START, old, release=run.id)  # it is about who serves again
    assert len(give_notice.fn(stage.project)) == 1
    assert alerted(stage, QUIET).alert == alert


def test_an_alert_whose_run_died_is_noticed_when_nobody_goes_on_with_it(stage, old):
    stage.route(Step.COLD_START, old)
    alert = alerted(stage).alert
    stage.begin(trigger="drift", alert=alert)
    later(stage, hours=1)
    lease = f"run:{stage.model}"
    stage.world.ledger.give_back(lease, stage.world.ledger.lease(lease).owner)
    assert give_notice.fn(stage.project) == []
    later(stage, minutes=1)
    (reason,) = give_notice.fn(stage.project)
    assert reason.startswith(f"alert {alert} of loans-small waits since 2026-01-25 00:00 UTC")
    assert isinstance(stage.begin(trigger="drift", alert=alert), Run)
    later(stage, days=1)
    assert give_notice.fn(stage.project) == []


def test_an_alert_that_is_held_is_noticed_only_when_nobody_answers_after_the_hold(stage, old):
    stage.route(Step.ROLLED_BACK, old)
    stage.begin(trigger="drift", alert=alerted(stage).alert)
    for hours, noticed in [(23, 0), (1, 0), (1, 0), (1, 1)]:
        later(stage, hours=hours)
        assert len(give_notice.fn(stage.project)) == noticed


def test_an_alert_that_waits_for_a_release_to_end_is_not_noticed(stage, old, new):
    stage.route(Step.COLD_START, old)
    alerted(stage)
    stage.route(Step.SHADOW, old, new)
    later(stage, days=1)
    assert give_notice.fn(stage.project) == []


def test_a_model_without_anything_on_record_has_no_brake(stage):
    assert brakes_of(stage.project) == []
    assert give_notice.fn(stage.project) == []

"""Approval at work: asked once, answered for one challenger alone, and never in the way back."""

from datetime import timedelta

import pytest

from cli.approval import question_of
from cli.line import brakes_of, stopped
from cli.operate import rollback
from sixgates.gates.decision import Decision, Move
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from sixgates.ledger.refused import refused_before
from sixgates.ledger.route import Step, Version
from tasks.approval import approve, reject
from tasks.tick import Judged, look, move, outcome_of

REQUIRED = {"need": "required"}


def judged(decided, sentence="because", seen=0.1):
    outcomes = {Move.ROLL_BACK: Outcome.FAIL, Move.PROMOTE: Outcome.PASS}
    outcome = outcomes.get(decided, Outcome.INCONCLUSIVE)
    check = Check("loss", outcome, seen, 0.2, 30, sentence)
    return Judged(Decision(Verdict.of(Gate.CANARY, [check]), decided, sentence), (0.1, 0.5))


FROZEN = Judged(
    Decision(
        Verdict.of(Gate.CANARY, [Check("harm", Outcome.FAIL, 30.0, 20.0, 30, "worse")]),
        Move.HOLD,
        "frozen at 50%, a person must decide: worse",
    ),
    (0.5,),
)


@pytest.fixture
def waiting(stage, old, new):
    """Version 2 at its last share, where a person must approve it."""
    return canary(stage, old, new)


def canary(stage, old, new, approval=None, **policies):
    stage.play("asked", approval=approval or REQUIRED, **policies)
    stage.route(Step.COLD_START, old, release="r0")
    stage.route(Step.SHADOW, old, new)
    route = stage.route(Step.CANARY, old, new, share=0.5)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=route.at, release="r1", reason="good enough",
        body={"tracking": "t1", "project": stage.project, "unlogged": {}},
    )  # fmt: skip
    return stage


def tick(stage, decided=Move.PROMOTE, **given):
    seen = look.fn(stage.project)
    asked = decided if isinstance(decided, Judged) else judged(decided, **given)
    route = move.fn(seen, asked)
    return route, outcome_of(seen, asked, route)


def later(stage, **time):
    stage.world.clock.moment += timedelta(**time)


def yes(stage, reason="plausible", by="ann", override=""):
    return approve.fn(stage.project, reason, by, override=override)


def no(stage, reason="the north looks odd", by="ann"):
    return reject.fn(stage.project, reason, by)


def test_a_challenger_that_passes_waits_at_its_share_and_a_person_is_asked_once(waiting, new):
    for _ in range(3):
        route, said = tick(waiting)
        assert (route.step, route.beside.share) == (Step.CANARY, 0.5)
        assert said == "waits for a person: approval.need is 'required'"
        later(waiting, minutes=1)
    (asked,) = waiting.entries(Kind.ASKED)
    body = asked.body
    assert (body["epoch"], body["version"], body["digest"]) == (3, "2", new.digest)
    assert body["champion"] == {"version": "1", "digest": "a" * 64}
    assert body["until"] == (asked.at + timedelta(days=3)).isoformat()
    assert body["verdict"]["checks"][0]["sentence"] == "because"
    (verdict,) = waiting.entries(Kind.VERDICT)
    assert (verdict.body["outcome"], verdict.body["move"]) == ("pass", "hold")
    assert question_of(waiting.project)["version"] == "2"


def test_an_approval_promotes_at_the_next_tick_and_both_are_on_record(waiting, new):
    tick(waiting)
    assert yes(waiting).changed
    assert question_of(waiting.project) is None
    route, said = tick(waiting)
    assert (route.step, route.champion) == (Step.PROMOTED, new)
    assert said == route.reason == "approved by ann (plausible): because"
    (entry,) = waiting.entries(Kind.APPROVED)
    assert (entry.actor, entry.reason, entry.body["override"]) == ("ann", "plausible", "")
    assert entry.body["verdict"] == waiting.entries(Kind.VERDICT)[0].seq
    assert [v.body["move"] for v in waiting.entries(Kind.VERDICT)] == ["hold", "promote"]


def test_an_approval_waits_until_gate_5_passes_again(waiting):
    tick(waiting)
    yes(waiting)
    assert tick(waiting, Move.HOLD, sentence="not enough")[0].step is Step.CANARY
    later(waiting, days=9)
    assert tick(waiting, Move.HOLD, sentence="not enough")[0].step is Step.CANARY
    assert tick(waiting)[0].step is Step.PROMOTED


def test_approving_twice_changes_nothing(waiting):
    tick(waiting)
    yes(waiting)
    again = yes(waiting, by="bob")
    assert (again.changed, again.sentence) == (
        False, "version 2 was approved already, by ann",
    )  # fmt: skip
    assert len(waiting.entries(Kind.APPROVED)) == 1


def test_while_a_person_is_waited_for_harm_rolls_back(waiting, old):
    tick(waiting)
    yes(waiting)
    route, _ = tick(waiting, Move.ROLL_BACK, sentence="it did harm")
    assert (route.step, route.champion, route.beside) == (Step.ROLLED_BACK, old, None)


def test_while_a_person_is_waited_for_one_can_roll_back_by_hand(waiting):
    tick(waiting)
    assert rollback(waiting.project, "complaints", None)["champion"] == "1"


def test_a_question_that_nobody_answers_expires_to_a_no(waiting, old):
    tick(waiting)
    later(waiting, days=3, microseconds=-1)
    assert tick(waiting)[0].step is Step.CANARY
    later(waiting, microseconds=1)
    with pytest.raises(ConfigurationError, match="ran out on"):
        yes(waiting)
    route, said = tick(waiting)
    assert (route.step, route.champion) == (Step.EXPIRED, old)
    assert "nobody approved it by 2026-01-28 00:00 UTC" in said
    assert waiting.world.registry.marks[waiting.model, "2"]["refused"] == said


def test_a_question_may_wait_for_ever(stage, old, new):
    waiting = canary(stage, old, new, approval=REQUIRED | {"expires": timedelta.max})
    tick(waiting)
    later(waiting, days=9_999)
    assert tick(waiting)[0].step is Step.CANARY
    assert yes(waiting).changed


@pytest.mark.parametrize("other", ["share", "release", "model"])
def test_an_approval_of_something_else_never_counts(stage, old, new, other):
    waiting = canary(stage, old, new)
    tick(waiting)
    yes(waiting)
    if other == "share":
        waiting.route(Step.CANARY, old, new, share=0.4)
    elif other == "release":
        waiting.route(Step.CANARY, old, new, share=0.5, release="r2")
    else:
        waiting.route(Step.CANARY, old, Version("3", "c" * 64), share=0.5)
    assert tick(waiting)[0].step is Step.CANARY
    assert len(waiting.entries(Kind.ASKED)) == 2


def test_an_override_promotes_before_gate_5_has_decided_and_says_so(waiting, new):
    tick(waiting, Move.HOLD, sentence="too little")
    with pytest.raises(ConfigurationError, match="nobody was asked"):
        yes(waiting)
    assert yes(waiting, reason="", override="a wave of fraud").changed
    route, said = tick(waiting, Move.HOLD, sentence="too little")
    assert (route.step, route.champion) == (Step.PROMOTED, new)
    assert said == "approved by ann before gate 5 decided (a wave of fraud): too little"
    (entry,) = waiting.entries(Kind.APPROVED)
    assert (entry.actor, entry.body["override"]) == ("ann", "a wave of fraud")
    assert waiting.entries(Kind.VERDICT)[-1].body["outcome"] == "inconclusive"


def test_no_override_holds_against_a_gate_that_fails(stage, old, new):
    waiting = canary(stage, old, new, canary={"on_harm": "freeze"})
    tick(waiting, FROZEN)
    with pytest.raises(ConfigurationError, match="gate 5 fails"):
        yes(waiting, override="let me")
    assert waiting.entries(Kind.APPROVED) == []


def test_an_override_given_before_the_gate_fails_does_not_hold_either(stage, old, new):
    waiting = canary(stage, old, new, canary={"on_harm": "freeze"})
    yes(waiting, override="let me")
    assert tick(waiting, FROZEN)[0].step is Step.CANARY


def test_an_override_is_recorded_over_a_plain_approval(waiting):
    tick(waiting)
    yes(waiting)
    assert yes(waiting, override="now").changed
    assert tick(waiting, Move.HOLD)[0].step is Step.PROMOTED


@pytest.mark.parametrize("step", [Step.COLD_START, Step.SHADOW, Step.PROMOTED])
def test_without_a_canary_there_is_nothing_to_approve(stage, old, new, step):
    stage.play("asked", approval=REQUIRED)
    stage.route(step, old, None if step is Step.COLD_START else new)
    for override in ("", "let me"):
        with pytest.raises(ConfigurationError, match="there is nothing to approve"):
            yes(stage, override=override)


@pytest.mark.parametrize("word", [yes, no])
@pytest.mark.parametrize(
    ("given", "missing"), [({"reason": " "}, "--reason"), ({"by": ""}, "--by")]
)
def test_nothing_is_decided_without_a_reason_and_a_name(waiting, word, given, missing):
    tick(waiting)
    with pytest.raises(ConfigurationError, match=missing):
        word(waiting, **given)
    assert waiting.entries(Kind.APPROVED) == []


def test_a_rejection_ends_the_release_at_once_and_the_model_counts_as_refused(waiting, old, new):
    tick(waiting)
    said = no(waiting)
    assert (said.version, said.changed) == ("2", True)
    assert "version 1 serves alone: every gateway confirms" in said.sentence
    route = waiting.world.ledger.route(waiting.model)
    assert (route.step, route.champion, route.beside) == (Step.ROLLED_BACK, old, None)
    assert (route.actor, route.reason) == ("by ann", "rejected: the north looks odd")
    assert waiting.world.registry.marks[waiting.model, "2"] == {"refused": route.reason}
    entries, routes = waiting.history()
    assert "the north looks odd" in refused_before(entries, routes, new.digest, run="r9")
    assert [on["brake"] for on in brakes_of(waiting.project)] == ["hold"]
    assert not no(waiting).changed
    assert len(waiting.world.ledger.routes(waiting.model)) == 4


def test_a_rejection_needs_neither_registry_nor_gateway(waiting):
    tick(waiting)
    waiting.world.traffic.silent, waiting.world.registry.outages = True, 99
    assert "not every gateway confirms it yet" in no(waiting).sentence
    waiting.world.traffic.silent, waiting.world.registry.outages = False, 0
    look.fn(waiting.project)
    assert "rejected" in waiting.world.registry.marks[waiting.model, "2"]["refused"]
    assert waiting.world.ledger.unfinished(waiting.model) == []


def test_a_shadow_can_be_rejected_and_a_champion_cannot(stage, old, new):
    stage.route(Step.COLD_START, old, release="r0")
    with pytest.raises(ConfigurationError, match="there is nothing to reject"):
        no(stage)
    stage.route(Step.PROMOTED, new, old, share=0.1)
    with pytest.raises(ConfigurationError, match="sixgates rollback --project"):
        no(stage)
    stage.route(Step.SHADOW, old, new)
    assert no(stage).changed


def test_a_stopped_line_asks_but_does_not_promote(waiting):
    stopped(waiting.project, "the feed is broken")
    tick(waiting)
    yes(waiting)
    route, said = tick(waiting)
    assert route.step is Step.CANARY
    assert "the feed is broken" in said


@pytest.mark.parametrize(("bound", "step"), [(0.9, Step.CANARY), (0.4, Step.PROMOTED)])
def test_above_a_risk_a_person_is_asked_and_below_it_nobody(stage, old, new, bound, step):
    waiting = canary(stage, old, new, {"need": "above-risk", "risk": 0.5})
    check = Check("loss difference", Outcome.PASS, bound * 0.02, 0.02, 900, "said")
    waiting.world.ledger.append(
        waiting.model, Kind.VERDICT, at=waiting.world.clock.now(), release="r1", reason="said",
        body=Verdict.of(Gate.COMPARE, [check]).to_dict(),
    )  # fmt: skip
    assert tick(waiting)[0].step is step


def test_a_frozen_share_is_told_once_and_stays_until_a_person_or_the_deadline(stage, old, new):
    waiting = canary(stage, old, new, canary={"on_harm": "freeze"})
    for _ in range(3):
        route, said = tick(waiting, FROZEN)
        assert (route.step, route.beside.share) == (Step.CANARY, 0.5)
        assert said.startswith("frozen at 50%")
        later(waiting, minutes=1)
    (notice,) = waiting.entries(Kind.NOTICE)
    assert notice.body == {"case": "frozen share", "about": "r1/3"}
    assert "sixgates reject --project loans-asked" in notice.reason
    assert [v.body["outcome"] for v in waiting.entries(Kind.VERDICT)] == ["fail"]
    no(waiting)
    assert waiting.world.ledger.route(waiting.model).step is Step.ROLLED_BACK


def test_a_tick_that_was_overtaken_asks_nobody(waiting, old):
    seen = look.fn(waiting.project)
    waiting.route(Step.ROLLED_BACK, old)
    move.fn(seen, judged(Move.PROMOTE))
    assert waiting.entries(Kind.ASKED) == []

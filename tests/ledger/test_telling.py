"""What a person reads of each outcome, built from records as the tasks write them."""

import shlex
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import typer.main

from cli.main import app
from sixgates.gates.decision import Move
from sixgates.gates.message import text, title
from sixgates.gates.policy import Policies
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import What, news
from sixgates.ledger.route import Beside, Route, Step, Version
from sixgates.ledger.telling import Background, message_of, unrecorded
from tests.fakes import tiny_project

T = datetime(2026, 1, 5, 12)  # noqa: DTZ001 - naive UTC
V1, V2 = Version("1", "a" * 64), Version("2", "b" * 64)
BESIDE = Beside(V2, Arm.CANARY, 0.05)
COMMANDS = typer.main.get_command(app).commands


def at(days):
    return T + timedelta(days=days)


def entry(seq, kind, body, *, reason="because", release="r1"):
    return Entry(
        seq, "tiny", kind, release, T, T + timedelta(minutes=seq), "sixgates", reason, body
    )


def route(epoch, step, champion=V1, beside=None, *, actor="sixgates", reason="because"):
    return Route("tiny", epoch, step, champion, beside, "r1", at(epoch), actor, reason)


def verdict(seq, gate, outcome, *, epoch=0, move=None, name="loss"):
    checks = [
        Check(name, outcome, 0.031, 0.02, 8_210, f"{name} of gate {gate.number}"),
        Check("noise", outcome, 9.0, 0.0, 1, "muted: noise", muted=True),
        Check("rows", Outcome.PASS, 5.0, 1.0, 5, "rows are enough"),
    ]
    body = {**Verdict.of(gate, checks).to_dict(), "epoch": epoch, "move": move}
    return entry(seq, Kind.VERDICT, body)


def proof(seq, epoch, *, proved=True, reason="every gateway confirms"):
    trouble = [] if proved else [reason]
    body = {"epoch": epoch, "proved": proved, "trouble": trouble, "answers": []}
    return entry(seq, Kind.PROOF, body, reason=reason)


RUN = entry(1, Kind.RUN, {"alert": 7, "data": "/data/a b.parquet"}, reason="drift")
CANARY = [route(1, Step.COLD_START), route(2, Step.SHADOW, V1, BESIDE),
          route(3, Step.CANARY, V1, BESIDE)]  # fmt: skip
SMALL = [*CANARY[:2], route(3, Step.CANARY, V1, Beside(V2, Arm.CANARY, 0.004))]
PROMOTED = [*CANARY, route(4, Step.PROMOTED, V2, Beside(V1, Arm.HOLDBACK, 0.05))]


SUMMARY = ["9 of 90 rows (10 %) break 'x: ge(0)': correct the values.", "The refused rows: /q."]


def told(entries, routes, *, project=None, now=None, asked="projects/my tiny.py"):
    """Tell the newest outcome."""
    newest = news(entries, routes)[-1]
    proofs = [e for e in entries if e.kind is Kind.PROOF]
    known = Background(
        asked, project or tiny_project(), routes, entries, proofs[-1] if proofs else None,
        now or at(5),
    )  # fmt: skip
    return message_of(newest, known)


def test_a_refusal_names_the_gate_its_figures_and_what_goes_on_serving():
    ending = entry(
        9, Kind.ANSWER, {"alert": 7, "ending": "refused at compare"},
        reason="gate 4, compare: loss of gate 4",
    )  # fmt: skip
    routes = [route(1, Step.COLD_START)]
    message = told(
        [RUN, verdict(2, Gate.EVALUATE, Outcome.PASS), verdict(3, Gate.COMPARE, Outcome.FAIL),
         proof(4, 1), ending],
        routes,
    )  # fmt: skip
    assert title(message) == "tiny: run refused at gate 4, compare"
    said = text(message)
    assert "Gate 4, compare, refused the challenger. The run was asked for by: drift." in said
    assert "- loss of gate 4 [loss 0.031, limit 0.02, n = 8,210]" in said
    assert "muted" not in said
    assert "rows are enough" not in said
    assert (
        "Serving now: version 1 (digest aaaaaaaaaaaa…), since 2026-01-06 12:00 UTC, alone."
        " Every gateway confirms it."
    ) in said
    assert "sixgates retrain --project 'projects/my tiny.py' --data '/data/a b.parquet'\n" in said


def test_what_the_owner_of_the_data_has_to_know_goes_out_with_the_refusal():
    refused = verdict(8, Gate.VALIDATE, Outcome.FAIL)
    refused = replace(refused, body={**refused.body, "summary": SUMMARY})
    ending = entry(9, Kind.ANSWER, {"alert": None, "ending": "refused at validate"})
    message = told([RUN, refused, ending], [])
    assert message.happened[1:3] == tuple(SUMMARY)
    assert all(line in text(message) for line in SUMMARY)


@pytest.mark.parametrize("gate", [g for g in Gate if g is not Gate.MONITOR])
def test_each_gate_may_be_the_one_that_refused(gate):
    ending = entry(9, Kind.ANSWER, {"alert": None, "ending": f"refused at {gate}"}, reason="no: x")
    message = told([RUN, verdict(3, gate, Outcome.FAIL), ending], [])
    assert title(message) == f"tiny: run refused at gate {gate.number}, {gate}"
    assert [c.name for c in message.checks] == ["loss"]
    assert "Serving now: nothing." in text(message)
    assert "Nothing answers requests until a first model passes" in text(message)


def test_a_verdict_that_a_kill_kept_off_the_record_leaves_the_reason():
    ending = entry(
        9, Kind.ANSWER, {"alert": 7, "ending": "refused at compare"}, reason="loss 3 > 2"
    )
    assert "refused the challenger: loss 3 > 2." in text(told([RUN, ending], []))
    gone = route(4, Step.ROLLED_BACK, reason="errors 3 > 2")
    assert "The reason: errors 3 > 2." in text(told([], [*CANARY, gone]))


@pytest.mark.parametrize(
    ("body", "headline", "sentence", "command"),
    [
        ({"ending": "busy", "alert": 7}, "run not begun, a release is under way",
         "ask again once it has", "sixgates retrain --project p --alert 7"),
        ({"ending": "broken", "alert": 7}, "run broke down",
         "Nothing was decided", "sixgates retrain --project p --alert 7"),
        ({"ending": "broken", "alert": None}, "run broke down",
         "Nothing was decided", "sixgates retrain --project p"),
        ({"ending": "held", "alert": 7, "until": at(6).isoformat(), "data": "d"}, "run held",
         "raised again after 2026-01-11 12:00 UTC, in 24 hours",
         'sixgates retrain --project p --data d --alert 7 --override "why"'),
        ({"ending": "held", "alert": 7, "until": None}, "run held",
         "until a person lifts it", 'sixgates resume --project p --reason "why"'),
    ],
)  # fmt: skip
def test_a_run_that_did_not_happen_says_why_and_what_to_do(body, headline, sentence, command):
    entries = [proof(1, 1), entry(9, Kind.ANSWER, body, release="")]
    message = told(entries, [route(1, Step.COLD_START)], asked="p")
    assert message.headline == headline
    assert f"{headline}: because".lower() in text(message).lower()
    assert sentence in text(message)
    assert command in [choice.command for choice in message.choices]


@pytest.mark.parametrize(
    ("routes", "by", "headline", "sentence"),
    [
        ([*CANARY[:1]], None, "first model, version 1, is champion", "the watch begins"),
        ([*CANARY[:2]], verdict(5, Gate.COMPARE, Outcome.PASS),
         "release opened, version 2 in shadow",
         "Without enough evidence by 2026-03-08 12:00 UTC, in 60 days, the champion stays."),
        (PROMOTED, verdict(5, Gate.CANARY, Outcome.PASS, epoch=3, move=Move.PROMOTE),
         "version 2 promoted", "confirmed on 2026-01-16 12:00 UTC, in 7 days, at the earliest"),
        ([*PROMOTED, route(5, Step.CONFIRMED, V2)],
         verdict(5, Gate.MONITOR, Outcome.PASS, epoch=4, move=Move.CONFIRM),
         "version 2 confirmed", "The watch goes on"),
        ([*CANARY, route(4, Step.ROLLED_BACK)],
         verdict(5, Gate.CANARY, Outcome.FAIL, epoch=3, move=Move.ROLL_BACK),
         "version 2 rolled back by gate 5, canary",
         "No run begins by itself before 2026-01-10 12:00 UTC, in 24 hours"),
        ([*PROMOTED, route(5, Step.ROLLED_BACK)],
         verdict(5, Gate.MONITOR, Outcome.FAIL, epoch=4, move=Move.ROLL_BACK),
         "version 2 rolled back by gate 6, monitor", "after its promotion"),
        ([*CANARY, route(4, Step.EXPIRED)],
         verdict(5, Gate.CANARY, Outcome.INCONCLUSIVE, epoch=3, move=Move.EXPIRE),
         "version 2 expired without enough evidence", "The deadline passed"),
    ],
)  # fmt: skip
def test_each_step_tells_its_figures_and_what_follows_when(routes, by, headline, sentence):
    held = verdict(4, Gate.CANARY, Outcome.INCONCLUSIVE, epoch=3, move=Move.HOLD, name="hold")
    message = told([held, *([by] if by else [])], routes, now=routes[-1].at)
    assert message.headline == headline
    assert sentence in text(message)
    decided = [c.name for c in message.checks]
    assert decided in ([["loss", "rows"], ["loss"]] if by else [[]])
    assert message.at == routes[-1].at


def test_a_promotion_says_who_serves_beside_and_how_to_undo_it():
    message = told(
        [
            proof(1, 4, proved=False, reason="http://g did not answer"),
        ],
        PROMOTED[:4],
    )
    # The newest news is the gateway's silence: its own message says the same of who serves.
    assert message.what == What.UNREACHED
    said = text(message)
    assert "version 2 (digest bbbbbbbbbbbb…), since 2026-01-09 12:00 UTC" in said
    assert "the former champion, version 1 answering 5% beside it" in said
    assert "NOT confirmed: http://g did not answer." in said
    commands = [choice.command for choice in message.choices]
    assert commands[0].startswith("sixgates status ")
    assert any(c.startswith("sixgates rollback ") for c in commands)


@pytest.mark.parametrize(
    ("routes", "phase"),
    [(CANARY, "at 5% of the units"), (SMALL, "at 0.4% of the units"), (CANARY[:2], "in shadow")],
)
def test_a_rollback_by_gate_5_says_how_far_the_challenger_had_come(routes, phase):
    shadow = Beside(V2, Arm.CANARY, 0.0)
    routes = [*routes[:-1], replace(routes[-1], beside=shadow)] if phase == "in shadow" else routes
    message = told([], [*routes, route(len(routes) + 1, Step.ROLLED_BACK)])
    assert message.happened[0] == f"Gate 5, canary, rolled version 2 back {phase}."


def test_a_run_that_had_begun_is_not_repeated_for_its_alert():
    broke = entry(9, Kind.ANSWER, {"ending": "broken", "alert": 7})
    (again, _) = told([RUN, broke], []).choices
    assert again.command.endswith("--data '/data/a b.parquet'")


def test_a_first_model_without_a_gateway_says_that_none_is_up():
    nobody = entry(2, Kind.PROOF, {"epoch": 1, "proved": False, "trouble": [], "answers": []})
    message = told([nobody], CANARY[:1])
    assert message.served.confirmed == "NOT confirmed: no gateway is up."
    assert message.choices[0].command == "sixgates serve --project 'projects/my tiny.py'"


def test_a_rollback_by_hand_says_so_and_shows_no_check():
    hand = route(5, Step.ROLLED_BACK, V1, actor="by hand", reason="complaints since noon")
    entries = [verdict(5, Gate.MONITOR, Outcome.INCONCLUSIVE, epoch=4, move=Move.HOLD)]
    message = told(entries, [*PROMOTED, hand])
    assert message.headline == "rolled back by hand to version 1"
    assert message.checks == ()
    assert "version 2 is out. The reason: complaints since noon." in text(message)
    assert "Not yet read back from the gateways." in text(message)


def test_a_rollback_without_proof_is_its_own_message():
    routes = [*CANARY, route(4, Step.ROLLED_BACK)]
    message = told([proof(9, 4, proved=False, reason="no gateway answers")], routes)
    assert message.headline == "rollback not proved"
    assert message.at == at(5)
    assert "Each tick tries again" in text(message)


def test_a_late_message_says_that_the_model_has_moved_on():
    routes = [*PROMOTED]
    early = news([], routes)[1]
    assert early.cause.step is Step.SHADOW
    message = message_of(early, Background("p", None, routes, [], None, at(9)))
    assert "Meanwhile the model has moved on: promoted." in message.following
    assert message.served.version == "2"


def test_a_project_that_does_not_load_costs_the_dates_alone():
    message = message_of(
        news([], PROMOTED)[-1], Background("p", None, PROMOTED, [], None, at(5))
    )  # fmt: skip
    assert message.following == (
        "Each tick of gate 6 watches it; a regression puts the former champion back.",
    )


def test_a_notice_and_a_held_release_are_told_in_their_own_words():
    notice = entry(9, Kind.NOTICE, {"case": "missed schedule", "about": "x"}, reason="no run since")
    assert title(told([notice], [])) == "tiny: no run since"
    held = entry(9, Kind.HELD, {"epoch": 3, "move": "promote", "until": at(6).isoformat()})
    message = told([proof(1, 3), held], CANARY)
    assert message.headline == "release held"
    assert "The release goes on after 2026-01-11 12:00 UTC, in 24 hours." in message.following


HERE = "http://127.0.0.1:8080"


def lapse(seq, to=None):
    body = {"epoch": 3, "lease": "12:05", "from": "12:05", "to": to, "requests": to and 1_204}
    reason = "the champion answered everybody for 312.0 s (1,204 requests)" if to else "it ran out"
    return replace(entry(seq, Kind.LAPSE, body, reason=reason), actor=HERE)


CUT = replace(
    entry(8, Kind.BREAKER, {
        "epoch": 3, "reason": "it failed in 5 of its last 6 answers", "seen": 5, "limit": 5, "n": 6,
    }),
    actor=HERE,
)  # fmt: skip


def commands(message):
    return [choice.command.split("--project")[0].strip() for choice in message.choices]


def test_a_lapse_is_told_where_the_project_does_not_load_too():
    (lapsed,) = news([lapse(8)], [])
    said = text(message_of(lapsed, Background("p", None, CANARY, [lapse(8)], None, at(5))))
    assert "within seconds of the next tick" in said
    assert "canary.lease" not in said


def test_a_lapse_says_that_the_share_waits_for_a_tick_and_how_to_make_one():
    message = told([proof(1, 3), lapse(8)], CANARY)
    assert title(message) == "tiny: canary held back, no tick renewed its lease"
    said = text(message)
    assert "It ran out. (2026-01-10 12:00 UTC)" in said
    assert "version 2 held back in shadow (5% once a tick renews its lease) beside it." in said
    assert "within seconds of the next tick" in said
    assert "more often than every 300 s" in said
    assert commands(message) == [
        "sixgates tick", "sixgates status", "sixgates rollback", "sixgates history",
    ]  # fmt: skip


def test_a_lapse_that_is_over_says_how_long_it_was():
    message = told([proof(1, 3), lapse(8), lapse(9, to="12:10")], CANARY)
    assert message.id == "tiny/entry/8"
    over = f"It is over at {HERE}: the champion answered everybody for 312.0 s (1,204 requests)."
    assert over in text(message)
    assert "version 2 answering 5% beside it" in text(message)


def test_a_breaker_says_its_figures_where_it_tripped_and_that_the_next_tick_rolls_back():
    message = told([proof(1, 3), CUT], CANARY)
    assert title(message) == "tiny: canary cut off, it failed or stalled"
    said = text(message)
    assert "it failed in 5 of its last 6 answers [breaker 5, limit 5, n = 6]" in said
    assert f"version 2 answering 5% (nobody at {HERE}) beside it" in said
    assert "The next tick rolls the release back everywhere" in said
    assert "sixgates tick" in commands(message)


@pytest.mark.parametrize("cause", [lapse(8), CUT])
def test_what_happened_to_a_canary_that_is_gone_says_that_the_model_moved_on(cause):
    routes = [*CANARY, route(4, Step.ROLLED_BACK)]
    known = Background("p", tiny_project(), routes, [cause], None, at(5))
    message = message_of(news([cause], [])[0], known)
    assert message.following == ("Meanwhile the model has moved on: rolled back.",)
    assert "alone" in text(message)
    assert commands(message) == ["sixgates status", "sixgates history"]


ASKED = entry(
    8, Kind.ASKED,
    {"epoch": 3, "version": "2", "digest": "b" * 64, "until": at(8).isoformat(),
     "verdict": Verdict.of(Gate.CANARY, [
         Check("loss", Outcome.PASS, 0.01, 0.02, 90, "loss: not worse")]).to_dict()},
    reason="version 2 passed gate 5 and waits for a person",
)  # fmt: skip
OVERRIDE = entry(
    8, Kind.APPROVED, {"epoch": 3, "version": "2", "digest": "b" * 64, "override": "fraud"}
)


def test_a_question_shows_the_evidence_the_deadline_and_both_answers():
    message = told([proof(1, 3), ASKED], CANARY)
    assert message.headline == "version 2 waits for approval"
    assert [c.name for c in message.checks] == ["loss"]
    ends = "Without an approval by 2026-01-13 12:00 UTC, in 3 days, it expires and the champion"
    assert any(line.startswith(ends) for line in message.following)
    commands = [choice.command.split()[:2] for choice in message.choices]
    assert commands[:2] == [["sixgates", "approve"], ["sixgates", "reject"]]


def test_what_nobody_approved_is_not_told_as_a_lack_of_evidence():
    message = told([ASKED], [*CANARY, route(4, Step.EXPIRED)])
    assert message.headline == "version 2 expired without approval"
    assert "nobody approved it in time" in text(message)


@pytest.mark.parametrize(
    ("step", "endless"),
    [(Step.SHADOW, {"canary": {"deadline": timedelta.max}}),
     (Step.ROLLED_BACK, {"governor": {"hold": timedelta.max}})],
)  # fmt: skip
def test_a_time_without_end_is_told_too(step, endless):
    policies = Policies.with_margin(0.01, **endless)
    routes = [*CANARY[:1], route(2, step, V1, BESIDE if step is Step.SHADOW else None)]
    message = told([], routes, project=tiny_project(policies=policies))
    assert any("9999-12-31 23:59 UTC" in line for line in message.following)


def test_a_promotion_by_override_does_not_claim_that_the_gate_passed():
    message = told([OVERRIDE], PROMOTED)
    assert message.headline == "version 2 promoted by override"
    assert "passed" not in message.happened[0]


def test_a_rejection_names_who_and_why():
    said = route(4, Step.ROLLED_BACK, actor="by ann", reason="rejected: looks odd")
    message = told([ASKED], [*CANARY, said])
    assert message.headline == "rolled back by ann to version 1"
    assert "The reason: rejected: looks odd." in text(message)


def test_a_release_that_made_way_says_so():
    message = told([], [*CANARY, route(4, Step.SUPERSEDED, reason="superseded by run r9")])
    assert message.headline == "version 2 superseded by a newer run"
    assert "superseded by run r9" in text(message).lower()


def test_what_the_ledger_could_not_take_is_told_all_the_same():
    message = unrecorded("p", "retrain/1", "retrain broke: the disk is full", T)
    assert message.headline == "run broke down, and the ledger did not take it"
    assert "Retrain broke: the disk is full." in text(message)


def test_every_command_that_is_offered_exists_with_its_options():
    answers = [{"ending": e, "alert": 7, "until": u, "data": "d"}
               for e in ("refused at compare", "busy", "held", "broken")
               for u in (None, at(6).isoformat())]  # fmt: skip
    messages = [told([proof(1, 3), entry(9, Kind.ANSWER, body)], CANARY) for body in answers]
    ends = [route(5, s, V2) for s in (Step.CONFIRMED, Step.ROLLED_BACK, Step.EXPIRED)]
    for walk in (CANARY[:1], CANARY[:2], PROMOTED, *([*PROMOTED, end] for end in ends)):
        messages += [told([], walk), told([proof(9, 4, proved=False, reason="x")], walk)]
    messages += [unrecorded("p", "x", "y", T), told([proof(1, 3), ASKED], CANARY)]
    messages += [told([proof(1, 3), cause], CANARY) for cause in (lapse(8), CUT)]
    for choice in (c for message in messages for c in message.choices):
        program, name, *words = shlex.split(choice.command)
        known = {option for p in COMMANDS[name].params for option in p.opts}
        assert program == "sixgates"
        assert {w for w in words if w.startswith("--")} <= known, choice.command

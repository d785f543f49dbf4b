"""What the page says: from what the gateway and the ledger hold to one document."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sixgates.gates.decision import Move
from sixgates.gates.records import Arm
from sixgates.gates.verdict import Outcome
from sixgates.gateway.page.document import Reading, Tone, document
from sixgates.gateway.page.record import SHOWN, Reader, Record
from sixgates.gateway.page.serving import Here
from sixgates.gateway.page.stages import Time
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.release import next_route
from tests.gates.releases import evidence, in_shadow
from tests.gateway.story import GROWING, HARMFUL, MODEL, QUIET, WATCHED, Story, now


@pytest.fixture
def story(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/ledger.db")
    yield Story(ledger, "a" * 64, "b" * 64)
    ledger.close()


def here(route, **changes):
    """What a gateway says that follows the ledger."""
    if route is None:
        nothing = "no model of churn is served: the ledger has no route yet"
        return Here(MODEL, None, nothing=nothing)
    share = route.beside.share if route.beside else 0.0
    return replace(Here(MODEL, route, share=share), **changes)


def told(story, *, later=timedelta(), silence="", **changes):
    """The document of a gateway that follows the ledger."""
    record = Reader(story.ledger, MODEL).read()
    said = changes.pop("here", None) or here(story.route(), **changes)
    return document(said, Reading(record, now(), silence), now() + later)


def in_canary(story):
    story.first_model()
    story.shadow()
    story.canary(until=0.05)
    story.tick(GROWING)


def asked(story):
    route = story.route()
    until = (now() + timedelta(days=3)).isoformat()
    story.note(Kind.ASKED, "gate 5 passed", epoch=route.epoch, version="2",
               digest=route.beside.version.digest, until=until)  # fmt: skip


def test_before_the_first_model_everything_says_so(story):
    page = told(story)
    assert (page.headline, page.tone) == ("Nothing is served.", Tone.CARE)
    assert page.troubles == ("No model of churn is served: the ledger has no route yet.",)
    assert page.following.sentence == "The first model that passes the gates is served at once."
    assert (page.serving, page.stages, page.evidence, page.events) == (None, (), None, ())


def begin(story, run):
    story.ledger.take(f"run:{MODEL}", in_this_process(run), 60.0)
    story.ledger.append(MODEL, Kind.RUN, at=now(), reason="by hand", release=run, body={})


def end(story, run):
    story.ledger.give_back(f"run:{MODEL}", in_this_process(run))


def test_a_run_that_is_under_way_is_what_happens_next(story):
    begin(story, "r1")
    assert told(story).following.sentence.startswith("A run is under way since 2")
    story.first_model()
    end(story, "r1")
    begin(story, "r2")
    story.note(Kind.ANSWER, "run r2 is under way", ending="busy")  # to another one
    assert told(story).following.sentence.startswith("A run is under way since 2")
    body = {"ending": "refused at compare"}
    story.ledger.append(MODEL, Kind.ANSWER, at=now(), reason="worse", release="r2", body=body)
    page = told(story)
    assert page.following.sentence.startswith("The next run begins by schedule")
    assert (page.events[0].what, page.events[0].sign) == ("run ended: refused at compare", "care")


def test_a_run_whose_process_died_is_not_said_to_be_under_way(story):
    story.first_model()
    begin(story, "r2")
    end(story, "r2")
    sentence = told(story).following.sentence
    assert sentence.startswith("The run that began 2")
    assert sentence.endswith(
        "was left without an answer: the next one goes on with it, or ends it."
    )


def refuse(story, run):
    story.ledger.append(MODEL, Kind.RUN, at=now(), reason="schedule", release=run, body={})
    body = {"ending": "refused at compare"}
    story.ledger.append(MODEL, Kind.ANSWER, at=now(), reason="worse", release=run, body=body)


def test_after_refusals_no_run_is_promised_that_the_governor_may_keep_back(story):
    story.first_model()
    refuse(story, "r2")
    refuse(story, "r3")
    assert told(story).following.sentence == (
        "The next run begins by schedule, by an alert of the watch, or by hand. Those that begin by"
        " themselves may pause after refusals, such as the newest: sixgates status --project churn"
        " says until when, and sixgates acknowledge ends it."
    )
    story.note(Kind.ACKNOWLEDGED, "a bad join, mended", "ann (token)", epoch=1)
    assert told(story).following.sentence.endswith("of the watch, or by hand.")


def test_a_challenger_that_expired_counts_as_a_refusal(story):
    in_canary(story)
    expired = next_route(
        story.route(), Move.EXPIRE, shares=(), holdback=0.05, at=now(), actor="sixgates",
        reason="the deadline passed",
    )  # fmt: skip
    story.ledger.append_route(expired)
    assert "may pause after refusals" in told(story).following.sentence
    story.note(Kind.ACKNOWLEDGED, "too little traffic", "ann (token)", epoch=expired.epoch)
    assert told(story).following.sentence.endswith("of the watch, or by hand.")


def test_while_the_governor_puts_runs_off_its_own_words_say_what_happens(story):
    story.first_model()
    refuse(story, "r2")
    reason = "1 challengers of churn in a row were refused: no automatic run before Friday"
    until = now() + timedelta(days=3)
    body = {"trigger": "schedule", "alert": None, "ending": "held", "until": until.isoformat()}
    story.note(Kind.ANSWER, reason, **body)
    story.note(Kind.ALERT, "the inputs moved")
    assert told(story).following.sentence == f"{reason}."
    later = told(story, later=timedelta(days=4)).following.sentence
    assert later.startswith("The next run begins by schedule")
    story.note(Kind.ACKNOWLEDGED, "a bad join, mended", "ann (token)", epoch=1)
    assert told(story).following.sentence.startswith("The next run begins by schedule")


def test_a_champion_alone_needs_nobody(story):
    story.first_model()
    page = told(story)
    assert (page.headline, page.tone, page.troubles) == ("Version 1 serves everybody.", "fine", ())
    serving = page.serving
    assert (serving.champion, serving.digest, serving.epoch) == ("1", "a" * 12, 1)
    assert abs(serving.since - now()) < timedelta(minutes=1)
    assert (serving.beside, serving.part, serving.lease) == ("", "", "")
    assert [(s.name, s.time, s.share) for s in page.stages] == [("first model", Time.NOW, 1.0)]
    assert page.evidence is None


def test_a_shadow_shows_what_it_needs_and_the_shares_ahead(story):
    story.first_model()
    story.shadow()
    assert told(story).following.sentence == "The next tick judges it."
    story.tick(in_shadow(pair_means=in_shadow().pair_means[:2]))
    page = told(story)
    assert page.headline == "Version 1 serves everybody; version 2 is tried in shadow."
    assert page.serving.part == "shadow: scores every request, answers none"
    assert page.following.sentence == (
        "Gate 5, canary, gathers what it still needs, then it goes to 1%."
        " Harm rolls it back at the next tick, or freezes its share where the project says so."
    )
    assert page.following.needs[0].startswith("loss: not enough evidence yet (n = 2 periods")
    assert page.following.needs[-1].startswith("2 of 3 matured shadow periods, some 1 day")
    assert [(s.name, s.share, s.time) for s in page.stages] == [
        ("shadow", 0.0, "now"), ("canary", 0.01, "ahead"), ("canary", 0.05, "ahead"),
        ("canary", 0.25, "ahead"), ("canary", 0.5, "ahead"), ("promoted", None, "ahead"),
        ("confirmed", 1.0, "ahead"),
    ]  # fmt: skip


def test_a_canary_shows_its_share_its_lease_and_the_way_so_far(story):
    in_canary(story)
    page = told(story)
    assert page.headline == "Version 1 serves; version 2 is tried on 5%."
    assert (page.serving.beside, page.serving.share) == ("2", 0.05)
    assert page.serving.part == "canary: answers 5% and shadows the rest"
    assert page.serving.lease == "renewed by a tick, lasts 5 min more"
    assert [(s.name, s.share, s.time) for s in page.stages[:4]] == [
        ("shadow", 0.0, "past"), ("canary", 0.01, "past"), ("canary", 0.05, "now"),
        ("canary", 0.25, "ahead"),
    ]  # fmt: skip
    shadow, first, present, ahead = page.stages[:4]
    assert shadow.began < shadow.ended == first.began < first.ended == present.began
    assert (present.ended, ahead.began) == (None, None)


def test_the_evidence_is_that_of_the_newest_tick_though_the_record_holds_an_earlier_one(story):
    in_canary(story)
    before = told(story).evidence
    story.tick(replace(GROWING, stage_requests=17), on_record=False)
    shown = told(story).evidence
    assert shown.judged > before.judged
    assert (shown.gate, shown.outcome) == ("Gate 5, canary", Outcome.INCONCLUSIVE)
    assert (shown.earlier, shown.ended) == (False, False)
    (stage,) = shown.progress
    assert (stage.seen, stage.needed) == (17.0, 20.0)
    assert stage.sentence.startswith("17 of 20 canary requests at 5%, some")


def test_the_picture_holds_both_thresholds_of_every_quantity(story):
    in_canary(story)
    shown = told(story).evidence
    bars = {bar.name: bar for bar in shown.bars}
    assert list(bars) == [
        "harm, the mean", "loss", "server errors", "slow answers", "predictions", "early errors",
    ]  # fmt: skip
    mean, loss, early = bars["harm, the mean"], bars["loss"], bars["early errors"]
    assert (mean.promote_at, mean.rollback_at) == (None, pytest.approx(20))
    assert (loss.promote_at, loss.rollback_at) == (pytest.approx(20), pytest.approx(120))
    assert loss.promote > 20 > mean.rollback
    assert early.promote_at is None
    assert loss.said.startswith("loss: for a rollback 0.")
    assert "of 120, for a promotion" in loss.said
    assert "(1/alpha = 20)" in shown.legend
    assert "(1/beta = 20)" in shown.legend
    lines = {line.name: line for line in shown.lines}
    assert lines["server errors"].sentence.startswith("server errors: not enough evidence yet")
    assert (lines["loss"].required, lines["complete log"].promote) == ("0.01", "")


def test_without_a_tick_on_hand_the_verdict_on_record_stands_in(story):
    in_canary(story)
    with story.ledger._engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM judgements")
    page = told(story)
    assert page.evidence.outcome is Outcome.INCONCLUSIVE
    assert page.following.needs
    assert [s.name for s in page.stages if s.time is Time.AHEAD] == ["promoted", "confirmed"]


def test_a_verdict_from_before_e_values_were_kept_has_no_picture_and_all_its_lines(story):
    in_canary(story)
    verdict = story.tick(GROWING).verdict
    checks = [{k: v for k, v in check.items() if k != "e_values"}
              for check in verdict.to_dict()["checks"]]  # fmt: skip
    body = {**verdict.to_dict(), "checks": checks, "epoch": story.route().epoch, "move": "hold"}
    story.note(Kind.VERDICT, verdict.reason, **body)
    shown = told(story).evidence
    assert shown.bars == ()
    assert len(shown.lines) == len(verdict.checks)


def test_the_evidence_of_an_earlier_release_is_not_that_of_this_one(story):
    in_canary(story)
    story.put_back()
    story.shadow("churn-r3")
    assert told(story).evidence is None


def test_evidence_of_the_stage_before_is_marked_until_the_next_tick(story):
    in_canary(story)
    story.tick(evidence(stage_requests=40))
    page = told(story)
    assert (page.serving.share, page.evidence.earlier) == (0.25, True)
    assert page.following.sentence == "The next tick judges it."


def test_a_canary_that_was_cut_off_is_said_and_what_follows(story):
    in_canary(story)
    reason = "it failed in 5 of its last 5 answers"
    trouble = f"the canary is cut off until the next tick: {reason}"
    page = told(story, share=0.0, cut=reason, troubles=(trouble,))
    assert page.headline == "Version 1 serves everybody; version 2 is held back."
    assert page.troubles == (f"The canary is cut off until the next tick: {reason}.",)
    assert page.following.sentence == "The next tick rolls the release back everywhere."
    assert page.serving.part == f"cut off here until the next tick: {reason}"
    assert page.tone is Tone.CARE
    # Another gateway's breaker ends the release too.
    story.note(Kind.BREAKER, f"the canary was cut off: {reason}", epoch=story.route().epoch)
    page = told(story)
    assert page.following.sentence == "The next tick rolls the release back everywhere."
    assert (page.events[0].what, page.events[0].sign) == ("canary cut off", "bad")


def test_a_lapse_is_said_and_when_the_share_comes_back(story):
    in_canary(story)
    story.tick(GROWING, lease=-1, on_record=False)
    page = told(story, share=0.0, lapsed=True, troubles=("no tick renewed the canary's lease",))
    assert page.serving.part == "held back in shadow: its lease ran out (5% once renewed)"
    assert page.serving.lease == "run out: the champion answers everybody until a tick renews it"
    assert page.following.sentence.startswith("The share comes back within seconds")
    assert page.following.needs


def test_a_rollback_is_said_with_its_reason_until_a_person_acknowledges_it(story):
    in_canary(story)
    story.tick(HARMFUL)
    page = told(story)
    assert page.headline == "Version 1 serves everybody."
    (trouble,) = page.troubles
    assert trouble.startswith("Version 2 was rolled back: worse than the champion: loss differs")
    assert page.following.sentence.startswith("No run begins by itself until a person")
    assert [(s.name, s.time) for s in page.stages][-1] == ("rolled back", Time.NOW)
    assert (page.evidence.outcome, page.evidence.ended) == (Outcome.FAIL, True)
    assert page.evidence.bars[0].rollback > page.evidence.bars[0].rollback_at
    assert {e.what for e in page.events[:2]} == {"version 2 rolled back", "gate 5, canary: FAIL"}
    story.note(Kind.ACKNOWLEDGED, "seen", "ann (token)", epoch=story.route().epoch)
    page = told(story)
    assert (page.troubles, page.tone) == ((), Tone.FINE)
    assert page.following.sentence.startswith("The next run begins by schedule")
    assert (page.events[0].what, page.events[0].actor) == ("acknowledged", "ann (token)")


def test_a_promotion_is_watched_and_then_confirmed(story):
    story.first_model()
    story.shadow()
    story.promoted()
    story.tick(WATCHED)
    page = told(story)
    assert page.headline == "Version 2 serves; version 1, the former one, keeps 5%."
    assert page.following.sentence == (
        "Gate 6, monitor, gathers what it still needs, then it is confirmed."
        " Harm puts the former champion back at the next tick."
    )
    assert page.following.needs == ("3 of 7 matured periods watched",)
    assert [(s.name, s.share, s.time) for s in page.stages[-2:]] == [
        ("promoted", 0.95, "now"), ("confirmed", 1.0, "ahead"),
    ]  # fmt: skip
    assert [bar.name for bar in page.evidence.bars] == ["service", "regression"]
    assert {bar.promote_at for bar in page.evidence.bars} == {None}
    assert page.serving.lease == ""
    story.tick(QUIET)
    page = told(story)
    assert page.headline == "Version 2 serves everybody."
    assert page.stages[-1].name == "confirmed"
    assert (page.tone, page.evidence.ended) == (Tone.FINE, True)


def test_a_champion_serves_since_its_own_reign_began(story):
    in_canary(story)
    began = Reader(story.ledger, MODEL).read().routes[0].recorded
    assert told(story).serving.since == began
    story.tick(HARMFUL)
    assert told(story).serving.since == began


def test_a_question_to_a_person_is_what_happens_next(story):
    in_canary(story)
    asked(story)
    page = told(story)
    assert page.following.sentence.startswith("Version 2 waits for a person to approve or reject")
    assert (page.following.waits, page.tone) == (True, Tone.CARE)
    epoch = story.route().epoch
    story.note(Kind.APPROVED, "good", "ann (token)", epoch=epoch, override="")
    page = told(story)
    assert (page.following.waits, page.events[0].what) == (False, "approved")


def test_a_line_that_is_stopped_is_said_with_who_and_why(story):
    in_canary(story)
    story.note(Kind.STOPPED, "holiday", "ann (token)")
    page = told(story)
    assert page.troubles == ("The line is stopped by ann (token): holiday.",)
    assert page.following.sentence.startswith("Nothing moves up until a person lets the line run")
    story.note(Kind.RESUMED, "back", "ann (token)")
    assert told(story).troubles == ()


def test_a_line_that_is_stopped_promises_no_run(story):
    story.first_model()
    story.note(Kind.STOPPED, "holiday", "ann (token)")
    following = told(story).following
    assert following.sentence == "No run begins until a person lets the line run again."
    assert following.waits
    story.note(Kind.RESUMED, "back", "ann (token)")
    assert told(story).following.sentence.startswith("The next run begins by schedule")


def test_what_the_governor_held_is_said(story):
    in_canary(story)
    decision = story.judge(evidence(stage_requests=40))
    body = {"epoch": story.route().epoch, "move": decision.move, "held": "frozen", "until": None}
    story.note(Kind.HELD, "held: a freeze until Mon 08:00. The gate would advance", **body)
    sentence = "Held: a freeze until Mon 08:00. The gate would advance."
    assert told(story).following.sentence == sentence


def test_harm_that_only_freezes_asks_for_a_person(story):
    in_canary(story)
    decision = story.judge(HARMFUL)
    frozen = replace(decision, move="hold", reason="frozen at 5%, a person must decide: harm")
    story.ledger.judge(story.route(), now(), frozen, ())
    page = told(story)
    assert page.troubles == ("Frozen at 5%, a person must decide: harm.",)
    assert page.following.sentence == (
        "It stays at its share until a person decides; past its deadline it expires, and harm"
        " beyond doubt rolls it back."
    )
    assert page.following.waits


@pytest.mark.parametrize(
    ("later", "lease", "said"),
    [(timedelta(minutes=9), 300.0, False), (timedelta(minutes=11), 300.0, True),
     (timedelta(hours=1), 7200.0, False), (timedelta(hours=3), 7200.0, True)],
)  # fmt: skip
def test_an_open_release_that_no_tick_judges_is_said(story, later, lease, said):
    in_canary(story)
    story.tick(GROWING, lease=lease, on_record=False)
    troubles = told(story, later=later).troubles
    assert any("No tick has judged the release for" in trouble for trouble in troubles) is said


def test_a_gateway_that_does_not_follow_says_so(story):
    story.first_model()
    old = story.route()
    story.shadow()
    page = told(story, here=here(old), later=timedelta(minutes=1))
    assert "This gateway serves epoch 1, the ledger is at 2." in page.troubles
    assert page.headline == "Version 1 serves everybody."
    assert told(story, here=here(old)).troubles == ()  # it has not had the time to


def test_a_challenger_that_could_not_be_loaded_is_not_said_to_be_tried(story):
    in_canary(story)
    page = told(story, loaded=False, share=0.0)
    assert page.headline == "Version 1 serves everybody."
    assert page.serving.part == "not loaded here: it takes no traffic"


def test_a_route_without_a_model_to_answer_with_is_the_worst(story):
    story.first_model()
    page = told(story, here=Here(MODEL, None, nothing="no model of churn is served: torn"))
    assert (page.headline, page.tone) == ("Nothing is served.", Tone.WRONG)


@pytest.mark.parametrize(("proved", "trouble"), [(False, ["http://g did not answer"]), (True, [])])
def test_a_rollback_that_is_not_proved_is_said(story, proved, trouble):
    in_canary(story)
    story.put_back()
    epoch = story.route().epoch
    story.note(Kind.PROOF, "http://g did not answer", epoch=epoch, proved=proved, trouble=trouble)
    said = "Not everything follows the ledger: http://g did not answer."
    assert (said in told(story).troubles) is not proved


def test_a_silent_ledger_is_said_and_what_was_known_is_kept(story):
    in_canary(story)
    page = told(story, silence="the ledger did not answer: locked")
    assert page.silent
    assert page.troubles[0].startswith("The ledger has not answered since ")
    assert page.troubles[0].endswith("is shown: the ledger did not answer: locked.")
    assert (page.headline, len(page.events) > 5) == (
        "Version 1 serves; version 2 is tried on 5%.", True,
    )  # fmt: skip


def test_a_ledger_that_never_answered_is_said_too():
    page = document(here(None), Reading(Record(), None, "locked"), now())
    assert page.troubles[0] == ("The ledger has not answered since this gateway started: locked.")


def test_the_last_events_come_newest_first_with_actor_and_reason(story):
    in_canary(story)
    for n in range(30):
        story.note(Kind.NOTICE, f"notice {n}", "watch")
    page = told(story)
    assert len(page.events) == SHOWN
    first = page.events[0]
    assert (first.what, first.why, first.actor) == ("notice", "notice 29", "watch")
    assert [e.why for e in page.events] == [f"notice {29 - n}" for n in range(SHOWN)]
    moments = [event.recorded for event in page.events]
    assert moments == sorted(moments, reverse=True)


def test_every_kind_of_event_has_words(story):
    in_canary(story)
    bodies = {
        Kind.ANSWER: {"ending": "released"}, Kind.LAPSE: {"epoch": 4, "to": None},
        Kind.APPROVED: {"epoch": 4, "override": "now"}, Kind.BREAKER: {"epoch": 4},
        Kind.VERDICT: {"gate": "compare", "outcome": "fail", "checks": []},
        Kind.ASKED: {"epoch": 9}, Kind.HELD: {"epoch": 9}, Kind.ACKNOWLEDGED: {"epoch": 1},
        Kind.RUN: {}, Kind.ALERT: {}, Kind.STOPPED: {}, Kind.RESUMED: {}, Kind.RECOVERED: {},
        Kind.NOTICE: {}, Kind.UNLOGGED: {"epoch": 4, "answers": 2},
    }  # fmt: skip
    unseen = {Kind.RELEASE, Kind.INTENT, Kind.CLOSED, Kind.PROOF, Kind.NOTIFICATION}
    assert set(bodies) == set(Kind) - unseen
    for kind, body in bodies.items():
        story.note(kind, f"about {kind}", **body)
    words = {event.why.removeprefix("about "): event.what for event in told(story).events}
    assert words["verdict"] == "gate 4, compare: FAIL"
    assert words["lapse"] == "canary's lease ran out"
    assert words["approved"] == "overridden"
    assert words["unlogged"] == "answers not logged"
    assert set(bodies) <= set(words)


def test_the_arm_of_a_hold_back_is_not_taken_for_a_canary(story):
    story.first_model()
    story.shadow()
    story.promoted()
    assert story.route().beside.arm is Arm.HOLDBACK
    part = "hold-back: the former champion answers 5% and shadows the rest"
    assert told(story).serving.part == part

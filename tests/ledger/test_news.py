"""What is owed to whom, as a table over small records."""

from datetime import datetime, timedelta

import pytest

from sixgates.gates.records import Arm
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import ATTEMPTS, STALE, What, news, owed
from sixgates.ledger.route import Beside, Route, Step, Version

T = datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC
OLD, NEW = Version("1", "a" * 64), Version("2", "b" * 64)


def entry(seq, kind, body, *, minute=None, reason="because"):
    recorded = T + timedelta(minutes=seq if minute is None else minute)
    return Entry(seq, "loans", kind, "", T, recorded, "sixgates", reason, body)


def answer(seq, ending, **given):
    return entry(seq, Kind.ANSWER, {"alert": None, "ending": ending}, **given)


def proof(seq, epoch, *, proved=True, trouble=(), **given):
    body = {"epoch": epoch, "proved": proved, "trouble": list(trouble), "answers": []}
    return entry(seq, Kind.PROOF, body, **given)


def told(seq, outcome, *results, **given):
    channels = [{"channel": c, "sent": sent, "attempt": 1, "why": ""} for c, sent in results]
    body = {"outcome": outcome, "what": "x", "channels": channels}
    return entry(seq, Kind.NOTIFICATION, body, **given)


def route(epoch, step, beside=None):
    aside = Beside(beside, Arm.CANARY, 0.05) if beside else None
    return Route("loans", epoch, step, OLD, aside, "r1", T, "sixgates", "because")


def said(entries, routes=()):
    return [(one.id.removeprefix("loans/"), one.what) for one in news(entries, routes)]


@pytest.mark.parametrize(
    ("ending", "what"),
    [
        ("refused at validate", What.REFUSED),
        ("refused at compare", What.REFUSED),
        ("refused at canary", What.REFUSED),
        ("busy", What.BUSY),
        ("held", What.HELD),
        ("broken", What.BROKEN),
    ],
)
def test_a_run_that_led_to_nothing_is_news(ending, what):
    assert said([answer(7, ending)]) == [("entry/7", what)]


def test_a_run_that_opened_a_release_is_told_by_its_route():
    assert said([answer(1, "released")], [route(2, Step.SHADOW, NEW)]) == [
        ("route/2", What.OPENED)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("step", "what"),
    [
        (Step.COLD_START, What.COLD_START),
        (Step.SHADOW, What.OPENED),
        (Step.CANARY, None),
        (Step.PROMOTED, What.PROMOTED),
        (Step.CONFIRMED, What.CONFIRMED),
        (Step.ROLLED_BACK, What.ROLLED_BACK),
        (Step.EXPIRED, What.EXPIRED),
    ],
)
def test_every_end_of_a_route_is_news_and_a_larger_share_is_not(step, what):
    assert said([], [route(3, step)]) == ([("route/3", what)] if what else [])


@pytest.mark.parametrize("kind", [Kind.NOTICE, Kind.HELD])
def test_notices_and_held_releases_are_news(kind):
    assert [what for _, what in said([entry(1, kind, {})])] == [What(kind)]


@pytest.mark.parametrize(
    "kind", [Kind.ALERT, Kind.RUN, Kind.VERDICT, Kind.RELEASE, Kind.NOTIFICATION]
)
def test_what_ends_nothing_is_no_news(kind):
    body = {"outcome": "loans/route/1", "channels": []}
    assert said([entry(1, kind, body)]) == []


def lapse(seq, lease, *, to=None, epoch=3, **given):
    return entry(seq, Kind.LAPSE, {"epoch": epoch, "lease": lease, "to": to}, **given)


def test_a_lapse_is_told_once_however_many_gateways_begin_it_and_end_it():
    entries = [
        lapse(1, "12:00"), lapse(2, "12:00"), lapse(3, "12:00", to="12:05"),
        lapse(4, "12:00", to="12:05"), lapse(5, "12:30"), lapse(6, "12:30", epoch=4),
    ]  # fmt: skip
    assert said(entries) == [(f"entry/{n}", What.LAPSE) for n in (1, 5, 6)]
    debts = owed([*entries, told(7, "loans/entry/1", SENT)], [], ["mail"], T)
    assert [d.news.id for d in debts] == ["loans/entry/5", "loans/entry/6"]


def test_lapses_from_before_they_had_names_are_told_each():
    old = [entry(n, Kind.LAPSE, {"epoch": 3, "from": "a", "to": "b"}) for n in (1, 2)]
    assert said(old) == [("entry/1", What.LAPSE), ("entry/2", What.LAPSE)]


def test_a_breaker_is_told_once_an_epoch_and_before_the_rollback_that_follows():
    cut = [entry(n, Kind.BREAKER, {"epoch": 3, "reason": "it failed"}) for n in (1, 2)]
    routes = [route(3, Step.CANARY, NEW), route(4, Step.ROLLED_BACK)]
    assert said([*cut, proof(3, 4)], routes) == [
        ("entry/1", What.BREAKER), ("route/4", What.ROLLED_BACK),
    ]  # fmt: skip


def test_trouble_is_told_once_until_it_is_over():
    away = {"proved": False, "trouble": ["MLflow did not answer"], "reason": "MLflow away"}
    entries = [proof(1, 2, **away), proof(2, 2, **away), proof(3, 3, **away), proof(4, 3)]
    again = [proof(5, 3), proof(6, 3, **away)]
    assert said(entries + again, [route(2, Step.CANARY), route(3, Step.CANARY)]) == [
        ("entry/1", What.UNREACHED), ("entry/4", What.RESTORED), ("entry/6", What.UNREACHED),
    ]  # fmt: skip


def test_a_rollback_without_proof_is_told_besides_the_trouble_before_it():
    away = {"proved": False, "trouble": ["no gateway"], "reason": "no gateway"}
    routes = [route(2, Step.CANARY), route(3, Step.ROLLED_BACK)]
    assert said([proof(1, 2, **away), proof(2, 3, **away), proof(3, 3, **away)], routes) == [
        ("entry/1", What.UNREACHED), ("route/3", What.ROLLED_BACK), ("entry/2", What.UNPROVED),
    ]  # fmt: skip


def test_a_first_model_without_a_gateway_yet_is_no_trouble():
    routes = [route(1, Step.COLD_START)]
    assert said([proof(1, 1, proved=False), proof(2, 1)], routes) == [
        ("route/1", What.COLD_START)
    ]  # fmt: skip
    lost = proof(1, 1, proved=False, trouble=["MLflow did not answer"])
    assert said([lost], routes)[1:] == [("entry/1", What.UNREACHED)]


def test_news_comes_in_the_order_it_was_recorded():
    entries = [answer(1, "busy"), proof(4, 1), answer(6, "broken"), proof(8, 3)]
    routes = [route(1, Step.COLD_START), route(2, Step.SHADOW), route(3, Step.EXPIRED)]
    assert [name for name, _ in said(entries, routes)] == [
        "entry/1", "route/1", "entry/6", "route/2", "route/3",
    ]  # fmt: skip


REFUSED = answer(3, "refused at compare")
AWAY, SENT = ("mail", False), ("mail", True)


@pytest.mark.parametrize(
    ("records", "due"),
    [
        ([], {"mail": 1, "chat": 1}),
        ([told(4, "loans/entry/3", SENT, ("chat", True))], {}),
        ([told(4, "loans/entry/3", SENT, ("chat", False))], {"chat": 2}),
        ([told(4, "loans/entry/3", SENT)], {"chat": 1}),
        ([told(4, "loans/entry/3", AWAY), told(5, "loans/entry/3", SENT)], {"chat": 1}),
        ([told(4, "loans/entry/2", SENT)], {"mail": 1, "chat": 1}),
        ([told(4 + n, "loans/entry/3", AWAY) for n in range(ATTEMPTS - 1)],
         {"mail": ATTEMPTS, "chat": 1}),
        ([told(4 + n, "loans/entry/3", AWAY) for n in range(ATTEMPTS)], {"chat": 1}),
        ([told(4 + n, "loans/entry/3", AWAY, ("chat", True)) for n in range(ATTEMPTS)], {}),
    ],
)  # fmt: skip
def test_each_channel_is_owed_each_outcome_once_and_tried_so_many_times(records, due):
    debts = owed([REFUSED, *records], [], ["mail", "chat"], T + timedelta(hours=40))
    assert [(d.news.id, d.attempts) for d in debts] == ([("loans/entry/3", due)] if due else [])


def test_a_channel_that_is_away_for_a_night_is_tried_again_and_again_and_told_in_the_morning():
    """Looked at each minute: two attempts at once, then less and less often."""
    records, minutes = [REFUSED], []
    for minute in range(2 * 24 * 60 - 1):
        now = T + timedelta(minutes=minute)
        if owed(records, [], ["mail"], now):
            minutes.append(minute)
            records.append(told(4 + minute, "loans/entry/3", AWAY, minute=minute))
    assert minutes == [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert len(minutes) == ATTEMPTS


def test_a_pause_keeps_no_other_outcome_waiting_and_nobody_who_asks():
    later = answer(9, "broken")
    records = [REFUSED, *(told(4 + n, "loans/entry/3", AWAY) for n in range(5)), later]
    now = T + timedelta(minutes=9)
    assert [(d.news.cause.seq, d.attempts) for d in owed(records, [], ["mail"], now)] == [
        (9, {"mail": 1}),
    ]  # fmt: skip
    assert [
        (d.news.cause.seq, d.attempts) for d in owed(records, [], ["mail"], now, at_once=True)
    ] == [(3, {"mail": 6}), (9, {"mail": 1})]


def test_a_channel_that_is_gone_is_owed_nothing():
    assert owed([REFUSED], [], [], T) == []


def test_old_news_is_left_to_the_history():
    at = REFUSED.recorded + STALE
    assert len(owed([REFUSED], [], ["mail"], at)) == 1
    assert owed([REFUSED], [], ["mail"], at + timedelta(seconds=1)) == []


def test_a_route_is_as_old_as_the_first_proof_after_it_and_new_before():
    routes = [route(1, Step.COLD_START), route(2, Step.SHADOW, NEW)]
    later = T + STALE + timedelta(minutes=3)
    assert [d.news.id for d in owed([proof(2, 1)], routes, ["mail"], later)] == ["loans/route/2"]
    assert owed([proof(2, 2)], routes, ["mail"], later) == []


def test_a_clock_that_jumps_back_hides_nothing():
    assert len(owed([REFUSED], [], ["mail"], T - timedelta(hours=1))) == 1

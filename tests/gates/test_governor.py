from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgates.gates.decision import Move
from sixgates.gates.governor import (
    UPWARDS,
    Allowed,
    Brake,
    Event,
    Refused,
    Standing,
    brakes,
    may_begin,
    may_move_up,
    may_open,
)
from sixgates.gates.policy import GovernorPolicy

NOW = datetime(2026, 1, 7, 12)  # noqa: DTZ001 - event time is naive UTC; a Wednesday
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
POLICY = GovernorPolicy()
FROZEN = GovernorPolicy(freeze=("Wed - Wed",))
STOPPED = Event(NOW - DAY, "ann: the feed is broken")
ROLLED_BACK = Event(NOW - HOUR, "it did harm")


def standing(**given):
    return Standing("loans", **given)


def ago(*hours):
    return tuple(NOW - HOUR * h for h in sorted(hours, reverse=True))


@pytest.mark.parametrize(
    ("given", "policy", "brake", "until"),
    [
        ({"rolled_back": ROLLED_BACK}, POLICY, Brake.HOLD, NOW + 23 * HOUR),
        ({"begun": ago(0.5)}, POLICY, Brake.COOLDOWN, NOW + 0.5 * HOUR),
        ({"begun": ago(2, 3, 4, 5, 6, 23)}, POLICY, Brake.BUDGET, NOW + HOUR),
        ({"begun": ago(2, 3, 4, 5, 6, 7, 8)}, POLICY, Brake.BUDGET, NOW + 17 * HOUR),
        ({"refused": ago(1, 2, 3, 4, 5)}, POLICY, Brake.BREAKER, NOW + 71 * HOUR),
        ({}, FROZEN, Brake.FREEZE, datetime(2026, 1, 8)),  # noqa: DTZ001
        ({"stopped": STOPPED}, POLICY, Brake.STOP, None),
    ],
)
def test_each_brake_says_until_when_it_holds_an_automatic_run(given, policy, brake, until):
    (on,) = brakes(standing(**given), policy, NOW)
    assert (on.brake, on.until) == (brake, until)
    refused = may_begin(standing(**given), policy, NOW, trigger="drift")
    assert refused == Refused(on.reason, until)
    if until is not None:
        almost = until - timedelta(microseconds=1)
        assert isinstance(may_begin(standing(**given), policy, almost, trigger="drift"), Refused)
        assert may_begin(standing(**given), policy, until, trigger="drift") == Allowed()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"rolled_back": Event(NOW - DAY, "it did harm")},
        {"begun": ago(1)},
        {"begun": ago(2, 3, 4, 5, 6)},
        {"begun": ago(2, 3, 4, 5, 6, 24)},
        {"refused": ago(1, 2, 3, 4)},
        {"refused": ago(72, 73, 74, 75, 76)},
    ],
)
def test_below_its_limit_no_brake_is_on(given):
    assert brakes(standing(**given), POLICY, NOW) == ()
    assert may_begin(standing(**given), POLICY, NOW, trigger="schedule") == Allowed()


ALL = standing(
    rolled_back=ROLLED_BACK, begun=ago(0.5, 1, 2, 3, 4, 5), refused=ago(1, 2, 3, 4, 5)
)  # fmt: skip


@pytest.mark.parametrize("trigger", ["by hand", "six-gates"])
def test_a_person_is_not_bound_by_hold_cooldown_budget_and_breaker_and_it_is_said(trigger):
    allowed = may_begin(ALL, POLICY, NOW, trigger=trigger)
    assert [on.brake for on in allowed.overridden] == [
        Brake.HOLD, Brake.BREAKER, Brake.COOLDOWN, Brake.BUDGET,
    ]  # fmt: skip
    assert isinstance(may_begin(ALL, POLICY, NOW, trigger="drift"), Refused)


def test_a_person_needs_a_reason_to_run_in_a_freeze():
    for nothing in ("", "  "):
        refused = may_begin(standing(), FROZEN, NOW, trigger="by hand", override=nothing)
        assert "--override REASON" in refused.reason
    allowed = may_begin(standing(), FROZEN, NOW, trigger="by hand", override="fraud wave")
    assert [on.brake for on in allowed.overridden] == [Brake.FREEZE]


def test_an_override_is_not_for_machines():
    refused = may_begin(standing(), FROZEN, NOW, trigger="schedule", override="I want to")
    assert isinstance(refused, Refused)


def test_a_stopped_line_binds_a_person_too_and_says_how_to_resume():
    refused = may_begin(
        standing(stopped=STOPPED), FROZEN, NOW, trigger="by hand", override="please"
    )
    assert refused.until is None
    assert "sixgates resume --project loans" in refused.reason
    assert "ann: the feed is broken" in refused.reason


def test_a_refusal_lasts_until_no_brake_is_left():
    # The hold ends on Thursday at 11:00, inside the freeze; the freeze ends on Friday.
    policy = GovernorPolicy(freeze=("Thu 10:00 - Thu",))
    refused = may_begin(standing(rolled_back=ROLLED_BACK), policy, NOW, trigger="drift")
    assert refused.until == datetime(2026, 1, 9)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("given", "policy", "trigger", "refused"),
    [
        ({}, POLICY, "drift", False),
        ({"stopped": STOPPED}, POLICY, "drift", True),
        ({"stopped": STOPPED}, POLICY, "by hand", True),
        ({}, FROZEN, "drift", True),
        ({}, FROZEN, "by hand", True),
        ({"rolled_back": ROLLED_BACK}, POLICY, "drift", True),
        ({"rolled_back": ROLLED_BACK}, POLICY, "", True),  # nobody knows who began it
        ({"rolled_back": ROLLED_BACK}, POLICY, "by hand", False),
        ({"begun": ago(0.5, 1, 2, 3, 4, 5), "refused": ago(1, 2, 3, 4, 5)}, POLICY, "drift", False),
    ],
)
def test_what_keeps_a_release_from_moving_up(given, policy, trigger, refused):
    let = may_move_up(standing(**given), policy, NOW, trigger=trigger)
    assert isinstance(let, Refused) == refused


@pytest.mark.parametrize(
    ("given", "policy", "trigger", "override", "refused"),
    [
        ({}, POLICY, "drift", "", False),
        ({"stopped": STOPPED}, POLICY, "drift", "", True),
        ({"stopped": STOPPED}, POLICY, "by hand", "please", True),
        ({}, FROZEN, "drift", "please", True),
        ({}, FROZEN, "by hand", " ", True),
        ({}, FROZEN, "by hand", "a wave of fraud", False),
        ({"rolled_back": ROLLED_BACK}, POLICY, "drift", "please", True),
        ({"rolled_back": ROLLED_BACK}, POLICY, "", "", True),  # nobody knows who asked
        ({"rolled_back": ROLLED_BACK}, POLICY, "six-gates", "", False),
        (
            {"begun": ago(0.5, 1, 2, 3, 4), "refused": ago(1, 2, 3, 4, 5)},
            POLICY,
            "drift",
            "",
            False,
        ),
    ],
)
def test_what_keeps_a_release_from_being_opened(given, policy, trigger, override, refused):
    let = may_open(standing(**given), policy, NOW, trigger=trigger, override=override)
    assert isinstance(let, Refused) == refused


def test_only_moves_upwards_may_be_braked():
    assert set(Move) - UPWARDS == {Move.HOLD, Move.ROLL_BACK, Move.EXPIRE}


def test_a_clock_that_was_set_back_does_not_let_go():
    later = NOW + HOUR
    for found in (
        standing(rolled_back=Event(later, "it did harm")),
        standing(begun=(later,)),
        standing(refused=(later,) * 5),
    ):
        assert isinstance(may_begin(found, POLICY, NOW, trigger="drift"), Refused)


hours = st.lists(st.floats(-5, 100), max_size=8).map(lambda given: ago(*given))
standings = st.builds(
    Standing,
    st.just("loans"),
    stopped=st.one_of(st.none(), st.just(STOPPED)),
    rolled_back=st.one_of(
        st.none(), st.floats(-5, 60).map(lambda h: Event(NOW - HOUR * h, "it did harm"))
    ),
    begun=hours,
    refused=hours,
)


@given(standings, st.sampled_from([POLICY, FROZEN]), st.sampled_from(["drift", "by hand"]))
def test_what_is_refused_until_a_moment_is_allowed_at_it(found, policy, trigger):
    refused = may_begin(found, policy, NOW, trigger=trigger)
    if isinstance(refused, Refused) and refused.until is not None:
        assert refused.until > NOW
        assert isinstance(may_begin(found, policy, refused.until, trigger=trigger), Allowed)


@pytest.mark.parametrize(
    ("given", "never"),
    [
        ({"rolled_back": ROLLED_BACK}, "hold"),
        ({"begun": ago(1)}, "cooldown"),
        ({"refused": ago(*range(1, 9))}, "pause"),
    ],
)
@pytest.mark.parametrize("freeze", [(), ("Fri - Sun",), ("2026-01-01 - 9999-12-31",)])
def test_a_time_without_end_brakes_for_ever(given, never, freeze):
    policy = GovernorPolicy(**{never: timedelta.max}, freeze=freeze)
    refused = may_begin(standing(**given), policy, NOW + 9_999 * DAY, trigger="drift")
    assert refused.until == datetime.max  # noqa: DTZ901 - naive UTC
    assert "before 9999-12-31 23:59 UTC" in refused.reason


def test_a_pause_doubles_with_each_refusal_beyond_those_that_are_borne():
    policy = GovernorPolicy(refusals=2, pause=timedelta(days=3))

    def pause_after(n, policy=policy):
        refused = tuple(NOW + timedelta(hours=i) for i in range(n))
        allowed = may_begin(standing(refused=refused), policy, refused[-1], trigger="drift")
        return allowed.until - refused[-1] if isinstance(allowed, Refused) else None

    assert pause_after(1) is None
    pauses = [pause_after(n) / policy.pause for n in (2, 3, 4, 8, 9, 40)]
    assert pauses == [1, 2, 4, 64, 64, 64]
    for_ever = GovernorPolicy(refusals=1, pause=timedelta(days=365 * 1_000))
    assert NOW + pause_after(9, for_ever) > datetime(9999, 12, 1)  # noqa: DTZ001 - naive UTC

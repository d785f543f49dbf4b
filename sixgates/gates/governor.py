"""The governor: may a run begin now, may its release open, and may a release move up?

It brakes what the pipeline does on its own: after a rollback, after too many runs or refusals, in
a freeze and while a person has stopped the line. It never brakes a rollback or an expiry, and
evidence goes on being gathered. Pure: what the ledger tells comes in as a `Standing`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sixgates.gates.decision import Move
from sixgates.gates.freeze import frozen_until
from sixgates.gates.later import later
from sixgates.gates.policy import GovernorPolicy

BY_HAND = frozenset({"by hand", "six-gates"})
"""Triggers of a run that a person started; any other run counts as automatic."""

UPWARDS = frozenset({Move.ADVANCE, Move.PROMOTE, Move.CONFIRM})
"""Moves that give a new model more of the traffic: those that may be braked."""

_DAY = timedelta(days=1)
_DOUBLINGS = 6
"""How often a pause doubles at most: what 64 times the rows of a pause do not change, no waiting
does."""


class Brake(StrEnum):
    """What may keep the pipeline from acting."""

    STOP = "stop"
    """A person stopped the line."""
    FREEZE = "freeze"
    """A window of `governor.freeze`."""
    HOLD = "hold"
    """A rollback that nobody has acknowledged."""
    BREAKER = "breaker"
    """Too many challengers refused in a row."""
    COOLDOWN = "cooldown"
    """An automatic run began a short while ago."""
    BUDGET = "budget"
    """Too many automatic runs within a day."""


_BIND_A_PERSON = frozenset({Brake.STOP, Brake.FREEZE})
_BIND_A_RELEASE = frozenset({Brake.STOP, Brake.FREEZE, Brake.HOLD})


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and why."""

    at: datetime
    """Event time, naive UTC."""
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger tells about a model that may brake it."""

    model: str
    stopped: Event | None = None
    """The stop that stands; None while the line runs."""
    rolled_back: Event | None = None
    """The newest rollback, unless a person has acknowledged it."""
    begun: tuple[datetime, ...] = ()
    """When the automatic runs began, oldest first."""
    refused: tuple[datetime, ...] = ()
    """When the challengers were refused that were refused last and in a row, oldest first; those
    before the newest acknowledgement are left out."""


@dataclass(frozen=True, slots=True)
class Braked:
    """One brake that is on."""

    brake: Brake
    reason: str
    until: datetime | None
    """Event time at which it lets go by itself, naive UTC; None where only a person can."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be done."""

    overridden: tuple[Braked, ...] = ()
    """Brakes that are on and do not bind, because a person asked."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be done now."""

    reason: str
    until: datetime | None
    """Event time from which on nothing that is known now forbids it; None: a person must act."""


def brakes(standing: Standing, policy: GovernorPolicy | None, now: datetime) -> tuple[Braked, ...]:
    """Return every brake that is on.

    An event that lies in the future, because the clock was set back, brakes all the same. Where
    nobody knows the policy, all that is found is a stop, which asks for none.
    """
    return tuple(_brakes(standing, policy, now))


def may_begin(
    standing: Standing, policy: GovernorPolicy, now: datetime, *, trigger: str, override: str = ""
) -> Allowed | Refused:
    """Decide whether a run may begin.

    Args:
        standing: What the ledger tells.
        policy: The limits.
        now: Event time, naive UTC.
        trigger: Who or what asks: a person (see `BY_HAND`) is bound by a stop, and by a freeze
            unless there is an override; everything else is bound by every brake.
        override: Why a person wants the run in a freeze all the same; empty for no.
    """
    if trigger not in BY_HAND:
        return _refusal(standing, policy, now, frozenset(Brake)) or Allowed()
    binding = _BIND_A_PERSON - ({Brake.FREEZE} if override.strip() else set())
    return _refusal(standing, policy, now, binding) or Allowed(brakes(standing, policy, now))


def may_open(
    standing: Standing, policy: GovernorPolicy, now: datetime, *, trigger: str, override: str = ""
) -> Allowed | Refused:
    """Decide whether a run whose gates passed may open its release, or serve a first model.

    What counts runs (cooldown, budget, breaker) was asked when it began and binds it no more: the
    run itself would stand in its own way.

    Args:
        standing: What the ledger tells.
        policy: The limits.
        now: Event time, naive UTC.
        trigger: Who or what asked for the run, or for it to go on: a person (see `BY_HAND`) is
            bound by a stop, and by a freeze unless there is an override; everything else by the
            hold after a rollback too.
        override: Why a person wants the run in a freeze all the same; empty for no.
    """
    binding = _binding_a_release(trigger)
    if trigger in BY_HAND and override.strip():
        binding -= {Brake.FREEZE}
    return _refusal(standing, policy, now, binding) or Allowed()


def may_move_up(
    standing: Standing, policy: GovernorPolicy, now: datetime, *, trigger: str
) -> Allowed | Refused:
    """Decide whether an open release may get more of the traffic.

    Args:
        standing: What the ledger tells.
        policy: The limits.
        now: Event time, naive UTC.
        trigger: Who or what began the run that opened it. A release that a person began is not
            bound by the hold after a rollback; a stop and a freeze bind every release.
    """
    return _refusal(standing, policy, now, _binding_a_release(trigger)) or Allowed()


def _binding_a_release(trigger: str) -> frozenset[Brake]:
    return _BIND_A_RELEASE - ({Brake.HOLD} if trigger in BY_HAND else set())


def _refusal(
    standing: Standing, policy: GovernorPolicy, now: datetime, binding: frozenset[Brake]
) -> Refused | None:
    on = [b for b in brakes(standing, policy, now) if b.brake in binding]
    if not on:
        return None
    return Refused("; ".join(b.reason for b in on), _free(standing, policy, now, binding))


def _free(
    standing: Standing, policy: GovernorPolicy, now: datetime, binding: frozenset[Brake]
) -> datetime | None:
    """Return when no binding brake is on: the end of one may lie in the window of another."""
    while ends := [b.until for b in brakes(standing, policy, now) if b.brake in binding]:
        if None in ends:
            return None
        now = max(end for end in ends if end is not None)
    return now


def _brakes(standing: Standing, policy: GovernorPolicy | None, now: datetime) -> Iterator[Braked]:
    model, stopped, rollback = standing.model, standing.stopped, standing.rolled_back
    if stopped is not None:
        yield Braked(
            Brake.STOP,
            f"the line of {model} is stopped since {_said(stopped.at)} ({stopped.reason}): start it"
            f" again with `sixgates resume --project {model} --reason ...`",
            None,
        )
    if policy is None:
        return
    if (until := frozen_until(policy.freeze, now)) is not None:
        yield Braked(
            Brake.FREEZE,
            f"a freeze lasts until {_said(until)}: wait, or give `--override REASON` to a run by"
            " hand",
            until,
        )
    if rollback is not None and now < (end := later(rollback.at, policy.hold)):
        yield Braked(
            Brake.HOLD,
            f"{model} was rolled back on {_said(rollback.at)} ({rollback.reason}): nothing"
            f" automatic before {_said(end)} unless"
            f" `sixgates acknowledge --project {model} --reason ...` says that somebody looked",
            end,
        )
    yield from _too_much(standing, policy, now)


def _too_much(standing: Standing, policy: GovernorPolicy, now: datetime) -> Iterator[Braked]:
    model, begun, refused = standing.model, standing.begun, standing.refused
    more = len(refused) - policy.refusals
    doubled = 1 << min(max(more, 0), _DOUBLINGS)  # a power is no int to the type checker
    if more >= 0 and now < (until := later(refused[-1], policy.pause, doubled)):
        yield Braked(
            Brake.BREAKER,
            f"{len(refused)} challengers of {model} in a row were refused"
            f" (governor.refusals = {policy.refusals}): no automatic run before {_said(until)}"
            f" unless `sixgates acknowledge --project {model} --reason ...` says that somebody"
            " looked",
            until,
        )
    if begun and now < (until := later(max(begun), policy.cooldown)):
        yield Braked(
            Brake.COOLDOWN,
            f"an automatic run began on {_said(max(begun))}: the next one not before"
            f" {_said(until)} (governor.cooldown)",
            until,
        )
    today = sorted(at for at in begun if now < at + _DAY)
    if len(today) >= policy.runs_a_day:
        until = today[-policy.runs_a_day] + _DAY
        yield Braked(
            Brake.BUDGET,
            f"{len(today)} automatic runs began within a day (governor.runs_a_day ="
            f" {policy.runs_a_day}): the next one not before {_said(until)}",
            until,
        )


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

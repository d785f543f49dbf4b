"""What the record holds that people should be told, and to which channel it is still owed.

Pure: the ledger alone decides, so that an outcome whose process was killed before anyone was told
is told by whoever looks next.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step

ATTEMPTS = 12
"""How often a channel is tried for one outcome before it is given up: for some 17 hours."""
_AT_EACH_LOOK = 3
"""So many attempts wait for nothing but the next look; each later one twice as long as the last."""
STALE = timedelta(days=2)
"""Older news is left to `sixgates history`: a channel that is new would get all of the past."""


class What(StrEnum):
    """Kinds of outcome that are told."""

    REFUSED = "refused"
    """A gate refused a challenger."""
    BUSY = "busy"
    """A run was not begun, because a release is under way."""
    HELD = "held"
    """The governor did not let a run begin, or a release move up."""
    BROKEN = "broken"
    """A run could not find out."""
    COLD_START = "cold_start"
    OPENED = "opened"
    """A challenger is in shadow."""
    PROMOTED = "promoted"
    CONFIRMED = "confirmed"
    ROLLED_BACK = "rolled_back"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ASKED = "asked"
    """A person must approve a challenger, or it expires."""
    UNPROVED = "unproved"
    """A rollback is decided, and not every gateway confirms it."""
    UNREACHED = "unreached"
    """A gateway or the registry does not follow the ledger."""
    RESTORED = "restored"
    """Everything follows the ledger again."""
    LAPSE = "lapse"
    """The canary answers nobody, because no tick renewed its lease."""
    BREAKER = "breaker"
    """A gateway cut the canary off, because it failed or stalled."""
    NOTICE = "notice"


_STEPS = {
    Step.COLD_START: What.COLD_START,
    Step.SHADOW: What.OPENED,
    Step.PROMOTED: What.PROMOTED,
    Step.CONFIRMED: What.CONFIRMED,
    Step.ROLLED_BACK: What.ROLLED_BACK,
    Step.EXPIRED: What.EXPIRED,
    Step.SUPERSEDED: What.SUPERSEDED,
}
_KINDS = {Kind.NOTICE: What.NOTICE, Kind.HELD: What.HELD, Kind.ASKED: What.ASKED}
_OF_GATEWAYS = {Kind.LAPSE: What.LAPSE, Kind.BREAKER: What.BREAKER}
_ENDINGS = {"busy": What.BUSY, "held": What.HELD, "broken": What.BROKEN}


@dataclass(frozen=True, slots=True)
class News:
    """One outcome to tell."""

    id: str
    """Names the entry or the epoch that it stands for."""
    what: What
    cause: Entry | Route
    recorded: datetime | None
    """Wall clock, naive UTC; None while nothing was recorded after it."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An outcome and the channels that have not got it."""

    news: News
    attempts: dict[str, int]
    """Channel to the number of the attempt that is due, 1 for the first."""


KINDS = (Kind.ANSWER, *_KINDS, *_OF_GATEWAYS, Kind.PROOF, Kind.NOTIFICATION)
"""The kinds of entry that `news` and `owed` look at."""


def case_of(entry: Entry) -> tuple[int, Any]:
    """Name the case that an entry of a gateway belongs to: its epoch, and the lease that ran out.

    What a gateway wrote before lapses had names is a case of its own.
    """
    named = entry.kind is Kind.BREAKER or "lease" in entry.body
    return int(entry.body["epoch"]), entry.body.get("lease") if named else entry.seq


def owed(
    entries: Sequence[Entry],
    routes: Sequence[Route],
    channels: Sequence[str],
    now: datetime,
    *,
    at_once: bool = False,
) -> list[Owed]:
    """Return what is still to be told, oldest first.

    A channel that did not take an outcome is left alone for longer and longer, for that outcome.

    Args:
        entries: Of one model, oldest first; those of `KINDS` at least.
        routes: All of the model, oldest first.
        channels: The channels there are now.
        now: Wall clock, naive UTC.
        at_once: Wait for nothing: somebody may have repaired a channel.
    """
    done: set[tuple[str, str]] = set()
    tried: dict[tuple[str, str], int] = {}
    rests: dict[tuple[str, str], datetime] = {}
    for entry in entries:
        if entry.kind is Kind.NOTIFICATION:
            for told in entry.body["channels"]:
                key = (entry.body["outcome"], told["channel"])
                tried[key] = tried.get(key, 0) + 1
                rests[key] = entry.recorded + _pause(tried[key])
                if told["sent"]:
                    done.add(key)
    open_news = []
    for one in news(entries, routes):
        if one.recorded is not None and now - one.recorded > STALE:
            continue
        attempts = {c: tried.get((one.id, c), 0) + 1 for c in channels if (one.id, c) not in done}
        due = {
            channel: n
            for channel, n in attempts.items()
            if n <= ATTEMPTS and (at_once or rests.get((one.id, channel), now) <= now)
        }
        if due:
            open_news.append(Owed(one, due))
    return open_news


def _pause(tried: int) -> timedelta:
    """Return how long a channel is left alone after so many attempts in vain.

    >>> [_pause(tried) // timedelta(minutes=1) for tried in (1, 2, 3, 4, 11)]
    [0, 0, 2, 4, 512]
    """
    return timedelta(minutes=0 if tried < _AT_EACH_LOOK else 2 ** (tried - _AT_EACH_LOOK + 1))


def news(entries: Sequence[Entry], routes: Sequence[Route]) -> list[News]:
    """Return every outcome that the record of a model holds, in the order it was recorded."""
    proofs = [e for e in entries if e.kind is Kind.PROOF]
    found = [
        *reversed(list(_of_routes(routes, proofs))),
        *_of_entries(entries),
        *_of_gateways(entries),
        *_of_proofs(proofs, {r.epoch: r.step for r in routes}),
    ]
    return sorted(found, key=lambda one: one.recorded or datetime.max)  # noqa: DTZ901 - naive UTC


def _of_routes(routes: Sequence[Route], proofs: Sequence[Entry]) -> Iterator[News]:
    """A route is as old as the first proof of it, or of a later one."""
    first: dict[int, datetime] = {}
    for proof in proofs:
        first.setdefault(proof.body["epoch"], proof.recorded)
    recorded: datetime | None = None
    for route in reversed(routes):
        own = first.get(route.epoch)
        recorded = min(filter(None, (own, recorded)), default=None)
        if route.step in _STEPS:
            name = f"{route.model}/route/{route.epoch}"
            yield News(name, _STEPS[route.step], route, recorded)


def _of_entries(entries: Sequence[Entry]) -> Iterator[News]:
    for entry in entries:
        if entry.kind in _KINDS:
            yield _told(entry, _KINDS[entry.kind])
        elif entry.kind is Kind.ANSWER:
            ending = str(entry.body["ending"])
            what = What.REFUSED if ending.startswith("refused at ") else _ENDINGS.get(ending)
            if what is not None:  # a released run is told by its route
                yield _told(entry, what)


def _of_gateways(entries: Sequence[Entry]) -> Iterator[News]:
    """Each gateway says what it did to the canary, and a lapse also when it ends: told once."""
    told: set[tuple[Any, ...]] = set()
    for entry in entries:
        what = _OF_GATEWAYS.get(entry.kind)
        if what is None:
            continue
        case = (what, *case_of(entry))
        if case not in told:
            yield _told(entry, what)
        told.add(case)


def _of_proofs(proofs: Sequence[Entry], steps: dict[int, Step]) -> Iterator[News]:
    """Trouble is told once until it is over, and a rollback without proof each time."""
    told: set[tuple[int, str]] = set()
    for proof in proofs:
        step = steps.get(proof.body["epoch"])
        if proof.body["proved"]:
            if told:
                yield _told(proof, What.RESTORED)
            told.clear()
        elif step is not Step.COLD_START or proof.body["trouble"]:
            # A first model without trouble has no gateway yet, and its own message says so.
            undone = step is Step.ROLLED_BACK
            case = (proof.body["epoch"] if undone else 0, proof.reason)
            if case not in told:
                yield _told(proof, What.UNPROVED if undone else What.UNREACHED)
            told.add(case)


def _told(entry: Entry, what: What) -> News:
    return News(f"{entry.model}/entry/{entry.seq}", what, entry, entry.recorded)

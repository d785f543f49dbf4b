"""Who serves, in words: by what this very gateway answers with, and since when by the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from sixgates.gates.records import Arm
from sixgates.gates.verdict import percent
from sixgates.gateway.page.record import Dated
from sixgates.ledger.leases import Lease
from sixgates.ledger.route import Route

_DIGEST_START = 12


@dataclass(frozen=True, slots=True)
class Here:
    """What this gateway says of itself."""

    model: str
    route: Route | None
    """Under which it answers; None where it serves nothing."""
    loaded: bool = True
    """Whether it has the model beside the champion, where the route names one."""
    share: float = 0.0
    """Share of units that the model beside the champion answers now."""
    lapsed: bool = False
    cut: str = ""
    troubles: tuple[str, ...] = ()
    """What a person should look at."""
    nothing: str = ""
    """Why nothing is served; empty where something is."""


@dataclass(frozen=True, slots=True)
class Serving:
    """Who serves, as the page shows it."""

    champion: str
    digest: str
    """First characters."""
    epoch: int
    since: datetime | None
    """Wall time since when it is champion without a break; None where the ledger did not say."""
    share: float
    """Of the model beside it; 0 where there is none."""
    beside: str = ""
    """Version; empty where none runs."""
    beside_digest: str = ""
    part: str = ""
    """What the model beside the champion does, in words."""
    lease: str = ""
    """How long a canary may go on without news from a tick, in words; empty where it needs none."""


def headline(here: Here) -> str:
    """Answer who serves, in a sentence."""
    route = here.route
    if route is None:
        return "Nothing is served."
    champion, beside = route.champion.number, route.beside
    if beside is None or not here.loaded:
        return f"Version {champion} serves everybody."
    other = beside.version.number
    if beside.arm is Arm.HOLDBACK:
        return f"Version {champion} serves; version {other}, the former one, keeps {_share(here)}."
    if here.share > 0:
        return f"Version {champion} serves; version {other} is tried on {_share(here)}."
    tried = "is held back" if beside.share > 0 else "is tried in shadow"
    return f"Version {champion} serves everybody; version {other} {tried}."


def serving(here: Here, routes: Sequence[Dated], lease: Lease | None) -> Serving | None:
    """Return who serves; None where nobody does."""
    route = here.route
    if route is None:
        return None
    alone = Serving(
        route.champion.number, route.champion.digest[:_DIGEST_START], route.epoch,
        _since(route, routes), here.share,
    )  # fmt: skip
    beside = route.beside
    if beside is None:
        return alone
    return Serving(
        alone.champion, alone.digest, alone.epoch, alone.since, alone.share,
        beside.version.number, beside.version.digest[:_DIGEST_START], _part(here, route),
        _lease(here, route, lease),
    )  # fmt: skip


def _part(here: Here, route: Route) -> str:
    beside = route.beside
    if beside is None or not here.loaded:
        return "not loaded here: it takes no traffic"
    if beside.arm is Arm.HOLDBACK:
        return f"hold-back: the former champion answers {_share(here)} and shadows the rest"
    if here.cut:
        return f"cut off here until the next tick: {here.cut}"
    if here.lapsed:
        return f"held back in shadow: its lease ran out ({percent(beside.share)} once renewed)"
    if here.share > 0:
        return f"canary: answers {_share(here)} and shadows the rest"
    return "shadow: scores every request, answers none"


def _lease(here: Here, route: Route, lease: Lease | None) -> str:
    beside = route.beside
    if beside is None or beside.arm is Arm.HOLDBACK or beside.share <= 0:
        return ""
    if here.lapsed or lease is None or lease.left <= 0:
        return "run out: the champion answers everybody until a tick renews it"
    return f"renewed by a tick, lasts {span(timedelta(seconds=lease.left))} more"


def span(time: timedelta) -> str:
    """Write a time of seconds to days for a person.

    >>> span(timedelta(seconds=252)), span(timedelta(hours=30)), span(timedelta(seconds=1))
    ('4 min', '30 h', '1 s')
    """
    seconds = time.total_seconds()
    for unit, size in (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"


def _share(here: Here) -> str:
    return percent(here.share)


def _since(serving: Route, routes: Sequence[Dated]) -> datetime | None:
    reached = [dated for dated in routes if dated.route.epoch <= serving.epoch]
    reign = list(takewhile(lambda d: d.route.champion == serving.champion, reversed(reached)))
    return reign[-1].recorded if reign else None

"""Through which shares the newest release went, where it stands, and what lies ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from sixgates.gateway.page.record import Dated
from sixgates.ledger.judgement import Judgement
from sixgates.ledger.route import Route, Step


class Time(StrEnum):
    """When a stage is."""

    PAST = "past"
    NOW = "now"
    AHEAD = "ahead"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a release."""

    name: str
    time: Time
    share: float | None
    """Share of units that the new version answers, 0 to 1; None where that is not known yet."""
    began: datetime | None = None
    """Wall time, None for what lies ahead."""
    ended: datetime | None = None


_WHOLE = frozenset({Step.COLD_START, Step.CONFIRMED})


def stages(routes: Sequence[Dated], judgement: Judgement | None) -> tuple[Stage, ...]:
    """Return the stages of the newest release, in order; none before the first model.

    Args:
        routes: All of the model, oldest first.
        judgement: The newest, which knows what shares the traffic allows.
    """
    if not routes:
        return ()
    newest = routes[-1].route
    own = [dated for dated in routes if dated.route.release == newest.release]
    begun = [
        Stage(_name(route), Time.PAST, _share(route), recorded, following.recorded)
        for (route, recorded), following in pairwise(own)
    ]
    now = Stage(_name(newest), Time.NOW, _share(newest), own[-1].recorded)
    return (*begun, now, *_ahead(newest, own, judgement))


def _ahead(
    newest: Route, own: Sequence[Dated], judgement: Judgement | None
) -> Sequence[Stage]:  # fmt: skip
    if not newest.is_open:
        return ()
    confirmed = Stage("confirmed", Time.AHEAD, share=1.0)
    if newest.step is Step.PROMOTED:
        return (confirmed,)
    present = newest.beside.share if newest.beside else 0.0
    known = judgement is not None and judgement.epoch in {dated.route.epoch for dated in own}
    planned = judgement.shares if judgement is not None and known else ()
    canaries = [Stage("canary", Time.AHEAD, share) for share in planned if share > present]
    promoted = Stage("promoted", Time.AHEAD, share=None)  # the project's hold-back is not recorded
    return (*canaries, promoted, confirmed)


def _name(route: Route) -> str:
    return "first model" if route.step is Step.COLD_START else route.step.replace("_", " ")


def _share(route: Route) -> float:
    """Return the share of the version that the release is about."""
    beside = route.beside.share if route.beside else 0.0
    if route.step is Step.PROMOTED:
        return 1.0 - beside
    return 1.0 if route.step in _WHOLE else beside

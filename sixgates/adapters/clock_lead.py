"""Do the clocks agree by which ticks and gateways say when a record came? Said, not corrected.

What that means for the log stands in `past_log.py`.
"""

from collections.abc import Mapping
from datetime import timedelta

from sixgates.adapters.clocks import WallClock
from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route

CASE = "clock"
"""Case of the notice that a clock is wrong."""
_BY_GATEWAYS = frozenset({Kind.LAPSE, Kind.BREAKER, Kind.UNLOGGED})
"""Entries that bear a gateway's clock, which is compared for itself."""


def wrong_clocks(world: World, route: Route, ahead: Mapping[str, int]) -> dict[str, str]:
    """Return whose clock is wrong, and a sentence each; empty where all agree.

    Args:
        world: Whose ledger tells whether the clock here was set back.
        route: The newest one.
        ahead: Minutes by which the clock of each gateway is ahead of ours, by its address.
    """
    found = {url: _of_gateway(url, minutes) for url, minutes in ahead.items() if minutes}
    entries = world.ledger.entries(route.model, release=route.release)
    recorded = (e.recorded for e in entries if e.kind not in _BY_GATEWAYS)
    now = WallClock().now()
    back = (max(recorded, default=now) - now) // timedelta(minutes=1)
    if back > 0:
        found["here"] = (
            f"the clock of this machine is {back:,} minutes behind entries of the ledger:"
            " what the gateways received in that time counts once it has passed again; set the"
            " clocks of all machines by one source"
        )
    return found


def give_notice_of_clocks(world: World, route: Route, ahead: Mapping[str, int]) -> None:
    """Put on record, once a release, that a clock is wrong."""
    notices = world.ledger.entries(route.model, kind=Kind.NOTICE, release=route.release)
    for about, reason in wrong_clocks(world, route, ahead).items():
        body = {"case": CASE, "about": about}
        if not any(notice.body == body for notice in notices):
            world.ledger.append(
                route.model, Kind.NOTICE, at=world.clock.now(), release=route.release,
                reason=reason, body=body,
            )  # fmt: skip


def _of_gateway(url: str, minutes: int) -> str:
    count = f"{abs(minutes):,} minutes"
    if minutes > 0:
        said = f"{count} ahead of this machine's: what it receives counts so much later"
    else:
        said = f"{count} behind this machine's: what it receives bears an earlier time"
    return f"the clock of gateway {url} is {said}; set the clocks of both by one source"

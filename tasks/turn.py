"""One tick of a model at a time: whoever comes second says so, and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

from sixgates.adapters.wiring import World, build
from sixgates.ledger.holder import in_this_process, leave, take_or_see
from sixgates.ledger.leases import canary_lease
from sixgates.ledger.route import Route, Step
from tasks.run import Busy, project_of

TURN_SECONDS = 120.0
"""Wall time after which a tick that hangs no longer keeps the next one out: well below the canary's
lease, so that one that hangs costs no canary its share."""


@contextmanager
def turn_of(project: str) -> Iterator[Busy | None]:
    """Hold the turn of a project's model; lend why not where another tick has it.

    Args:
        project: Name or path of the project file.
    """
    ledger, model = build().ledger, project_of(project).name
    name, owner = f"tick:{model}", in_this_process(f"tick {uuid4().hex[:8]}")
    held = take_or_see(ledger, name, owner, TURN_SECONDS)
    if held is not None:
        yield Busy(
            f"another tick of {model} is at work: {held.owner}; it has its turn until"
            f" {held.until:%H:%M:%S} UTC at most"
        )
        return
    try:
        yield None
    finally:
        leave(ledger, name, owner)


def let_canary_answer(world: World, route: Route, lease: timedelta) -> None:
    """Renew what a canary needs to answer anybody: a tick has judged, so somebody is watching.

    A shadow has it too, so that its first share finds it running.
    """
    if route.step in {Step.SHADOW, Step.CANARY}:
        world.ledger.take(canary_lease(route.model), "ticks", lease.total_seconds())

"""The states from which walks start, each reached once by really living through it."""

from collections.abc import Callable

from cli.matrix.town import FOUNDED, Town
from cli.matrix.walks import Walk, Walker
from sixgates.gates.errors import ContractError

EMPTY, SERVED, OPENED, LATE, SHADOWED = "empty", "served", "opened", "late", "shadowed"
CANARY, HARMED, JUDGED = "canary", "harmed", "judged"
PROMOTED, WATCHED, REGRETTED = "promoted", "watched", "regretted"


def live_through(town: Town, walker: Walker, say: Callable[[str], None]) -> None:
    """Play the story once, with both its ends, and keep the states in which something is due."""

    def walked(act: str, ending: str) -> None:
        say(f"living through the story: {ending}")
        walk = walker.act(act)
        if not str(walk.said).startswith(ending):
            raise ContractError(f"the story should come to {ending}, came to {_words(walk)}")

    def keep(state: str, *days: int, skewed: bool = False) -> None:
        """Let days pass, keep the state, and go on as if nothing was."""
        (gateway,) = town.open_gateways(1)
        try:
            town.live(*days, skewed=skewed) if days else None
        finally:
            gateway.stop()
        town.keep(state)

    town.at(FOUNDED)
    town.keep(EMPTY)
    walked("retrain", "Released: version 1: cold_start")
    town.at(34)
    town.keep(SERVED)
    (gateway,) = town.open_gateways(1)
    walked("retrain", "Released: version 2: shadow")
    gateway.stop()
    town.keep(OPENED)
    town.at(34 + 30)
    town.keep(LATE)
    town.restore(OPENED)
    keep(SHADOWED, 34, 41)
    (gateway,) = town.open_gateways(1)
    walked("tick", "Canary")
    gateway.stop()
    town.keep(CANARY)
    keep(HARMED, 41, 51, skewed=True)
    town.restore(CANARY)
    keep(JUDGED, 41, 48)
    (gateway,) = town.open_gateways(1)
    walked("tick", "Promoted")
    gateway.stop()
    town.keep(PROMOTED)
    keep(REGRETTED, 48, 59, skewed=True)
    town.restore(PROMOTED)
    keep(WATCHED, 48, 59)


def _words(walk: Walk) -> str:
    return walk.refused or walk.broke or str(walk.said)

"""The states from which walks start, each reached by really living through it, when first asked."""

from collections.abc import Callable
from dataclasses import dataclass

from cli.rehearsal.matrix.town import FOUNDED, Town
from cli.rehearsal.matrix.walks import Walker
from sixgates.gates.errors import ContractError

EMPTY, SERVED, OPENED, LATE, SHADOWED = "empty", "served", "opened", "late", "shadowed"
CANARY, HARMED, JUDGED = "canary", "harmed", "judged"
PROMOTED, WATCHED, REGRETTED = "promoted", "watched", "regretted"

_RETRAINED = 34
"""Day of the retrain: by then enough labels tell of the new meaning."""


@dataclass(frozen=True, slots=True)
class _Leg:
    """One part of the story, from a state to the next."""

    state: str
    """To which it leads."""
    after: str
    """From which it starts."""
    act: str = ""
    """What a walk does, if any, and how that must end."""
    ending: str = ""
    days: tuple[int, int] | None = None
    """First day of traffic, and the day after the last."""
    skewed: bool = False
    """Whether that traffic lies about what the challenger learnt to trust."""
    clock: float | None = None
    """Day to which the clock is set at last."""


_LEGS = (
    _Leg(SERVED, EMPTY, "retrain", "Released: version 1: cold_start", clock=_RETRAINED),
    _Leg(OPENED, SERVED, "retrain", "Released: version 2: shadow"),
    _Leg(LATE, OPENED, clock=_RETRAINED + 40),
    _Leg(SHADOWED, OPENED, days=(_RETRAINED, 41)),
    _Leg(CANARY, SHADOWED, "tick", "Canary"),
    _Leg(HARMED, CANARY, days=(41, 61), skewed=True),
    _Leg(JUDGED, CANARY, days=(41, 48)),
    _Leg(PROMOTED, JUDGED, "tick", "Promoted"),
    _Leg(REGRETTED, PROMOTED, days=(48, 59), skewed=True),
    _Leg(WATCHED, PROMOTED, days=(48, 59)),
)
_TO = {leg.state: leg for leg in _LEGS}


def reach(state: str, town: Town, walker: Walker, say: Callable[[str], None]) -> None:
    """Bring a town into a state, living through the story as far as that needs and it never did.

    Raises:
        ContractError: a walk came to another end than the story needs.
    """
    if not town.knows(state):
        if state == EMPTY:
            town.at(FOUNDED)
        else:
            leg = _TO[state]
            reach(leg.after, town, walker, say)
            say(f"living through the story: {state}")
            (gateway,) = town.open_gateways(1)
            try:
                _live(leg, town, walker)
            finally:
                gateway.stop()
        town.keep(state)
    town.restore(state)


def _live(leg: _Leg, town: Town, walker: Walker) -> None:
    if leg.act:
        walk = walker.act(leg.act)
        if not str(walk.said).startswith(leg.ending):
            said = walk.refused or walk.broke or walk.said
            raise ContractError(f"the story should come to {leg.ending}, came to {said}")
    if leg.days:
        town.live(*leg.days, skewed=leg.skewed)
    if leg.clock is not None:
        town.at(leg.clock)

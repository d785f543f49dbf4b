"""Appending a person's route: whatever another controller appends meanwhile, it comes after it."""

from collections.abc import Callable, Sequence

from sixgates.ledger.ledger import Ledger, LostRaceError
from sixgates.ledger.route import Route

_TRIES = 20
"""Each lost race is somebody else's step; no release takes so many in a moment."""


def append_anew(ledger: Ledger, model: str, following: Callable[[Sequence[Route]], Route]) -> Route:
    """Append the route that follows from all there are, and again where another one came first.

    Args:
        ledger: Where to.
        model: Of which model; it has a route already.
        following: From every route so far, oldest first, to the next one; it may refuse by raising.

    Raises:
        LostRaceError: others came first every time.
    """
    for _ in range(_TRIES):
        route = following(ledger.routes(model))
        try:
            ledger.append_route(route)
        except LostRaceError:
            continue
        return route
    raise LostRaceError(
        f"other controllers of {model} moved it {_TRIES} times in a moment: try again"
    )

"""Appending a person's route: whatever another controller appends meanwhile, it comes after it."""

from collections.abc import Callable, Sequence
from datetime import datetime

from sixgates.gates.errors import TransientError
from sixgates.ledger.ledger import Ledger, LostRaceError
from sixgates.ledger.release import return_by_hand
from sixgates.ledger.route import Route, Step

_TRIES = 20
"""Each lost race is somebody else's step; no release takes so many in a moment."""


def go_back(
    ledger: Ledger, model: str, to: str | None, *, at: datetime, actor: str, reason: str
) -> Route:
    """Return to a former champion, and return the route that does so.

    Without a version named, what serves when this is asked decides where to, once. A gate that
    rolls it back meanwhile has done what was meant, and nothing is appended: to go back from its
    route would lead one champion further. Nor is anything where the version that is named serves
    already, and nothing is tried beside it.

    Args:
        ledger: Where to.
        model: Of which model; it has a route already.
        to: Version to return to; None for what `return_by_hand` takes then.
        at: Event time.
        actor: Who asked.
        reason: Why, for the ledger.

    Raises:
        ConfigurationError: the version never served, or there is none to return to.
        LostRaceError: as for `append_anew`.
    """
    asked = return_by_hand(ledger.routes(model), to, at=at, actor=actor, reason=reason)
    meant = asked.champion

    def following(routes: Sequence[Route]) -> Route:
        newest = routes[-1]
        done = not newest.is_open if to else newest.step is Step.ROLLED_BACK
        if done and newest.champion == meant:
            return newest
        return return_by_hand(routes, meant.number, at=at, actor=actor, reason=reason)

    return append_anew(ledger, model, following)


def append_anew(ledger: Ledger, model: str, following: Callable[[Sequence[Route]], Route]) -> Route:
    """Append the route that follows from all there are, and again where another one came first.

    Args:
        ledger: Where to.
        model: Of which model; it has a route already.
        following: From every route so far, oldest first, to the next one, or to the newest itself
            where nothing is left to do; it may refuse by raising.

    Raises:
        LostRaceError: others came first every time.
        TransientError: the database did not answer, and may have taken it all the same.
    """
    for _ in range(_TRIES):
        routes = ledger.routes(model)
        route = following(routes)
        if route == routes[-1]:
            return route
        try:
            ledger.append_route(route)
        except LostRaceError:
            continue
        except TransientError as exc:
            raise TransientError(
                f"{exc}; whether epoch {route.epoch} of {model} is on record is not known: look"
                " with `sixgates status` before this is repeated, which may go further"
            ) from exc
        return route
    raise LostRaceError(
        f"other controllers of {model} moved it {_TRIES} times in a moment: try again"
    )

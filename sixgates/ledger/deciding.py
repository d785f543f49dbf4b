"""Look and append in one transaction: nothing can be recorded between the look and the act.

`UNIQUE(model, epoch)` lets one of several controllers win. It cannot see an entry that speaks
against a route, such as a stop, nor that a route and an entry belong together. Here the chain of
the model is held while both are settled: whoever else appends to it waits, and comes after.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sixgates.gates.governor import Refused
from sixgates.ledger.entry import Entry
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route
from sixgates.ledger.rows import Draft
from sixgates.ledger.standing import ACTS

__all__ = ["Draft", "Objection", "append_decided"]

Objection = Callable[[Sequence[Entry], Sequence[Route]], Refused | None]
"""Given what people and runs did and all routes, both oldest first: why not, or None."""

_Objection = TypeVar("_Objection")


def append_decided(
    ledger: Ledger,
    model: str,
    *,
    entry: Draft | None = None,
    route: Route | None = None,
    unless: Callable[[Sequence[Entry], Sequence[Route]], _Objection] | None = None,
) -> _Objection | None:
    """Append an entry, a route or both, unless what people and runs did speaks against it.

    `unless` is an `Objection`, or one that says more than that the governor refuses. All else is
    as in `Ledger.append_together`.
    """
    return ledger.append_together(model, entry=entry, route=route, unless=unless, about=ACTS)

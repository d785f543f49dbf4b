"""What an alert saw, as plain values: the features that moved furthest, then and now.

An alert keeps figures and no counts. These are with the model that served: its reference holds the
training data, and its looks every window since.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sixgates.adapters.reference_store import ReferenceStore
from sixgates.gates.drift.look import Look
from sixgates.gates.errors import ContractError
from sixgates.gates.profile.shapes import shapes
from sixgates.gates.reference import Reference
from sixgates.ledger.entry import Entry
from sixgates.ledger.route import Route

_SHOWN = 4
"""Features, at most."""


def drifted(references: ReferenceStore, routes: Sequence[Route], alert: Entry) -> dict[str, Any]:
    """Return `drift`, a list of `Shape` as plain values, and `undrawn`: why it is empty.

    Args:
        references: Of all models.
        routes: Of the alert's model, oldest first.
        alert: The ledger's entry.
    """
    window = alert.body.get("window")
    if window is None:
        return {"drift": [], "undrawn": "The alert names no window of the watch."}
    try:
        reference, look = _seen(references, routes, alert, datetime.fromisoformat(window))
        found = shapes(
            reference.profile,
            look.inputs.counts,
            first=alert.body.get("features", ()),
            without=reference.calendar,
            most=_SHOWN,
        )
    except ContractError as exc:
        return {"drift": [], "undrawn": f"Its distributions cannot be drawn: {exc}."}
    return {
        "drift": [asdict(shape) for shape in found],
        "undrawn": "" if found else "The window held no row that could be counted.",
    }


def _seen(
    references: ReferenceStore, routes: Sequence[Route], alert: Entry, window: datetime
) -> tuple[Reference, Look]:
    """Return the reference of the champion that served then, and its look at the window.

    Raises:
        ContractError: either is not kept.
    """
    served = dict.fromkeys(r.champion.digest for r in reversed(routes) if r.at <= alert.at)
    for digest in served:
        for look in references.looks(alert.model, digest):
            if look.inputs.end == window:
                return references.get(alert.model, digest), look
    raise ContractError(f"no look at the window to {window} is kept with the model of then")

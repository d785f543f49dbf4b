"""Which stretches of a feed are on record as broken, and not mended since."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sixgates.ledger.entry import Entry

BROKEN, MENDED = "broken feed", "mended feed"
"""Cases of notices."""


class Stretch(NamedTuple):
    """A window of time whose rows are not to be learnt from."""

    start: datetime
    """Event time after which it begins, naive UTC."""
    end: datetime
    faults: tuple[str, ...]


def broken_stretches(notices: Iterable[Entry]) -> list[Stretch]:
    """Return the stretches that are broken now, by their beginning.

    Args:
        notices: Of one model, oldest first.
    """
    broken: dict[str, Stretch] = {}
    for notice in notices:
        body = notice.body
        if body.get("case") == BROKEN:
            start, end = (datetime.fromisoformat(body[name]) for name in ("start", "about"))
            broken[body["about"]] = Stretch(start, end, tuple(body["faults"]))
        elif body.get("case") == MENDED:
            broken.pop(body["about"], None)
    return sorted(broken.values())

"""Every effect outside the ledger, and the intent that surrounds each of them.

An intent is on record before the effect and closed after it, so that whoever comes after a crash
knows what may be half done. All effects can be repeated: they set something, under a name that
the intent holds, and add nothing.

No intent surrounds what is only shown and is shown anew by itself: pages in Prefect's UI, the event
of an alert (the watch repeats it until a run answers), and notifications (they have entries of
their own).
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import LostRaceError

DONE = "done"
"""Outcome of an intent whose effect is there."""
UNDONE = "undone"
"""Outcome of an intent whose effect was taken back, or is not needed any more."""
LOST = "lost"
"""Outcome of an intent that another controller overtook."""

KILL_AT = "SIXGATES_KILL_AT"
"""Test hook: `<effect>:<point>:<n>` kills this process at the n-th such point it comes to."""


class Effect(StrEnum):
    """What is done outside the ledger, in the order in which a walk comes to it."""

    START_RUN = "start_run"
    """Open a tracking run in the registry."""
    STORE_ROWS = "store_rows"
    """Write accepted and quarantined rows to files."""
    LOG_VERDICT = "log_verdict"
    """Record a verdict, and log it in the tracking run."""
    KEEP_REFUSED = "keep_refused"
    """Add quarantined rows to the table of the model."""
    LOG_TRAINING = "log_training"
    """Log how a model was made in the tracking run."""
    STORE_MODEL = "store_model"
    """Write a model's text and card to the model store."""
    REGISTER_VERSION = "register_version"
    STORE_REFERENCE = "store_reference"
    """Write what the watch compares with to the model store."""
    PROVE_VERSION = "prove_version"
    """Make gateways load a version and answer its probes."""
    MOVE_RELEASE = "move_release"
    """Append a route with its verdict, and all that follows from it."""
    FOLLOW_ROUTE = "follow_route"
    """Make gateways follow the newest route."""
    SET_ALIASES = "set_aliases"
    """Make the registry's aliases follow the newest route."""
    MARK_VERSION = "mark_version"
    """Tag a version, as refused or as an orphan."""
    WRITE_REPORT = "write_report"
    """Write the page of a run, and attach it to the tracking run."""
    END_RUN = "end_run"
    """Record how a run ended, and close its tracking run."""


class Point(StrEnum):
    """Where, around an effect, a test may kill the process."""

    BEFORE = "before"
    """The intent is on record; nothing is done."""
    AFTER = "after"
    """The effect is done; the intent is open."""
    CLOSED = "closed"
    """The intent is closed."""


@contextmanager
def intended(
    world: World, effect: Effect, model: str, *, release: str = "", given: Mapping[str, Any]
) -> Iterator[None]:
    """Put an intent on record, let the effect happen, and close the intent.

    An exception leaves the intent open, for nobody knows what was done; trying the same again
    takes the open intent up. A lost race closes it as such.

    Args:
        world: Whose ledger keeps the intent.
        effect: Which effect.
        model: To which model.
        release: Run or release it belongs to.
        given: All that is needed to finish or undo it, as plain values.
    """
    now = world.clock.now()
    intent = _open(world, effect, model, release, given)
    if intent is None:
        intent = world.ledger.intend(model, effect, at=now, release=release, body=dict(given))
    _die_at(effect, Point.BEFORE)
    try:
        yield
    except LostRaceError:
        world.ledger.close_intent(intent, at=now, outcome=LOST)
        raise
    _die_at(effect, Point.AFTER)
    world.ledger.close_intent(intent, at=now, outcome=DONE)
    _die_at(effect, Point.CLOSED)


def is_open(
    world: World, effect: Effect, model: str, *, release: str, given: Mapping[str, Any]
) -> bool:
    """Whether an intent of exactly this is on record and was never closed."""
    return _open(world, effect, model, release, given) is not None


def _open(
    world: World, effect: Effect, model: str, release: str, given: Mapping[str, Any]
) -> int | None:
    sought = (release, {"action": effect, "given": dict(given)})
    known = world.ledger.unfinished(model)
    return next((e.seq for e in known if (e.release, e.body) == sought), None)


_reached: Counter[tuple[str, str]] = Counter()


def _die_at(effect: Effect, point: Point) -> None:
    """Kill this process the hard way where a test asks for it."""
    asked = os.environ.get(KILL_AT)
    if not asked:
        return
    _reached[effect, point] += 1
    if asked == f"{effect}:{point}:{_reached[effect, point]}":
        os.kill(os.getpid(), signal.SIGKILL)

"""Is anything wrong? What a person should know at once, as sentences; none where all is well."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sixgates.gates.decision import Move
from sixgates.gates.verdict import Outcome
from sixgates.gateway.page.events import trial_of
from sixgates.gateway.page.evidence import Look
from sixgates.gateway.page.record import Record
from sixgates.gateway.page.serving import Here, span
from sixgates.ledger.entry import Kind
from sixgates.ledger.route import Route, Step

QUIET = timedelta(minutes=10)
"""When no tick judged an open release for so long, and for a lease, somebody should look."""
BEHIND = timedelta(seconds=10)
"""A gateway reads the newest route twice a second; longer, and something keeps it."""


def troubles(here: Here, record: Record, look: Look | None, now: datetime) -> Iterator[str]:
    """Say what is wrong, the worst first.

    Args:
        here: What this gateway says of itself.
        record: What the ledger says.
        look: The newest at the release.
        now: Wall clock, naive UTC.
    """
    if here.nothing:
        yield sentence(here.nothing)
    yield from map(sentence, here.troubles)
    yield from _of_release(record, look, now)
    yield from _of_gateways(here, record, now)
    yield from _of_people(record)


def sentence(words: str) -> str:
    """Write words as a sentence.

    >>> sentence("the ledger did not answer")
    'The ledger did not answer.'
    """
    words = words.strip()
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def acknowledged(record: Record, rolled_back: Route) -> bool:
    """Whether a person has said that they looked at a rollback."""
    seen = record.acknowledged
    return seen is not None and int(seen.body["epoch"]) >= rolled_back.epoch


def _of_release(record: Record, look: Look | None, now: datetime) -> Iterator[str]:
    if record.newest is None:
        return
    route, since = record.newest
    if route.step is Step.ROLLED_BACK and not acknowledged(record, route):
        before = record.routes[-2].route if len(record.routes) > 1 else None
        yield sentence(f"version {trial_of(route, before)} was rolled back: {route.reason}")
    if not route.is_open:
        return
    if look is not None and (look.decision.verdict.outcome, look.decision.move) == (
        Outcome.FAIL, Move.HOLD,
    ):  # fmt: skip
        yield sentence(look.decision.reason)
    judged = max(since, look.recorded) if look is not None else since
    lease = timedelta(seconds=record.lease.seconds if record.lease is not None else 0.0)
    if now - judged > max(QUIET, lease):
        yield f"No tick has judged the release for {span(now - judged)}: are they scheduled?"


def _of_gateways(here: Here, record: Record, now: datetime) -> Iterator[str]:
    if record.newest is None:
        return
    route, since = record.newest
    served = here.route.epoch if here.route is not None else 0
    if served < route.epoch and now - since > BEHIND:
        yield f"This gateway serves epoch {served}, the ledger is at {route.epoch}."
    proof = record.proof
    if proof is None or proof.body["epoch"] != route.epoch or proof.body["proved"]:
        return
    if route.step is not Step.COLD_START or proof.body["trouble"]:
        yield sentence(f"not everything follows the ledger: {proof.reason}")


def _of_people(record: Record) -> Iterator[str]:
    line = record.line
    if line is not None and line.kind is Kind.STOPPED:
        yield sentence(f"the line is stopped by {line.actor}: {line.reason}")

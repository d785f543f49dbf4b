"""Tell people what the ledger says they have not been told yet.

Safe to repeat: an outcome goes to a channel once, and an attempt that failed is repeated at later
looks, a bounded number of times. A message is sent before that is recorded, so a kill in
between repeats it, with the same id. Nothing here ever stops what it tells of.
"""

import fcntl
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sixgates.adapters.channels import Channel, NotSentError, channels_of
from sixgates.adapters.known_model import project_or_model
from sixgates.adapters.report_place import report_address, report_file
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import World
from sixgates.gates.errors import PipelineError
from sixgates.gates.message import Message, title
from sixgates.gates.project import Project
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import ATTEMPTS, KINDS, News, Owed, owed
from sixgates.ledger.telling import Background, message_of, unrecorded

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message on one channel."""

    channel: str
    sent: bool
    attempt: int
    """1 for the first."""
    why: str
    """Why not; empty where it was sent."""


def tell_people(world: World, asked: str, *, at_once: bool = False) -> list[Delivery]:
    """Send what is owed about a project, record it, and return what became of each message.

    Never raises: a notifier that fails must not fail what it tells of.

    Args:
        world: Where the record and the settings are.
        asked: Name or path of the project file.
        at_once: Try also channels that are left alone for a while.
    """
    try:
        project, model = _loaded(world, asked)
        with _alone(world.settings.home) as first:
            return list(_deliver(world, asked, project, model, at_once)) if first else []
    except Exception:  # noqa: BLE001 - as said above; the next look tries again
        _log.warning("could not notify anybody about %s", asked, exc_info=True)
        return []


def tell_unrecorded(asked: str, name: str, reason: str) -> list[Delivery]:
    """Tell at once of a breakdown that the ledger could not take; nothing is tried again.

    Never raises, for the same reason.

    Args:
        asked: Name or path of the project file.
        name: Of the flow run; part of the message's id.
        reason: What broke.
    """
    try:
        message = unrecorded(asked, name, reason, datetime.now(UTC).replace(tzinfo=None))
        return deliver(channels_of(Settings()), message)
    except Exception:  # noqa: BLE001 - as said above
        _log.warning("could not notify anybody about %s", asked, exc_info=True)
        return []


def deliver(channels: Sequence[Channel], message: Message) -> list[Delivery]:
    """Send one message to some channels, whatever the record says."""
    return [_sent(channel, message, 1) for channel in channels]


def _deliver(
    world: World,
    asked: str,
    project: Project | None,
    model: str,
    at_once: bool,  # noqa: FBT001 - of `tell_people`
) -> Iterator[Delivery]:
    """Tell news by news; a channel that failed once is left alone until the next look."""
    channels = {channel.label: channel for channel in channels_of(world.settings)}
    while debt := _oldest_debt(world, model, list(channels), at_once):
        message = message_of(debt.news, _background(world, asked, project, debt.news))
        done = [_sent(channels[label], message, n) for label, n in debt.attempts.items()]
        _record(world, debt.news, message, done)
        for delivery in done:
            if not delivery.sent:
                del channels[delivery.channel]
        yield from done


def _oldest_debt(
    world: World,
    model: str,
    channels: list[str],
    at_once: bool,  # noqa: FBT001 - of `tell_people`
) -> Owed | None:
    """Read the record anew each time: others go on adding to it."""
    ledger = world.ledger
    entries = [entry for kind in KINDS for entry in ledger.entries(model, kind=kind)]
    now = datetime.now(UTC).replace(tzinfo=None)
    debts = owed(entries, ledger.routes(model), channels, now, at_once=at_once)
    return debts[0] if debts else None


def _sent(channel: Channel, message: Message, attempt: int) -> Delivery:
    try:
        channel.send(message)
    except NotSentError as exc:
        return Delivery(channel.label, sent=False, attempt=attempt, why=str(exc))
    return Delivery(channel.label, sent=True, attempt=attempt, why="")


def _record(world: World, news: News, message: Message, done: list[Delivery]) -> None:
    body: dict[str, Any] = {
        "outcome": news.id,
        "what": news.what,
        "channels": [
            {"channel": d.channel, "sent": d.sent, "attempt": d.attempt, "why": d.why}
            for d in done
        ],
    }  # fmt: skip
    said = "; ".join(_said(d) for d in done)
    # No release: what a run or release came to ends with its own entries.
    world.ledger.append(
        message.model, Kind.NOTIFICATION, at=world.clock.now(), body=body,
        reason=f"{title(message)}: {said}",
    )  # fmt: skip


def _said(delivery: Delivery) -> str:
    if delivery.sent:
        return f"sent to {delivery.channel}"
    return (
        f"not sent to {delivery.channel}, {delivery.why} (attempt {delivery.attempt} of {ATTEMPTS})"
    )


def _background(world: World, asked: str, project: Project | None, news: News) -> Background:
    ledger, cause = world.ledger, news.cause
    proofs = ledger.entries(cause.model, kind=Kind.PROOF)
    entries: list[Entry] = (
        ledger.entries(cause.model, release=cause.release) if cause.release else []
    )
    return Background(
        asked, project, ledger.routes(cause.model), entries, proofs[-1] if proofs else None,
        world.clock.now(), _report(world, entries),
    )  # fmt: skip


def _report(world: World, entries: list[Entry]) -> str:
    """Return the address of the page of a run, empty where it has none yet."""
    run = next((e for e in entries if e.kind is Kind.RUN), None)
    if run is None:
        return ""
    with suppress(OSError):  # a folder of another user: the message goes without its page
        if report_file(world.settings, run.release).is_file():
            return report_address(world.settings, run.release, run.body.get("tracking", ""))
    return ""


def _loaded(world: World, asked: str) -> tuple[Project | None, str]:
    """Return the project and its model's name; what nobody knows goes by what was asked."""
    try:
        return project_or_model(world.ledger, asked)
    except PipelineError:
        return None, asked


@contextmanager
def _alone(home: Path) -> Iterator[bool]:
    """Yield whether no other process of this machine is telling: it would tell the same."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "notifications.lock").open("w")
    except OSError:
        yield True  # twice, with the same id, is better than not at all
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True

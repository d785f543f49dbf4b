"""What people read of a canary whose share a gateway took away: its lease ran out, or it failed.

Pure. The reasons are those that the gateways wrote; whether it lasts is as the record knows.
"""

from collections.abc import Iterator, Sequence

from sixgates.gates.project import Project
from sixgates.gates.verdict import Check, Outcome, percent
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.news import case_of
from sixgates.ledger.route import Beside, Route


def headline(entry: Entry) -> str:
    """Say in a few words what happened."""
    if entry.kind is Kind.BREAKER:
        return "canary cut off, it failed or stalled"
    return "canary held back, no tick renewed its lease"


def happened(entry: Entry, entries: Sequence[Entry]) -> Iterator[str]:
    """Say what happened, and where a lapse is over.

    Args:
        entry: The first of its case.
        entries: Those of its release.
    """
    if entry.kind is Kind.BREAKER:
        yield f"{entry.actor} answers nobody with the canary any more: {entry.body['reason']}"
        return
    yield entry.reason
    for end in _ends(entry, entries):
        if end != entry:
            yield f"it is over at {end.actor}: {end.reason}"


def checks(entry: Entry) -> tuple[Check, ...]:
    """Return the figures by which a breaker tripped; a lapse has none."""
    if entry.kind is not Kind.BREAKER:
        return ()
    body = entry.body
    seen, limit, n = float(body["seen"]), float(body["limit"]), int(body["n"])
    return (Check("breaker", Outcome.FAIL, seen, limit, n, body["reason"]),)


def answering(entry: Entry, entries: Sequence[Entry], beside: Beside) -> str:
    """Say what part a canary has whose share the newest route still names; empty where all of it.

    Args:
        entry: The first of its case.
        entries: Those of its release.
        beside: The canary.
    """
    version, share = f"version {beside.version.number}", percent(beside.share)
    if entry.kind is Kind.BREAKER:
        return f"{version} answering {share} (nobody at {entry.actor})"
    if _ends(entry, entries):
        return ""
    return f"{version} held back in shadow ({share} once a tick renews its lease)"


def lasts(entry: Entry, serving: Route | None) -> bool:
    """Whether the route under which it happened is still the newest."""
    return serving is not None and serving.epoch == entry.body["epoch"]


def following(entry: Entry, serving: Route | None, project: Project | None) -> Iterator[str]:
    """Say what happens next and when.

    Args:
        entry: The first of its case.
        serving: The newest route, None before the first.
        project: Whose policies hold; None where its file does not load.
    """
    if not lasts(entry, serving):
        return
    if entry.kind is Kind.BREAKER:
        yield "The next tick rolls the release back everywhere, whatever canary.on_harm says."
        yield "Until then it stays cut off there, and every other gateway watches for itself."
        return
    yield (
        "The share comes back within seconds of the next tick, unless that tick ends the release."
    )
    if project is not None:
        seconds = project.policies.canary.lease.total_seconds()
        yield f"Ticks must come more often than every {seconds:,.0f} s (canary.lease)."
    yield "Until then nothing is judged, and nobody is exposed: the canary goes on in shadow."


def _ends(entry: Entry, entries: Sequence[Entry]) -> list[Entry]:
    """Return what gateways said of the end of a lapse."""
    return [
        e for e in entries
        if e.kind is Kind.LAPSE and e.body.get("to") and case_of(e) == case_of(entry)
    ]  # fmt: skip

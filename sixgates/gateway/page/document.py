"""All that the page shows, as one value made of what the gateway and the ledger say. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sixgates.gateway.page.events import Event, events
from sixgates.gateway.page.evidence import Shown, look_of, shown
from sixgates.gateway.page.following import Following, following
from sixgates.gateway.page.record import Record
from sixgates.gateway.page.serving import Here, Serving, headline, serving
from sixgates.gateway.page.stages import Stage, stages
from sixgates.gateway.page.troubles import troubles


class Tone(StrEnum):
    """The colour of the whole."""

    FINE = "fine"
    CARE = "care"
    """A person should look, and nobody is harmed meanwhile."""
    WRONG = "wrong"
    """Requests are not answered."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of the ledger, and since when."""

    record: Record
    at: datetime | None
    """Wall time of the newest answer, naive UTC; None where it never answered."""
    silence: str = ""
    """Why it does not answer now; empty where it does."""


@dataclass(frozen=True, slots=True)
class Document:
    """All that the page shows; moments are wall times in naive UTC."""

    model: str
    now: datetime
    tone: Tone
    headline: str
    """Who serves."""
    troubles: tuple[str, ...]
    """What is wrong; empty where nothing is."""
    following: Following
    """What happens next."""
    serving: Serving | None
    stages: tuple[Stage, ...]
    evidence: Shown | None
    events: tuple[Event, ...]
    read: datetime | None
    """When the ledger answered last; None where it never did."""
    silent: bool
    """Whether it does not answer now."""


def document(here: Here, reading: Reading, now: datetime) -> Document:
    """Put together what the page shows.

    Args:
        here: What this gateway says of itself.
        reading: What the ledger says.
        now: Wall clock, naive UTC.
    """
    record, look = reading.record, look_of(reading.record)
    steps = stages(record.routes, record.judgement)
    follows = following(here, record, look, steps, now)
    wrong = (*_silence(reading), *troubles(here, record, look, now))
    return Document(
        model=here.model,
        now=now,
        tone=_tone(here, record, anything=bool(wrong) or follows.waits),
        headline=headline(here),
        troubles=wrong,
        following=follows,
        serving=serving(here, record.routes, record.lease),
        stages=steps,
        evidence=shown(look, record.newest.route) if look and record.newest else None,
        events=events(record),
        read=reading.at,
        silent=bool(reading.silence),
    )


def _silence(reading: Reading) -> tuple[str, ...]:
    if not reading.silence:
        return ()
    since = "this gateway started"
    if reading.at is not None:
        since = f"{reading.at:%H:%M:%S} UTC, and what it said then is shown"
    return (f"The ledger has not answered since {since}: {reading.silence}.",)


def _tone(here: Here, record: Record, *, anything: bool) -> Tone:
    if here.route is None and record.routes:
        return Tone.WRONG
    return Tone.CARE if anything or here.route is None else Tone.FINE

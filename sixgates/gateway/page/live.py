"""The page's document, kept for a second: however many look, the ledger is asked once.

The ledger is read in a thread. Where it takes longer than a person waits, the page shows what was
known, says so, and the reading goes on beside it.
"""

import asyncio
import time
from datetime import UTC, datetime

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from sixgates.gates.errors import PipelineError
from sixgates.gateway.page.document import Reading, document
from sixgates.gateway.page.record import Reader, Record
from sixgates.gateway.page.serving import Here
from sixgates.gateway.state import State

KEPT_SECONDS = 1.0
"""How long a document is shown before it is put together anew."""
PATIENCE_SECONDS = 1.0
"""How long a look waits for the ledger."""


class Live:
    """What the page shows now."""

    def __init__(self, state: State) -> None:
        """Read nothing until somebody looks."""
        self._state = state
        self._reader = Reader(state.follower.ledger, state.model)
        self._reading = Reading(Record(), None)
        self._under_way: asyncio.Task[Reading] | None = None
        self._json = b""
        self._until = 0.0
        self._turn = asyncio.Lock()

    async def json(self) -> bytes:
        """Return the document as JSON."""
        async with self._turn:
            if time.monotonic() >= self._until:
                reading = await self._read()
                self._json = msgspec.json.encode(document(_here(self._state), reading, _wall()))
                self._until = time.monotonic() + KEPT_SECONDS
            return self._json

    async def _read(self) -> Reading:
        """Return what is known, after waiting for news as long as a person does."""
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(asyncio.to_thread(self._ask))
        done, _ = await asyncio.wait({self._under_way}, timeout=PATIENCE_SECONDS)
        if not done:
            known = self._reading
            return Reading(known.record, known.at, known.silence or "it takes longer than a second")
        asked, self._under_way = self._under_way, None
        self._reading = asked.result()
        return self._reading

    def _ask(self) -> Reading:
        known = self._reading
        try:
            return Reading(self._reader.read(), _wall())
        except (PipelineError, SQLAlchemyError) as exc:
            return Reading(known.record, known.at, str(exc).rstrip("."))


def _here(state: State) -> Here:
    """Ask the gateway what it serves; in the thread of the event loop, as its state wants it."""
    follower, said = state.follower, state.serving()
    served = follower.served
    if served is None:
        return Here(state.model, None, nothing=state.nothing_served())
    return Here(
        model=state.model,
        route=served.route,
        loaded=served.beside is not None,
        share=float(said["share"]),
        lapsed=bool(said["lapsed"]),
        cut=str(said["cut"]),
        troubles=tuple(state.troubles()),
    )


def _wall() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

"""Load that goes on whatever happens, and knows what failed and what was acknowledged."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from bench.gateway.client import Connection, connect, request
from sixgates.gates.errors import TransientError

CONNECTIONS = 6
_PAUSE_SECONDS = 0.01
"""Of each connection between two requests: restarts need some of the two cores, too."""


@dataclass(slots=True)
class Load:
    """What became of the requests so far."""

    acknowledged: list[str] = field(default_factory=list)
    """Identifiers."""
    failed: list[str] = field(default_factory=list)
    """A sentence each."""


@asynccontextmanager
async def load(ports: Sequence[int], bodies: Sequence[bytes]) -> AsyncIterator[Load]:
    """Ask over some connections, in turn to each of some ports, until the block ends."""
    found, ended = Load(), asyncio.Event()
    asking = [
        asyncio.create_task(_ask(ports[i % len(ports)], str(i), bodies, found, ended))
        for i in range(max(CONNECTIONS, len(ports)))
    ]
    try:
        yield found
    finally:
        ended.set()
        await asyncio.gather(*asking)


async def _ask(
    port: int, name: str, bodies: Sequence[bytes], found: Load, ended: asyncio.Event
) -> None:
    connection: Connection | None = None
    number = 0
    while not ended.is_set():
        number += 1
        one = f"{port}-{name}-{number}"
        try:
            if connection is None:
                connection = await connect(port)
            body = bodies[number % len(bodies)]
            reply = await connection.ask(request("/invocations", body, x_request_id=one))
        except TransientError as exc:
            found.failed.append(str(exc))
            connection = None
            await asyncio.sleep(0.05)
            continue
        if reply.status == HTTPStatus.OK:
            found.acknowledged.append(one)
        else:
            found.failed.append(f"{reply.status} {reply.body[:200]!r}")
        if reply.header(b"connection") == b"close":
            connection.close()
            connection = None
        await asyncio.sleep(_PAUSE_SECONDS)
    if connection is not None:
        connection.close()

"""A client that knows when each answer came: HTTP/1.1 over connections that are kept, on asyncio.

wrk says how much and how fast, but not which answer said what.
"""

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar, cast

import uvloop

from sixgates.gates.errors import ContractError, TransientError

_END = b"\r\n\r\n"
_PATIENCE_SECONDS = 30.0
"""A request without an answer for so long has failed: a server that hangs must not hang the bench.
"""

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer."""

    status: int
    head: bytes
    """Status line and headers, as they came."""
    body: bytes
    at: float
    """When its last byte was read, monotonic seconds of this machine."""

    def header(self, name: bytes) -> bytes:
        """Return a header by its name in lower case, empty where it is not there."""
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return b""


class Connection(asyncio.Protocol):
    """One connection, with one request under way at a time."""

    def __init__(self) -> None:
        """Connect with `connect`."""
        self._buffer = b""
        self._waiting: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to."""
        self._transport = cast("asyncio.Transport", transport)  # as it is for TCP

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is under way."""
        self._transport = None
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(
                TransientError(f"the connection was lost: {exc or 'closed'}")
            )

    def data_received(self, data: bytes) -> None:
        """Take in a part of an answer."""
        self._buffer += data
        head, end, body = self._buffer.partition(_END)
        if not end or self._waiting is None:
            return
        length = _length(head)
        if len(body) >= length:
            self._buffer = body[length:]
            reply = Reply(int(head[9:12]), head, body[:length], time.monotonic())
            waiting, self._waiting = self._waiting, None
            if not waiting.done():
                waiting.set_result(reply)

    async def ask(self, request: bytes) -> Reply:
        """Send a whole request and return its answer.

        Raises:
            TransientError: the connection is gone, or no answer comes.
        """
        if self._transport is None:
            raise TransientError("the connection was lost")
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await self._waiting
        except TimeoutError as exc:
            self.close()  # an answer that comes now would be taken for the next one's
            raise TransientError(f"no answer came in {_PATIENCE_SECONDS:.0f} s") from exc

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


async def connect(port: int) -> Connection:
    """Return a connection to a port of loopback.

    Raises:
        TransientError: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
    except OSError as exc:
        raise TransientError(f"port {port} does not accept a connection: {exc}") from exc
    return connection


def request(path: str, body: bytes, **headers: str) -> bytes:
    """Render a POST; underscores in names of headers stand for hyphens."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{more}\r\n"
    )
    return head.encode() + body


def require_ok(reply: Reply) -> Reply:
    """Return an answer that holds what was asked for.

    Raises:
        ContractError: it is an error instead.
    """
    if reply.status != HTTPStatus.OK:
        raise ContractError(f"a request got {reply.status}: {reply.body[:200]!r}")
    return reply


def run_loop(main: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine on the loop that costs the client least."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0

"""How a client is left that is not answered by the application: with a sentence it can read."""

import asyncio
import socket
import struct
from collections.abc import Iterable

import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from sixgates.gateway.http import limits


def last_answer(status: int, sentence: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write an error with which the connection ends."""
    body = msgspec.json.encode({"error": sentence})
    every = [
        *headers,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    lines = [b"%s: %s\r\n" % header for header in every]
    return b"".join([STATUS_LINE[status], *lines, b"\r\n", body])


def forget(transport: asyncio.Transport) -> None:
    """Reset a connection: else the kernel holds what nobody reads, for many minutes."""
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Lingering(asyncio.Protocol):
    """Lets a client read its last answer; what it still sends is dropped.

    A connection that is closed while something unread lies there is reset, and on some systems the
    reset overtakes the answer.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        """Close when the client does, or a moment later."""
        transport.write_eof()
        loop.call_later(limits.LINGER_SECONDS, transport.abort)

"""How a request's body and headers are read, within limits, and errors are written."""

import msgspec
from starlette.types import Receive, Scope, Send

from sixgates.gateway.protocol import Refusal

MAX_BODY = 16 * 2**20
"""Largest request body, in bytes."""

Headers = list[tuple[bytes, bytes]]


class GoneError(Exception):
    """The client left before its request was whole."""


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header of that lower-case name."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def read_json(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a JSON request.

    Raises:
        Refusal: 415 where it is not declared as JSON, 413 where it is too large.
        GoneError: the client left.
    """
    kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower()
    # Asking for the type also keeps a web page from posting here behind its visitor's back.
    if kind != b"application/json":
        raise Refusal(415, "send content-type application/json")
    length = header(scope, b"content-length") or b"0"
    if length.isdigit() and int(length) > MAX_BODY:
        raise _too_large()
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise GoneError
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _too_large()
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def reply(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole JSON answer."""
    length = str(len(body)).encode()
    always = [(b"content-type", b"application/json"), (b"content-length", length)]
    await send({"type": "http.response.start", "status": status, "headers": [*always, *headers]})
    await send({"type": "http.response.body", "body": body})


def error_body(refusal: Refusal) -> bytes:
    """Write a refusal's sentence for the client."""
    return msgspec.json.encode({"error": refusal.sentence})


def _too_large() -> Refusal:
    return Refusal(413, f"the body is larger than {MAX_BODY:,} bytes; send fewer rows at once")

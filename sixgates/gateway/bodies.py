"""How a request's body and headers are read, within limits, and errors are written."""

from collections.abc import Collection
from functools import lru_cache

import msgspec
from starlette.types import Receive, Scope, Send

from sixgates.gateway.protocol import Refusal

MAX_BODY = 16 * 2**20
"""Largest request body, in bytes."""

JSON = "application/json"
CSV = "text/csv"

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


def declared_type(scope: Scope, accepted: Collection[str]) -> str:
    """Return the content type that a request declares, in lower case and without parameters.

    Args:
        scope: The request.
        accepted: Content types that can be read; "" lets programs leave it out.

    Raises:
        Refusal: 415 for any other, and for text that is not UTF-8.
    """
    kind, charset = _parsed(header(scope, b"content-type") or b"")
    # Asking for the type also keeps a web page from posting here behind its visitor's back: a
    # browser asks first whether it may send these, and names the page where it sends none.
    if kind not in accepted or (not kind and header(scope, b"origin") is not None):
        raise Refusal(415, f"send content-type {' or '.join(filter(None, accepted))}")
    if charset not in {"utf-8", "utf8"}:
        raise Refusal(415, f"send UTF-8, not {charset!r:.40}")
    return kind


async def read_json(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a request that must be JSON.

    Raises:
        Refusal: 415 where it is not declared as JSON, 413 where it is too large.
        GoneError: the client left.
    """
    declared_type(scope, (JSON,))
    return await read(scope, receive)


async def read(scope: Scope, receive: Receive) -> bytes:
    """Return a body of whatever type.

    Raises:
        Refusal: 413 where it is too large.
        GoneError: the client left.
    """
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


@lru_cache(maxsize=64)
def _parsed(declared: bytes) -> tuple[str, str]:
    """Split a declared content type into type and character set."""
    kind, *parameters = (part.strip() for part in declared.decode("latin-1").lower().split(";"))
    pairs = dict(parameter.partition("=")[::2] for parameter in parameters)
    return kind, pairs.get("charset", "utf-8").strip('"')

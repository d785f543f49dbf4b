"""How a request's body and headers are read, within limits, and errors are written."""

from collections.abc import Collection
from functools import lru_cache

import msgspec
from starlette.types import Receive, Scope, Send

from sixgates.gateway.protocols.protocol import Refusal

MAX_BODY = 16 * 2**20
"""Largest request body, in bytes."""

INLINE_BYTES = 16 * 1024
"""A larger one is understood beside the event loop, so that it delays no other."""

JSON = "application/json"
_JSON_TYPE = (b"content-type", b"application/json")
CSV = "text/csv"

Headers = list[tuple[bytes, bytes]]
"""Of an answer."""
Heads = dict[bytes, bytes]
"""Of a request."""

_SHORT = len(str(MAX_BODY)) - 1
"""Digits of a length that cannot be too large."""


class GoneError(Exception):
    """The client left before its request was whole."""


def heads_of(scope: Scope) -> Heads:
    """Return a request's headers by their lower-case names; of several of one name the first."""
    return dict(reversed(scope["headers"]))


def declared_type(heads: Heads, accepted: Collection[str]) -> str:
    """Return the content type that a request declares, in lower case and without parameters.

    Args:
        heads: The request's headers.
        accepted: Content types that can be read; "" lets programs leave it out.

    Raises:
        Refusal: 415 for any other, and for text that is not UTF-8.
    """
    kind, charset = _parsed(heads.get(b"content-type", b""))
    # Asking for the type also keeps a web page from posting here behind its visitor's back: a
    # browser asks first whether it may send these, and names the page where it sends none.
    if kind not in accepted or (not kind and b"origin" in heads):
        raise Refusal(415, f"send content-type {' or '.join(filter(None, accepted))}")
    if charset not in {"utf-8", "utf8"}:
        raise Refusal(415, f"send UTF-8, not {charset!r:.40}")
    return kind


def refuse_coding(heads: Heads) -> None:
    """Refuse a body that is compressed, or encoded in another way.

    Raises:
        Refusal: 415.
    """
    coding = heads.get(b"content-encoding", b"identity").decode("latin-1").lower()
    if coding != "identity":
        raise Refusal(415, f"send the body as it is, not in content-encoding {coding!r:.40}")


async def read_json(scope: Scope, receive: Receive) -> bytes:
    """Return the body of a request that must be JSON.

    Raises:
        Refusal: 415 where it is not declared as plain JSON, 413 where it is too large.
        GoneError: the client left.
    """
    heads = heads_of(scope)
    refuse_coding(heads)
    declared_type(heads, (JSON,))
    return await read(heads, receive)


async def read(heads: Heads, receive: Receive) -> bytes:
    """Return a body of whatever type.

    Raises:
        Refusal: 413 where it is too large.
        GoneError: the client left.
    """
    length = heads.get(b"content-length", b"")
    if len(length) > _SHORT and length.isdigit() and int(length) > MAX_BODY:
        raise _too_large()
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise GoneError
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise _too_large()
        more = message.get("more_body", False)
        if not (more or parts):
            return part
        parts.append(part)
        if not more:
            return b"".join(parts)


async def reply(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole JSON answer."""
    headers += (_JSON_TYPE, (b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def written(body: bytes, headers: Headers) -> bytes:
    """Write a whole JSON answer as `reply` sends it, from its first header on."""
    lines = [b"%s: %s\r\n" % header for header in headers]
    return b"content-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s" % (
        len(body), b"".join(lines), body,
    )  # fmt: skip


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

"""A request that asks for another protocol, as one that does not.

Java's client asks for HTTP/2 with its first request, whatever that carries. Whoever speaks HTTP/1.1
alone ignores the wish; the parser takes what follows it for the other protocol, and loses the body.
"""

from collections.abc import Iterable


def head_without_upgrade(first: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    r"""Write a head anew from its first line, without its wish for another protocol.

    >>> wish = [(b"upgrade", b"h2c"), (b"connection", b"Upgrade, close")]
    >>> head_without_upgrade(b"GET / HTTP/1.1", wish)
    b'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'
    """
    lines = [first + b"\r\n"]
    for name, value in headers:
        if name == b"upgrade":
            continue
        if name == b"connection":
            wishes = (wish.strip() for wish in value.lower().split(b","))
            value = b", ".join(wish for wish in wishes if wish != b"upgrade")  # noqa: PLW2901
        lines.append(b"%s: %s\r\n" % (name, value))
    return b"".join([*lines, b"\r\n"])

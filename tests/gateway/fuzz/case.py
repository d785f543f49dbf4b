"""What is sent once, and what may come back."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

JSON = b"application/json"
CSV = b"text/csv"


@dataclass(frozen=True)
class Request:
    """An HTTP request, which may be made wrong part by part."""

    body: bytes = b""
    path: bytes = b"/invocations"
    kind: bytes = JSON
    method: bytes = b"POST"
    more: tuple[bytes, ...] = ()
    """Further header lines."""

    def head(self, *framing):
        """Write the head, with the header lines that frame the body."""
        kind = [b"content-type: " + self.kind] if self.kind else []
        lines = [self.method + b" " + self.path + b" HTTP/1.1", b"host: gateway", *kind, *self.more]
        return b"\r\n".join([*lines, *framing]) + b"\r\n\r\n"

    def raw(self):
        return self.head(b"content-length: %d" % len(self.body)) + self.body

    def chunked(self, rng, least=1):
        """Write the body in chunks of random sizes."""
        parts, rest = [self.head(b"transfer-encoding: chunked")], self.body
        while rest:
            size = rng.randint(least, max(least, len(rest)))
            parts.append(b"%x\r\n%b\r\n" % (len(rest[:size]), rest[:size]))
            rest = rest[size:]
        return b"".join([*parts, b"0\r\n\r\n"])

    def but(self, **given):
        return replace(self, **given)


@dataclass(frozen=True)
class Case:
    """What one client sends, and how it must end."""

    pieces: list[bytes | float]
    """Bytes, and seconds of silence between them."""
    may_pass: bool = False
    """Whether what is wrong with it may be nothing: then 200 is an answer too."""
    alone: bool = False
    """Whether it needs a connection of its own, which the client closes on its side after it."""
    leaves: bool = False
    """Whether the client is gone before the answer."""
    bodiless: bool = False
    """Whether answers have no body, as those to HEAD."""


def plain(request, *, may_pass=False):
    """Send a request over a connection that goes on."""
    return Case([request.raw()], may_pass=may_pass)


def alone(*pieces, **given):
    return Case(list(pieces), alone=True, **given)


Make = Callable[[Random], Case]

MAKES: dict[str, tuple[float, Make]] = {}
"""How often each kind of case is drawn, and how it is made, by name."""


def kind(weight=1.0):
    """Register what makes a kind of case, under the function's name."""

    def register(make):
        MAKES[make.__name__.replace("_", " ")] = (weight, make)
        return make

    return register

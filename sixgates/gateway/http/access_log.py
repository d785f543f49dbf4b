"""One JSON line a request: who asked for what, and how it ended."""

import logging
import os
import time
from pathlib import Path
from time import perf_counter

import msgspec
from starlette.types import Message, Scope, Send

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.http.bodies import Heads

_MAX_BYTES = 256 * 1024
_MAX_PATH = 200

_logger = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct):
    """An answered request; fields that are not known are empty."""

    at: float
    """Wall clock of the answer, seconds since 1970 UTC."""
    client: str
    method: str
    path: str
    status: int
    bytes: int
    """Length of the answer."""
    micros: float
    """From the request's head to the answer's."""
    request: str
    epoch: str
    trace: str
    """`traceparent` of the answer."""


class AccessLog:
    """Appends to a file, which may be moved away at any time. Written about once a second."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            ConfigurationError: it cannot be written.
        """
        self._path = path
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._failed = False
        try:
            self._fd = self._open()
        except OSError as exc:
            raise ConfigurationError(
                f"the access log {path} cannot be written ({exc.strerror}): choose another with"
                " --access-log"
            ) from exc

    def append(self, line: Line) -> None:
        """Take in one line."""
        written = _encode(line) + b"\n"
        self._waiting.append(written)
        self._bytes += len(written)
        if self._bytes >= _MAX_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits; what cannot be written is lost, said once, and hurts nobody."""
        lines, self._waiting, self._bytes = b"".join(self._waiting), [], 0
        if not lines:
            return
        try:
            if not self._is_there():
                new = self._open()
                # Only now: were there none, the number would soon be another file's or a client's.
                os.close(self._fd)
                self._fd = new
            os.write(self._fd, lines)
        except OSError as exc:
            if not self._failed:
                _logger.warning("the access log %s cannot be written: %s", self._path, exc.strerror)
            self._failed = True
        else:
            self._failed = False

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.flush()
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def _is_there(self) -> bool:
        """Whether the name still is of the file that is open: whoever rotates logs moves it."""
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._fd))
        except FileNotFoundError:
            return False


def logged(log: AccessLog, scope: Scope, send: Send) -> Send:
    """Return what sends an answer, and notes it in the log."""
    started = perf_counter()

    async def sending(message: Message) -> None:
        await send(message)
        if message["type"] == "http.response.start":
            heads = dict(message["headers"])
            size = int(heads.get(b"content-length", b"0"))
            log.append(line_of(scope, message["status"], heads, size, perf_counter() - started))

    return sending


def line_of(scope: Scope, status: int, heads: Heads, size: int, seconds: float) -> Line:
    """Return the line of an answered request.

    Args:
        scope: The request.
        status: Of the answer.
        heads: Headers of the answer.
        size: Bytes of its body.
        seconds: From the request's head to the answer's.
    """
    client = scope.get("client")
    return Line(
        at=time.time(),
        client=client[0] if client else "",
        method=scope["method"],
        path=scope["path"][:_MAX_PATH],
        status=status,
        bytes=size,
        micros=round(seconds * 1e6, 1),
        request=heads.get(b"x-request-id", b"").decode("latin-1"),
        epoch=heads.get(b"x-sixgates-epoch", b"").decode("latin-1"),
        trace=heads.get(b"traceparent", b"").decode("latin-1"),
    )

"""Sends cases over real sockets, and reads what comes back to the last byte."""

import contextlib
import io
import socket
import time
from dataclasses import dataclass

PATIENCE = 60
"""Seconds without a byte after which a gateway hangs; its own limits are seconds for a request."""


class NoAnswerError(Exception):
    """What came back is no HTTP, or nothing did."""


@dataclass(frozen=True)
class Answer:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ends(self):
        """Whether the connection ends with it."""
        return self.headers.get("connection") == "close"


class Talk:
    """One client's connections: one that goes on, and one for each case that needs its own."""

    def __init__(self, address):
        self._address = address
        self._kept = None

    def close(self):
        if self._kept is not None:
            self._kept[0].close()
            self._kept = None

    def send(self, case):
        """Return all answers to a case.

        Raises:
            NoAnswerError: an answer is no HTTP, or does not end.
        """
        if case.leaves:
            with self._connect() as connection:
                _send(connection, case.pieces)
            return []
        if case.alone:
            with self._connect() as connection:
                _send(connection, case.pieces)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_WR)
                return _every(_received(connection), bodiless=case.bodiless)
        return [self.ask(b"".join(case.pieces))]

    def ask(self, raw):
        """Return the one answer to one request, over the connection that is kept."""
        if self._kept is None:
            connection = self._connect()
            self._kept = connection, connection.makefile("rb")
        connection, file = self._kept
        _send(connection, [raw])
        try:
            answer = _next(file, bodiless=False)
        except TimeoutError:
            self.close()
            raise NoAnswerError(f"nothing came within {PATIENCE} seconds") from None
        except ConnectionError as exc:
            self.close()
            raise NoAnswerError(f"the connection was cut: {exc}") from None
        if answer is None:
            self.close()
            raise NoAnswerError("the connection was closed without an answer")
        if answer.ends:
            self.close()
        return answer

    def _connect(self):
        connection = socket.create_connection(self._address, timeout=PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def _send(connection, pieces):
    for piece in pieces:
        if isinstance(piece, float):
            time.sleep(piece)
            continue
        try:
            connection.sendall(piece)
        except ConnectionError:
            return  # The gateway has answered, and listens no more.


def _received(connection):
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass  # It may cut whoever goes on sending after the last answer.
    except TimeoutError:
        raise NoAnswerError(f"the connection stayed open for {PATIENCE} seconds") from None
    return b"".join(parts)


def _every(received, *, bodiless):
    file, answers = io.BytesIO(received), []
    while (answer := _next(file, bodiless=bodiless)) is not None:
        answers.append(answer)
    return answers


def _next(file, *, bodiless):
    """Read one answer, None where there is none; interim ones are passed over."""
    line = file.readline()
    if not line:
        return None
    version, _, rest = line.partition(b" ")
    if version != b"HTTP/1.1" or not rest[:3].isdigit():
        raise NoAnswerError(f"{line[:60]!r} is no answer")
    status, headers = int(rest[:3]), {}
    while (field := file.readline()) not in {b"\r\n", b""}:
        name, _, value = field.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    if status < 200:
        return _next(file, bodiless=bodiless)
    if bodiless or status in {204, 304}:
        return Answer(status, headers, b"")
    if "content-length" not in headers:
        raise NoAnswerError(f"an answer {status} has no length")
    body = file.read(int(headers["content-length"]))
    if len(body) < int(headers["content-length"]):
        raise NoAnswerError(f"an answer {status} is cut")
    return Answer(status, headers, body)

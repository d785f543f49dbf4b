"""How requests are read from a connection, and how what cannot be read is refused in its turn.

uvicorn answers what is no HTTP before the requests that came ahead of it, and leaves those without
an answer; it takes any amount of head; and it loses the body of a request that asks for HTTP/2.
"""

import asyncio
from collections.abc import Callable

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from sixgates.gateway.http import limits
from sixgates.gateway.http.bodies import MAX_BODY
from sixgates.gateway.http.parting import Lingering, last_answer
from sixgates.gateway.http.upgrades import head_without_upgrade

_MAX_PIECES = 2 * MAX_BODY
"""Bytes of one request: a body, and what chunks and trailers add to it."""


class Held:
    """Bytes of requests in pieces that are not answered yet."""

    __slots__ = ("size",)

    def __init__(self) -> None:
        self.size = 0


class Reading(HttpToolsProtocol):
    """What one client sends."""

    refused: Callable[[int], None]
    """Told the status of each answer that no application gave."""
    held: Held
    """What all connections hold together."""

    _since: float
    """When the request being read began, or the last answer ended."""
    _reading = False
    """Whether a request has begun that is not whole yet."""
    _pieces: int | None = None
    """Bytes that came of it after the piece in which it began; None in that one."""
    _held = 0
    """This connection's part of it."""
    _leaving = False
    """Whether the process stops."""
    _running: RequestResponseCycle | None = None
    """The request that the application has, or had last."""
    _last_words: tuple[int, str] | None = None
    """What to end with, once all that came before is answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to listen."""
        super().connection_made(transport)
        self._since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client, and let its requests be forgotten."""
        super().connection_lost(exc)
        if self._running is not None:
            _abandon(self._running)  # uvicorn tells the newest of several, which may wait yet.
        self._release()

    def data_received(self, data: bytes) -> None:
        """Read on; refuse what is no HTTP."""
        size = len(data)
        while data:
            try:
                self.parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as exc:
                if self.parser.get_method() == b"CONNECT":
                    self._give_up(400, "this is no proxy: CONNECT leads nowhere")
                    return
                data = self._without_upgrade(data[exc.args[0] :])
            except httptools.HttpParserError as exc:
                self._give_up(400, f"this is not HTTP/1.1: {exc}"[:200])
                return
        if self._reading or self._leaving:
            self._weigh(size)

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what came whole: a client that has said all may be listening yet."""
        if self._is_idle():
            return False
        if self._reading:
            self._give_up(400, "the request ends in the middle")
        elif self._last_words is None:
            self.cycle.keep_alive = False
        return True

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        super().on_message_begin()
        self._reading, self._pieces, self._since = True, None, self.loop.time()

    def on_message_complete(self) -> None:
        """Note that it is whole."""
        super().on_message_complete()
        self._reading = False

    def on_response_complete(self) -> None:
        """Go on with the next request, else wait for it; without uvicorn's timer a request."""
        self.server_state.total_requests += 1
        if self._held:
            self._release()
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._since = self.loop.time()  # It was not read on until now.
            self._start_asgi_task(*self.pipeline.pop())
        elif self._last_words is not None:
            self._part(*self._last_words)
        elif not self._reading:
            self._since = self.loop.time()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _should_upgrade(self) -> bool:
        return True  # Asked of requests that want to: uvicorn then leaves them to `data_received`.

    def _without_upgrade(self, rest: bytes) -> bytes:
        """Return what the client has sent as if it had not asked for another protocol."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        first = b"%s %s HTTP/%s" % (method, self.url, version)
        return head_without_upgrade(first, self.headers) + rest

    def _weigh(self, size: int) -> None:
        """Look closer at what came: it was no whole request, or it is the last one."""
        if self._leaving and self.cycle is not None:
            self.cycle.keep_alive = False
        if not self._reading:
            return
        if self._pieces is None:  # The piece in which it began may hold much of others.
            self._pieces = 0
            return
        self._pieces += size
        if not (self._has_head() and self.cycle.response_complete):  # Else it is dropped.
            self._hold(size)
        if not self._has_head() and self._pieces > limits.MAX_HEAD:
            self._give_up(431, f"the head is larger than {limits.MAX_HEAD:,} bytes")
        elif self._pieces > _MAX_PIECES:
            self._give_up(413, f"the request is larger than {_MAX_PIECES:,} bytes")
        elif self.held.size > limits.MAX_HELD:
            sentence = f"{limits.MAX_HELD:,} bytes of requests are held: try again later"
            self._give_up(503, sentence)

    def _hold(self, size: int) -> None:
        self.held.size += size
        self._held += size

    def _release(self) -> None:
        self.held.size -= self._held
        self._held = 0

    def _is_idle(self) -> bool:
        return not self._reading and (self._running is None or self._running.response_complete)

    def _has_head(self) -> bool:
        """Whether the head of the newest request has come, and its answer may have begun."""
        return self.cycle is not None and self.cycle.scope is self.scope

    def _owes(self) -> bool:
        """Whether an earlier request than the one that is being read has no answer yet."""
        running = self._running
        return not (
            running is None
            or running.response_complete
            or (self._has_head() and running is self.cycle)
        )

    def _give_up(self, status: int, sentence: str) -> None:
        """Read no more of a request; say so once everything before it is answered."""
        owes = self._owes()
        if self._reading and self._has_head():
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_complete:
                self.transport.close()  # It has its answer: it was refused before it was whole.
                return
            else:
                _abandon(self.cycle)
        self._reading = False
        if owes:
            self._last_words = (status, sentence)
            self.flow.pause_reading()
        else:
            self._part(status, sentence)

    def _part(self, status: int, sentence: str) -> None:
        """Answer for the application, and leave."""
        self._release()
        self.connections.discard(self)
        self._say(status, sentence)
        self.flow.resume_reading()
        self.transport.set_protocol(Lingering(self.transport, self.loop))

    def _say(self, status: int, sentence: str) -> None:
        self.refused(status)
        self.transport.write(last_answer(status, sentence, self.server_state.default_headers))


def _abandon(cycle: RequestResponseCycle) -> None:
    """Let the application know that nobody waits for its answer."""
    cycle.disconnected = True
    cycle.message_event.set()

"""Most requests are answered in the very call that read them.

uvicorn makes a task of each request, and messages of its parts; for a row of a small model that is
half of the time. A request for predictions that came whole and asks for nothing unusual needs none
of it, nor what uvicorn keeps of a request. Whatever else comes goes the usual way, through the
application.
"""

from collections.abc import Callable
from functools import lru_cache

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from sixgates.gateway.http.reading import Reading

_PATH = "/invocations"
_URL = _PATH.encode()


class AtOnce(Reading):
    """One client's connection, as long as requests come one by one and whole."""

    answer: Callable[[Scope, bytes], bytes | None]
    """Answers a request: headers and body, from its first header on. None leaves it to the
    application, as if it had not been asked."""

    _body: bytes | None = None
    """What came of the body of a request that may be answered once it is whole; None where there
    is no such request. uvicorn knows nothing of it yet."""

    def on_headers_complete(self) -> None:
        """Wait for the rest of a request, unless it goes the usual way."""
        if self._is_plain():
            self._body = b""
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body."""
        if self._body is None:
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """Answer a request that is whole."""
        if self._body is not None:
            if self._answered(self._body):
                return
            self._hand_over()
        super().on_message_complete()

    def _is_plain(self) -> bool:
        """Whether a request asks for predictions, and neither it nor its connection for more."""
        return (
            self.url == _URL
            and (self.cycle is None or self.cycle.response_complete)
            and self.parser.should_keep_alive()
            and self.parser.get_http_version() == "1.1"
            and not self.parser.should_upgrade()
            and not self.expect_100_continue
        )

    def _hand_over(self) -> None:
        """Leave a request to the application, with what came of it."""
        body, self._body = self._body, None
        if body is not None:
            super().on_headers_complete()
            if body:
                super().on_body(body)

    def _answered(self, body: bytes) -> bool:
        if self._leaving or self.flow.write_paused or self.transport.is_closing():
            return False
        scope = self.scope
        scope["method"], scope["path"] = self.parser.get_method().decode("ascii"), _PATH
        try:
            reply = self.answer(scope, body)  # type: ignore[arg-type]
        except Exception as exc:  # noqa: BLE001 - uvicorn tells of it as of any application's
            self.app = _failing(exc)  # It ends the connection, too.
            return False
        if reply is None:
            return False
        self.transport.write(_head(tuple(self.server_state.default_headers)) + reply)
        self._body, self._reading = None, False
        self.on_response_complete()
        return True

    def _weigh(self, size: int) -> None:
        self._hand_over()
        super()._weigh(size)

    def _give_up(self, status: int, sentence: str) -> None:
        self._hand_over()
        super()._give_up(status, sentence)


def _failing(exc: Exception) -> ASGI3Application:
    """Return an application that fails: to ask the real one could do twice what is done by half."""

    async def fail(*_: object) -> None:
        raise exc

    return fail


@lru_cache(maxsize=4)
def _head(always: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Return how answers begin: with the date, which uvicorn writes once a second."""
    return STATUS_LINE[200] + b"".join([b"%s: %s\r\n" % header for header in always])

"""Most requests are answered in the very call that read them.

uvicorn makes a task of each request, and messages of its parts; for a row of a small model that is
half of the time. A request for predictions that came whole and asks for nothing unusual needs none
of it. Whatever else comes goes the usual way, through the application.
"""

from collections.abc import Callable
from functools import lru_cache

from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from sixgates.gateway.reading import Reading

_Waiting = tuple[RequestResponseCycle, ASGI3Application]


class AtOnce(Reading):
    """One client's connection, as long as requests come one by one and whole."""

    answer: Callable[[Scope, bytes], bytes | None]
    """Answers a request: headers and body, from its first header on. None leaves it to the
    application, as if it had not been asked."""

    _feeding = False
    """Whether bytes are being parsed: only then is it sure that a request will be looked at."""
    _waiting: _Waiting | None = None
    """A request whose head has come, and that may be answered once it is whole."""

    def data_received(self, data: bytes) -> None:
        """Read on; what did not come whole goes the usual way."""
        self._feeding = True
        super().data_received(data)
        self._feeding = False
        self._hand_over()

    def on_message_complete(self) -> None:
        """Answer a request that is whole."""
        super().on_message_complete()
        waiting = self._waiting
        if waiting is not None and self._answered(waiting[0]):
            self._waiting = None
        else:
            self._hand_over()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        if self._feeding and cycle.more_body and cycle.scope["path"] == "/invocations":
            self._running, self._waiting = cycle, (cycle, app)
        else:
            super()._start_asgi_task(cycle, app)

    def _hand_over(self) -> None:
        """Leave a request to the application."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            super()._start_asgi_task(*waiting)

    def _answered(self, cycle: RequestResponseCycle) -> bool:
        """Answer a request, unless its connection or the request itself asks for more."""
        if (
            self._leaving
            or not cycle.keep_alive
            or cycle.waiting_for_100_continue
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        try:
            reply = self.answer(cycle.scope, bytes(cycle.body))  # type: ignore[arg-type]
        except Exception as exc:  # noqa: BLE001 - uvicorn tells of it as of any application's
            self._waiting = cycle, _failing(exc)
            return False
        if reply is None:
            return False
        self.transport.write(_head(tuple(self.server_state.default_headers)) + reply)
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()
        return True


def _failing(exc: Exception) -> ASGI3Application:
    """Return an application that fails: to ask the real one could do twice what is done by half."""

    async def fail(*_: object) -> None:
        raise exc

    return fail


@lru_cache(maxsize=4)
def _head(always: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Return how answers begin: with the date, which uvicorn writes once a second."""
    return STATUS_LINE[200] + b"".join([b"%s: %s\r\n" % header for header in always])

"""How long a client may take, and how many may come: one that is slow must not hurt another.

uvicorn by itself waits for ever for the rest of a request, and for a client to read its answer.
"""

import asyncio
import math
from collections.abc import Callable

from starlette.types import Scope

from sixgates.gateway.http import limits
from sixgates.gateway.http.at_once import AtOnce
from sixgates.gateway.http.parting import forget
from sixgates.gateway.http.reading import Held


def connection_type(
    answer: Callable[[Scope, bytes], bytes | None], refused: Callable[[int], None]
) -> type[asyncio.Protocol]:
    """Return how uvicorn is to speak to a client.

    Args:
        answer: Answers what needs no application; see `AtOnce`.
        refused: Told the status of each answer that no application gave.
    """
    given = {
        "answer": staticmethod(answer), "refused": staticmethod(refused), "held": Held(),
    }  # fmt: skip
    return type("Connection", (_Connection,), given)


class _Connection(AtOnce):
    """One client's connection.

    One timer a connection finds what is late, by looking whenever something could be: a request
    pays for two notes of the time.
    """

    _unread: float | None = None
    """Since when the client does not take what is answered; None while it does."""
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a client in, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > limits.MAX_CONNECTIONS:
            self._say(503, f"{limits.MAX_CONNECTIONS:,} clients are connected: try again later")
            # At once: whoever floods must not be given the open files that the log needs.
            transport.close()
        else:
            self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        super().connection_lost(exc)
        self._stop_timer()

    def pause_writing(self) -> None:
        """Note since when the client takes nothing."""
        super().pause_writing()
        self._unread = self.loop.time()

    def resume_writing(self) -> None:
        """Note that it does again."""
        super().resume_writing()
        self._unread = None

    def shutdown(self) -> None:
        """Answer what is under way, and say with the answer that the connection ends.

        An idle client is listened to a little longer: its next request may be on its way.
        """
        self._leaving = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self._stop_timer()
        until = self.loop.time() + limits.DRAIN_SECONDS
        self._timer = self.loop.call_later(limits.LINGER_SECONDS, self._leave, until)

    def _leave(self, until: float) -> None:
        now = self.loop.time()
        if now >= until:
            self._end_late(503, "the gateway stops: ask again later")
            return
        if self._is_idle():
            self.transport.close()  # once the client has read the last answer
        self._timer = self.loop.call_at(min(until, now + limits.LINGER_SECONDS), self._leave, until)

    def _look(self) -> None:
        """End what is late, and look again when something could be."""
        now, (deadline, what) = self.loop.time(), self._deadline()
        if now >= deadline:
            self._end_late(408, what)
            return
        soonest = min(limits.HEAD_SECONDS, limits.BODY_SECONDS, limits.IDLE_SECONDS)
        self._timer = self.loop.call_at(min(deadline, now + soonest), self._look)

    def _deadline(self) -> tuple[float, str]:
        """Return until when the client must do something, and what to tell it if it does not."""
        if self._unread is not None:
            return self._unread + limits.IDLE_SECONDS, ""
        if self._is_idle():
            return self._since + limits.IDLE_SECONDS, ""
        if not self._reading or self._owes():
            return math.inf, ""
        part, seconds = (
            ("request", limits.BODY_SECONDS) if self._has_head() else ("head", limits.HEAD_SECONDS)
        )
        return self._since + seconds, f"the {part} did not come within {seconds:g} seconds"

    def _end_late(self, status: int, sentence: str) -> None:
        if self._unread is not None:
            forget(self.transport)
        elif self._reading and not self._owes() and not self.transport.is_closing():
            self._give_up(status, sentence)
        else:
            self.transport.abort()  # Idle, answered, or the answer takes longer than there is time.

    def _part(self, status: int, sentence: str) -> None:
        self._stop_timer()
        super()._part(status, sentence)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

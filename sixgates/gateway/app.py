"""What the gateway answers over HTTP.

Scoring is raw ASGI, because it is what every request pays for; the rest is `desk.py`.
"""

import asyncio
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import TypeVar

from starlette.types import Receive, Scope, Send

from sixgates.gates.records import Prediction
from sixgates.gateway import bodies
from sixgates.gateway.desk import Desk
from sixgates.gateway.dialects import Dialect, Reader, dialect_at
from sixgates.gateway.protocol import Question, Refusal, request_id
from sixgates.gateway.scoring import Answer, answer, shadow
from sixgates.gateway.served import Served
from sixgates.gateway.state import State
from sixgates.gateway.tokens import Role

INLINE_BYTES = 16 * 1024
"""A larger request is scored beside the event loop, so that it delays no other."""

_Result = TypeVar("_Result")


class Gateway:
    """The ASGI application of one model."""

    def __init__(self, state: State) -> None:
        """Answer with what the state holds."""
        self._state = state
        self._desk = Desk(state).application()
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="scoring")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: predictions here, everything else at the desk."""
        dialect = dialect_at(scope["path"]) if scope["type"] == "http" else None
        if dialect is None:
            await self._desk(scope, receive, send)
        else:
            await self._predict(dialect, scope, receive, send)

    def close(self) -> None:
        """Let the scoring threads finish."""
        self._pool.shutdown()

    async def _predict(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: bodies.Headers = []
        try:
            reader = self._reader(dialect, scope, headers)
            body = await bodies.read(scope, receive)
            exchange = await self._answer(body, reader, headers)
        except bodies.GoneError:
            return
        except Refusal as refusal:
            self._state.metrics.refuse(refusal.status)
            await bodies.reply(send, refusal.status, bodies.error_body(refusal), headers)
            return
        reply = dialect.write(exchange.question, exchange.answer, exchange.served)
        await bodies.reply(send, 200, reply, headers)
        self._state.metrics.took(perf_counter() - started)
        if exchange.served.beside is not None:
            self._state.record_shadows(await self._run(body, exchange.shadow))

    def _reader(self, dialect: Dialect, scope: Scope, headers: bodies.Headers) -> Reader:
        """Admit the request, and note its identifier among the answer's headers first."""
        request = request_id(bodies.header(scope, b"x-request-id"))
        headers.append((b"x-request-id", request.encode()))
        if scope["method"] != "POST":
            headers.append((b"allow", b"POST"))
            raise Refusal(405, f"POST rows to {scope['path']}")
        if self._state.access.asking:
            self._state.access.require(Role.READ, bodies.header(scope, b"authorization"))
        return dialect.readers[bodies.declared_type(scope, dialect.readers)]

    async def _answer(self, body: bytes, reader: Reader, headers: bodies.Headers) -> "_Exchange":
        served = self._state.follower.served
        if served is None:
            raise Refusal(503, self._state.nothing_served())
        request = headers[0][1].decode()
        headers.append((b"x-sixgates-epoch", b"%d" % served.route.epoch))
        # Taken once, so that a request is answered and logged under one share.
        guard = self._state.follower.guard
        share = guard.share(served)
        exchange = await self._run(body, lambda: _exchange(served, share, reader, body, request))
        headers[0] = (b"x-request-id", exchange.question.request.encode())
        answered = exchange.answer
        guard.saw(served, share, answered.records)
        self._state.record_answers(answered.records, len(answered.predictions))
        if answered.failure:
            raise Refusal(500, f"the champion could not answer: {answered.failure}")
        return exchange

    async def _run(self, body: bytes, work: Callable[[], _Result]) -> _Result:
        if len(body) <= INLINE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


@dataclass(frozen=True, slots=True)
class _Exchange:
    """One request from question to answer, on the route it met."""

    served: Served
    share: float
    question: Question
    answer: Answer

    def shadow(self) -> list[Prediction]:
        return shadow(self.served, self.question, self.answer, self.share)


def _exchange(served: Served, share: float, reader: Reader, body: bytes, request: str) -> _Exchange:
    question = reader(body, served, request, time.time())
    return _Exchange(served, share, question, answer(served, question, share))

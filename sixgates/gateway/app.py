"""What the gateway answers over HTTP.

Scoring is raw ASGI, because it is what every request pays for; the rest is `desk.py`.
"""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

from starlette.types import Receive, Scope, Send

from sixgates.gateway.desk import Desk
from sixgates.gateway.http import bodies
from sixgates.gateway.http.access_log import line_of, logged
from sixgates.gateway.http.bodies import Heads
from sixgates.gateway.http.trace import trace_of
from sixgates.gateway.override import share_asked
from sixgates.gateway.protocols.dialects import Dialect, Reader, dialect_at
from sixgates.gateway.protocols.protocol import Refusal, request_id
from sixgates.gateway.scoring import Exchange, Terms, answer
from sixgates.gateway.served import Served
from sixgates.gateway.state import State
from sixgates.gateway.tokens import Role

_JSON_ENDS = b"inference-header-content-length"


class Gateway:
    """The ASGI application of one model."""

    def __init__(self, state: State) -> None:
        """Answer with what the state holds."""
        self._state = state
        self._pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="scoring")
        self._desk = Desk(state, self._pool).application()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request: predictions here, everything else at the desk."""
        if self._state.access_log is not None:
            send = logged(self._state.access_log, scope, send)
        dialect = dialect_at(scope["path"]) if scope["type"] == "http" else None
        if dialect is None:
            await self._desk(scope, receive, send)
        else:
            await self._predict(dialect, scope, receive, send)

    def answer_at_once(self, scope: Scope, body: bytes) -> bytes | None:
        """Return the answer to a small request for predictions: headers, an empty line, and body.

        None where it is not that, or anything is to be said about it: then nothing has happened,
        and the application is to be asked.
        """
        dialect = dialect_at(scope["path"])
        if dialect is None or len(body) > bodies.INLINE_BYTES:
            return None
        started = perf_counter()
        headers: bodies.Headers = []
        try:
            heads = bodies.heads_of(scope)
            reader, request = self._admit(dialect, scope, heads, headers)
            served, terms = self._meet(heads, headers)
            exchange, lines, reply = self._exchange(dialect, reader, request, served, terms, body)
        except Refusal:
            return None
        if exchange.answer.failure:
            return None
        self._note(exchange, lines, headers)
        seconds = perf_counter() - started
        self._state.tally.seconds.add(seconds)
        if (log := self._state.access_log) is not None:
            log.append(line_of(scope, 200, dict(headers), len(reply), seconds))
        if lines and served.beside is not None:
            self._state.shadows.ask(exchange)
        return bodies.written(reply, headers)

    def close(self) -> None:
        """Let the scoring threads finish."""
        self._pool.shutdown()

    async def _predict(self, dialect: Dialect, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        headers: bodies.Headers = []
        try:
            heads = bodies.heads_of(scope)
            reader, request = self._admit(dialect, scope, heads, headers)
            body = await bodies.read(heads, receive)
            # Only now: a slow client must not be answered by a route that has gone meanwhile.
            served, terms = self._meet(heads, headers)
            asked = (reader, request, served, terms, body)
            if len(body) <= bodies.INLINE_BYTES:
                exchange, lines, reply = self._exchange(dialect, *asked)
            else:
                loop = asyncio.get_running_loop()
                exchange, lines, reply = await loop.run_in_executor(
                    self._pool, self._exchange, dialect, *asked
                )
            self._note(exchange, lines, headers)
        except bodies.GoneError:
            return
        except Refusal as refusal:
            self._state.refused(refusal.status)
            await bodies.reply(send, refusal.status, bodies.error_body(refusal), headers)
            return
        await bodies.reply(send, 200, reply, headers)
        self._state.tally.seconds.add(perf_counter() - started)
        if lines and exchange.served.beside is not None:
            self._state.shadows.ask(exchange)

    def _admit(
        self, dialect: Dialect, scope: Scope, heads: Heads, headers: bodies.Headers
    ) -> tuple[Reader, str]:
        """Admit a request by its head, and note its identifier among the answer's headers first."""
        request = request_id(heads.get(b"x-request-id"))
        headers.append((b"x-request-id", request.encode()))
        if scope["method"] != "POST":
            headers.append((b"allow", b"POST"))
            raise Refusal(405, f"POST rows to {scope['path']}")
        access = self._state.access
        if access.asking:
            access.require(Role.READ, heads.get(b"authorization"))
        if b"content-encoding" in heads:
            bodies.refuse_coding(heads)
        # No web page can send that header behind its visitor's back, so it may go without a type.
        if (ends := heads.get(_JSON_ENDS)) is not None and dialect.read_binary is not None:
            return dialect.read_binary(ends), request
        kind = heads.get(b"content-type", b"")
        known = dialect.plain.get(kind)
        return known or dialect.readers[bodies.declared_type(heads, dialect.readers)], request

    def _meet(self, heads: Heads, headers: bodies.Headers) -> tuple[Served, Terms]:
        """Take the route that answers a request, and note its epoch among the answer's headers."""
        served = self._state.follower.served
        if served is None:
            raise Refusal(503, self._state.nothing_served())
        headers.append((b"x-sixgates-epoch", b"%d" % served.route.epoch))
        share, epoch = self._state.follower.guard.share(served), served.route.epoch
        if (arm := heads.get(b"x-sixgates-arm")) is not None:
            self._state.access.require(Role.OPERATE, heads.get(b"authorization"))
            share, epoch = share_asked(arm, served), 0
        trace = trace_of(heads, headers) if b"traceparent" in heads else ""
        return served, Terms(share, epoch, trace)

    def _exchange(  # noqa: PLR0917 - as a thread pool calls it
        self,
        dialect: Dialect,
        reader: Reader,
        request: str,
        served: Served,
        terms: Terms,
        body: bytes,
    ) -> tuple[Exchange, bytes, bytes]:
        """Answer a request; return also the lines of the log and the body of the reply."""
        question = reader(body, served, request, time.time())
        answered = answer(served, question, terms)
        reply = b"" if answered.failure else dialect.write(question, answered, served)
        lines = self._state.lines_of(answered.records)
        return Exchange(served, terms, question, answered), lines, reply

    def _note(self, exchange: Exchange, lines: bytes, headers: bodies.Headers) -> None:
        """Log and count an answer before it is sent, and let the canary's guard see it."""
        answered, terms = exchange.answer, exchange.terms
        headers[0] = (b"x-request-id", exchange.question.request.encode())
        if terms.epoch:
            self._state.follower.guard.saw(exchange.served, terms.share, answered.parts)
        self._state.record(exchange, lines)
        if answered.failure:
            raise Refusal(500, f"the champion could not answer: {answered.failure}")

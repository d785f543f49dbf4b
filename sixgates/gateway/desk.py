"""Everything but scoring: labels, health, what is served, metrics, and the admin's two calls."""

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixgates.gates.card import Task
from sixgates.gates.errors import PipelineError
from sixgates.gateway import metrics
from sixgates.gateway.http import bodies
from sixgates.gateway.inference_desk import Endpoint, inference_routes
from sixgates.gateway.openapi.document import document
from sixgates.gateway.page.routes import page_routes
from sixgates.gateway.protocols.decoding import decode
from sixgates.gateway.protocols.protocol import Refusal, read_labels
from sixgates.gateway.sample import LabelLines, label_lines
from sixgates.gateway.state import State
from sixgates.gateway.tokens import Role

_CLIENT_GONE = 499
_MOMENT_SECONDS = 0.01


class _Proof(msgspec.Struct):
    digest: str


_proofs = msgspec.json.Decoder(_Proof)


class Desk:
    """The calls behind the scoring path."""

    def __init__(self, state: State, pool: Executor) -> None:
        """Speak for what the state holds; large bodies are understood in the pool."""
        self._state = state
        self._pool = pool

    def application(self) -> Starlette:
        """Return these calls as an ASGI application."""
        refuse = self._refuse
        access, read, operate = (
            self._state.access,
            self._needs(Role.READ),
            self._needs(Role.OPERATE),
        )
        see = read if access.seeing else _open
        application = Starlette(
            routes=[
                Route(
                    "/labels", (read if access.asking else _open)(self._labels), methods=["POST"]
                ),
                # The other two are MLflow's names for it: its client waits for them.
                *(Route(path, self._healthz) for path in ("/healthz", "/ping", "/health")),
                Route("/serving", see(self._serving)),
                Route("/metrics", see(self._metrics)),
                Route("/openapi.json", see(self._openapi)),
                Route("/admin/prove", operate(self._prove), methods=["POST"]),
                Route("/admin/follow", operate(self._follow), methods=["POST"]),
                *inference_routes(self._state, see),
                *page_routes(self._state, see),
            ],
            exception_handlers={Refusal: refuse, HTTPException: refuse, bodies.GoneError: refuse},
        )
        # A path that is nearly right is wrong: a redirect has no sentence.
        application.router.redirect_slashes = False
        return application

    async def _labels(self, request: Request) -> Response:
        body, served = await _body(request), self._state.follower.served
        # Until a model is served nobody knows what its labels are, and none is to be lost for that.
        task = served.champion.card.task if served else Task.MULTICLASS
        if len(body) <= bodies.INLINE_BYTES:
            sent = self._understand(body, task)
        else:
            loop = asyncio.get_running_loop()
            sent = await loop.run_in_executor(self._pool, self._understand, body, task)
        written = self._state.record_labels(sent)
        if lost := written.lost.count(b"\n"):
            raise Refusal(
                507,
                f"{lost:,} of {sent.labels:,} labels were not kept, send all again"
                f" (the first of each row counts): {written.reason}",
            )
        return _json(200, {"accepted": sent.labels})

    def _understand(self, body: bytes, task: Task) -> LabelLines:
        return label_lines(read_labels(body, task, time.time()), self._state.log_share)

    async def _healthz(self, _request: Request) -> Response:
        state = self._state
        if state.stopping:
            return _json(503, {"status": "stopping", "error": "the gateway stops"})
        if state.follower.served is None:
            return _json(503, {"status": "empty", "error": state.nothing_served()})
        troubles = state.troubles()
        status = "degraded" if troubles else "ok"
        sentence = "; ".join(troubles) or f"serving {state.model}"
        return _json(
            200, {"status": status, "sentence": sentence, "unlogged": state.answers.losses.total}
        )

    async def _serving(self, _request: Request) -> Response:
        return _json(200, self._state.serving())

    async def _metrics(self, _request: Request) -> Response:
        return Response(self._state.exposition(), media_type=metrics.CONTENT_TYPE)

    async def _openapi(self, _request: Request) -> Response:
        served = self._state.follower.served
        said = document(
            model=self._state.model,
            card=served.champion.card if served else None,
            version=served.route.champion.number if served else None,
            access=self._state.access,
        )
        return _json(200, said)

    async def _prove(self, request: Request) -> Response:
        try:
            asked = decode(_proofs, await _body(request))
        except msgspec.DecodeError as exc:
            raise Refusal(400, f'send {{"digest": "<SHA-256>"}}: {exc}') from exc
        try:
            await asyncio.to_thread(self._state.follower.prove, asked.digest)
        except PipelineError as exc:
            raise Refusal(409, str(exc)) from exc
        return _json(200, {"ok": True})

    async def _follow(self, _request: Request) -> Response:
        followed = threading.Event()

        def follow() -> None:
            try:
                self._state.follower.follow()
            finally:
                followed.set()

        following = asyncio.get_running_loop().run_in_executor(None, follow)
        # Requests wait a moment, too: beside a busy event loop a thread takes ten times as long,
        # and meanwhile the split that is to end would go on answering.
        followed.wait(_MOMENT_SECONDS)
        try:
            await following
        except PipelineError as exc:
            raise Refusal(503, str(exc)) from exc
        return _json(200, self._state.serving())

    def _needs(self, role: Role) -> Callable[[Endpoint], Endpoint]:
        """Let only bearers of a token with that role in; without tokens nobody."""

        def guard(endpoint: Endpoint) -> Endpoint:
            async def guarded(request: Request) -> Response:
                self._state.access.require(
                    role, bodies.heads_of(request.scope).get(b"authorization")
                )
                return await endpoint(request)

            return guarded

        return guard

    async def _refuse(self, request: Request, exc: Exception) -> Response:
        match exc:
            case Refusal():
                status, sentence, headers = exc.status, exc.sentence, None
            case HTTPException():
                status, headers = exc.status_code, exc.headers
                sentence = f"{request.method} {request.scope['path']:.100}: {exc.detail}"
            case _:
                return Response(status_code=_CLIENT_GONE)  # Nobody reads this.
        self._state.refused(status)
        return _json(status, {"error": sentence}, headers)


def _open(endpoint: Endpoint) -> Endpoint:
    return endpoint


async def _body(request: Request) -> bytes:
    return await bodies.read_json(request.scope, request.receive)


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(value), status, headers, "application/json")

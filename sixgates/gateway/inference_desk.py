"""What the Open Inference Protocol, version 2, asks beside predictions: health and metadata."""

from collections.abc import Awaitable, Callable
from importlib import metadata as package

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixgates.gateway.protocols.inference import metadata, refuse_others
from sixgates.gateway.protocols.protocol import Refusal
from sixgates.gateway.served import Served
from sixgates.gateway.state import State

Endpoint = Callable[[Request], Awaitable[Response]]

_MODEL = "/v2/models/{model}"
_VERSION = "/v2/models/{model}/versions/{version}"


def inference_routes(state: State, see: Callable[[Endpoint], Endpoint]) -> list[Route]:
    """Return the protocol's GET calls.

    Args:
        state: What is spoken for.
        see: Lets only those in who may see what is served; health is open to all.
    """

    async def live(_request: Request) -> Response:
        return Response()

    async def ready(_request: Request) -> Response:
        if state.stopping:
            raise Refusal(400, "the gateway stops")
        _served(state)
        return Response()

    async def model_ready(request: Request) -> Response:
        _asked(state, request)
        return Response()

    async def server(_request: Request) -> Response:
        return _json({"name": "sixgates", "version": package.version("sixgates"), "extensions": []})

    async def model(request: Request) -> Response:
        return _json(metadata(_asked(state, request)))

    return [
        Route("/v2", see(server)),
        Route("/v2/health/live", live),
        Route("/v2/health/ready", ready),
        *(Route(path, see(model)) for path in (_MODEL, _VERSION)),
        *(Route(f"{path}/ready", model_ready) for path in (_MODEL, _VERSION)),
    ]


def _served(state: State) -> Served:
    served = state.follower.served
    if served is None:
        # The protocol says 4xx for what is not ready.
        raise Refusal(400, state.nothing_served())
    return served


def _asked(state: State, request: Request) -> Served:
    served = _served(state)
    refuse_others(request.path_params["model"], request.path_params.get("version"), served)
    return served


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")

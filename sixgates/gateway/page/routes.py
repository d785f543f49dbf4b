"""The two calls of the page: itself, which anybody may load, and its data, which may need a token.

The page is one answer without any outside asset. Its policy lets in the one style and the one
script that it was made with, and nothing else: not even what a reason in the ledger might smuggle.
"""

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sixgates.gateway.inference_desk import Endpoint
from sixgates.gateway.page.live import Live
from sixgates.gateway.state import State

_ALWAYS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


def page_routes(state: State, see: Callable[[Endpoint], Endpoint]) -> list[Route]:
    """Return the page and its data.

    Args:
        state: What is shown.
        see: Lets only those in who may see what is served.
    """
    live = Live(state)
    body, policy = _page()
    headers = {
        **_ALWAYS, "content-security-policy": policy, "referrer-policy": "no-referrer",
    }  # fmt: skip

    async def page(_request: Request) -> Response:
        return Response(body, headers=headers, media_type="text/html")

    async def data(_request: Request) -> Response:
        return Response(await live.json(), headers=_ALWAYS, media_type="application/json")

    return [Route("/", page), Route("/page/state", see(data))]


def _page() -> tuple[bytes, str]:
    """Return the page, and the policy that lets it do what it was made to do."""
    folder = files(__package__)
    html, style, script = (
        folder.joinpath(f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
    )
    whole = html.replace("{style}", style).replace("{script}", script)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    )
    return whole.encode(), policy


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"

"""A gateway in this process: its own application, state and log, without a socket."""

import asyncio
import errno
import os
from pathlib import Path

import httpx
from starlette.types import Message

from sixgates.gates.errors import PipelineError, TransientError
from sixgates.gates.ports import Serving
from sixgates.gateway.access import access_of
from sixgates.gateway.answer_log import AnswerLog, LogMode
from sixgates.gateway.app import Gateway
from sixgates.gateway.canary.tell import tell
from sixgates.gateway.follow import Follower
from sixgates.gateway.log import SegmentLog, Written
from sixgates.gateway.shadows import Shadows
from sixgates.gateway.state import State
from sixgates.gateway.store import ModelStore
from sixgates.gateway.tokens import tokens_of
from sixgates.ledger.ledger import Ledger

_NOT_SERVED = {"refused", "clock"}
"""What a gateway says beside what it serves."""


class InProcessGateway:
    """The gateway's application on an event loop of its own; to be used from one thread."""

    def __init__(self, model: str, ledger: Ledger, store: Path, log: Path) -> None:
        """Serve what the ledger says.

        Args:
            model: Name of the project.
            ledger: Which is followed.
            store: Folder of the model store.
            log: Folder of the log.
        """
        self.url = f"http://{model}.virtual"
        self.model = model
        self._ledger = ledger
        self._folder = log / model
        self._loop = asyncio.new_event_loop()
        self.state = State(
            model=model,
            follower=Follower(model, ledger, ModelStore(store, model)),
            log_dir=log,
            access=access_of(tokens_of(None, None), loopback=True, host="virtual"),
        )
        self._application = Gateway(self.state)
        self.look()

    def look(self) -> None:
        """Do what a gateway's threads do every so often: follow, say that it lives, tell."""
        self.state.follower.poll()
        self._ledger.announce(self.model, self.url)
        tell(self._ledger, self.state.follower.guard, self.url)

    def settle(self) -> None:
        """Write down what still waits to be scored in shadow."""
        self.state.shadows.settle()

    def fill_disk(self, *, full: bool) -> None:
        """Let the log of predictions find no room, or find some again."""
        state, former = self.state, self.state.answers
        state.shadows.close()
        former.close()
        log = (_FullLog if full else SegmentLog)(self._folder, "predictions")
        state.answers = AnswerLog(log, LogMode.REPLY_AFTER_COMMIT, former.losses)
        state.shadows = Shadows(log, state.tally, 1.0)

    def serving(self) -> Serving:
        """Return what is served."""
        said = self.state.serving()
        return Serving(self.url, **{k: v for k, v in said.items() if k not in _NOT_SERVED})

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        return self._loop.run_until_complete(self._answer(request))

    def close(self, *, killed: bool = False) -> None:
        """Stop, with all it answered in the log; one that is killed tells nobody that it goes."""
        if self._loop.is_closed():
            return
        if not killed:
            self.state.leave()
            tell(self._ledger, self.state.follower.guard, self.url)
            self._ledger.withdraw(self.url)
        self._application.close()
        self.state.close()
        self._loop.close()

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        body, told = request.read(), []
        scope = {
            "type": "http", "method": request.method, "path": request.url.path,
            "query_string": request.url.query, "headers": _lower(request.headers.raw),
        }  # fmt: skip

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            told.append(message)

        await self._application(scope, receive, send)
        content = b"".join(m.get("body", b"") for m in told[1:])
        return httpx.Response(told[0]["status"], headers=told[0]["headers"], content=content)


class _FullLog(SegmentLog):
    """A log on a disk without room."""

    def append(self, lines: bytes) -> Written:
        """Lose the lines, as a real one would."""
        self.failure = os.strerror(errno.ENOSPC)
        return Written(lines, self.failure)


class InProcessTraffic(httpx.BaseTransport):
    """The `Traffic` of a world with one gateway, or none; carries requests to it as well."""

    def __init__(self) -> None:
        """Begin without a gateway."""
        self.gateway: InProcessGateway | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Let the gateway answer a request."""
        if self.gateway is None:
            raise httpx.ConnectError("no gateway is open", request=request)
        return self.gateway.answer(request)

    def prove(self, model: str, digest: str) -> list[str]:
        """Make the gateway load a version and answer its probes.

        Raises:
            TransientError: there is no gateway.
        """
        if self.gateway is None:
            raise TransientError(f"no gateway serves {model}: open one")
        self.gateway.look()
        try:
            self.gateway.state.follower.prove(digest)
        except PipelineError as exc:
            return [f"{self.gateway.url}: {exc}"]
        return []

    def proved(self, _model: str, _digest: str) -> str:
        """Say that the gateway answered."""
        return "all gateways that were asked answer its probes as the trainer did"

    def follow(self, model: str, _epoch: int) -> list[Serving]:
        """Make the gateway read the ledger, and return what it then serves."""
        if self.gateway is not None:
            self.gateway.state.follower.follow()
        return self.serving(model)

    def serving(self, _model: str) -> list[Serving]:
        """Return what the gateway serves."""
        if self.gateway is None:
            return []
        self.gateway.look()
        return [self.gateway.serving()]


def _lower(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in headers]

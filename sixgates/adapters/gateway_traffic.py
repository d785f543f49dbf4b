"""Talking to the gateways that the ledger says are alive: prove, follow, ask what they serve."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import httpx
import msgspec
from pydantic import SecretStr

from sixgates.adapters.clocks import minutes_ahead
from sixgates.gates.errors import (
    ConfigurationError,
    ContractError,
    TransientError,
)
from sixgates.gates.ports import Serving, SomeSilentError
from sixgates.ledger.ledger import Ledger

_Answer = TypeVar("_Answer")

_TIMEOUT = httpx.Timeout(5.0, connect=2.0)
_PROOF_TIMEOUT = httpx.Timeout(30.0, connect=2.0)
"""Loading a large model takes seconds."""
_AT_ONCE = 16
"""Gateways that are called at the same time."""


class _Document(msgspec.Struct):
    """What a gateway says it serves; fields that are not named here are ignored."""

    epoch: int
    champion: str
    champion_digest: str
    beside: str
    beside_digest: str
    arm: str
    share: float
    unlogged: int
    log_share: float = 1.0
    left_out: int = 0
    left_out_labels: int = 0
    lapsed: bool = False
    cut: str = ""
    clock: float | None = None
    """Its wall clock, seconds since 1970; None from a gateway of an older version."""


class GatewayTraffic:
    """HTTP to every live gateway of a model."""

    def __init__(self, ledger: Ledger, token: SecretStr | None) -> None:
        self._ledger = ledger
        self._token = token

    def prove(self, model: str, digest: str) -> list[str]:
        """Make every live gateway load a version and answer its probes.

        Returns:
            One sentence per gateway that refused; empty when all answered bit for bit.

        Raises:
            TransientError: no gateway is alive, or one did not answer.
        """
        answers = self._each(model, lambda url: self._prove(url, digest))
        if not answers:
            raise TransientError(
                f"no gateway serves {model}: start `sixgates serve --project {model}`"
            )
        return [said for said in answers if said]

    def proved(self, model: str, digest: str) -> str:  # noqa: ARG002 - a port's signature
        """Say who answered; not how many are alive now, for some may have come since."""
        return "all gateways that were asked answer its probes as the trainer did"

    def follow(self, model: str, epoch: int) -> list[Serving]:
        """Make every live gateway read the ledger, and return what each then serves.

        All gateways are called, also when one of them fails: a rollback must reach the others. A
        gateway that could not load the route keeps the former one, and its epoch says so: compare
        it with `epoch`.

        Raises:
            SomeSilentError: a gateway did not answer; it holds what the others said.
        """
        body: dict[str, str | int] = {"epoch": epoch}
        return self._each(model, lambda url: self._ask("POST", url, "/admin/follow", body))

    def serving(self, model: str) -> list[Serving]:
        """Return what each live gateway serves.

        Raises:
            SomeSilentError: a gateway did not answer; it holds what the others said.
        """
        return self._each(model, lambda url: self._ask("GET", url, "/serving"))

    def _each(self, model: str, one: Callable[[str], _Answer]) -> list[_Answer]:
        """Call all at once: one that hangs keeps no other waiting, nor a rollback from it."""
        urls = self._ledger.gateways(model)
        if not urls:
            return []
        with ThreadPoolExecutor(min(len(urls), _AT_ONCE)) as pool:
            calls = [pool.submit(one, url) for url in urls]
        failures = [failure for call in calls if (failure := call.exception())]
        for failure in failures:
            if not isinstance(failure, TransientError):
                raise failure
        answers = [call.result() for call in calls if not call.exception()]
        if failures:
            raise SomeSilentError("; ".join(map(str, failures)), answers)
        return answers

    def _ask(
        self, method: str, url: str, path: str, body: dict[str, str | int] | None = None
    ) -> Serving:
        before = time.time()
        answer = self._call(method, url, path, body)
        return _serving(url, answer, before, time.time())

    def _prove(self, url: str, digest: str) -> str:
        answer = self._call("POST", url, "/admin/prove", {"digest": digest}, _PROOF_TIMEOUT)
        if answer.status_code == httpx.codes.CONFLICT:
            return f"{url}: {_error(answer)}"
        return ""

    def _call(
        self,
        method: str,
        url: str,
        path: str,
        body: dict[str, str | int] | None = None,
        timeout: httpx.Timeout = _TIMEOUT,
    ) -> httpx.Response:
        token = self._token.get_secret_value() if self._token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            # A gateway is addressed directly: proxies of the environment are for the outer world.
            with httpx.Client(timeout=timeout, headers=headers, trust_env=False) as client:
                answer = client.request(method, f"{url.rstrip('/')}{path}", json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise TransientError(
                f"the gateway {url} did not answer {path} ({exc or type(exc).__name__}): see"
                " whether it runs; one that stopped is forgotten within seconds"
            ) from exc
        _require_ok(url, path, answer)
        return answer


def _require_ok(url: str, path: str, answer: httpx.Response) -> None:
    status = answer.status_code
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise ConfigurationError(
            f"the gateway {url} refused the token for {path} ({status}): set SIXGATES_GATEWAY_TOKEN"
            " here to the one it was started with"
        )
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise TransientError(
            f"the gateway {url} failed at {path} ({status}: {_error(answer)}): try again, and see"
            " its log where it stays"
        )
    if status not in {httpx.codes.OK, httpx.codes.CONFLICT}:
        raise ContractError(
            f"the gateway {url} answered {path} with {status}: see whether another program or an"
            " older gateway listens there"
        )


def _serving(url: str, answer: httpx.Response, before: float, after: float) -> Serving:
    try:
        said = msgspec.json.decode(answer.content, type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise ContractError(
            f"the gateway {url} does not say what it serves ({exc}): see whether another program"
            " or an older gateway listens there"
        ) from exc
    named = msgspec.structs.asdict(said)
    clock = named.pop("clock")
    return Serving(url=url, **named, ahead=minutes_ahead(clock, before, after) if clock else 0)


def _error(answer: httpx.Response) -> str:
    try:
        said = msgspec.json.decode(answer.content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        said = None
    if isinstance(said, dict) and said.get("error"):
        return str(said["error"])
    return answer.text[:200] or "no reason given"

"""How the gateway process lives: bind, follow the ledger, announce itself, drain and leave."""

import asyncio
import gc
import ipaddress
import logging
import math
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from sixgates.gates.errors import ConfigurationError, PipelineError
from sixgates.gateway.access import access_of
from sixgates.gateway.answer_log import LogMode
from sixgates.gateway.app import Gateway
from sixgates.gateway.canary.tell import tell
from sixgates.gateway.follow import Follower
from sixgates.gateway.http import limits
from sixgates.gateway.http.access_log import AccessLog
from sixgates.gateway.http.connections import connection_type
from sixgates.gateway.open_files import make_room
from sixgates.gateway.repeating import Repeating, within
from sixgates.gateway.state import State
from sixgates.gateway.store import ModelStore
from sixgates.gateway.tokens import tokens_of
from sixgates.gateway.workers import supervise
from sixgates.ledger.ledger import Ledger

_BACKLOG = 2048
_TEND_SECONDS = 1.0
_GARBAGE = 50_000
"""Objects after which the collector looks at the newest: more than a request of many rows makes."""
_PATIENCE_SECONDS = 5.0
"""A database that takes longer is asked anew: whoever waits for it follows no route meanwhile."""
_PARTING_SECONDS = 2.0
"""How long the ledger is waited for at the end: a supervisor kills what takes half a minute."""
_SWITCH_SECONDS = 0.0005
"""After so long another thread lets the event loop's in. Python's own 5 ms would be felt."""

_logger = logging.getLogger(__name__)


def serve(
    *,
    model: str,
    ledger_url: str,
    store: Path,
    log_dir: Path,
    token: str | None,
    token_file: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    workers: int = 1,
    mode: LogMode = LogMode.REPLY_AFTER_COMMIT,
    shadow: float = 1.0,
    log_share: float = 1.0,
    access_log: Path | None = None,
    notice: float = 0.0,
    heartbeat: float = 2.0,
    poll: float = 0.5,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Serve one model until SIGTERM or SIGINT.

    Args:
        model: Name of the project.
        ledger_url: SQLAlchemy URL of the ledger.
        store: Folder of the model store.
        log_dir: Folder under which predictions and labels are logged, one folder a model.
        token: One that may operate the gateway.
        token_file: File of more tokens, with the role of each; see `tokens_of`. Without any token
            admin calls are refused.
        host: Address to bind; anything but loopback needs a token.
        port: Port to bind; 0 takes a free one.
        workers: Processes that share the port. Of several each has a port of its own besides, by
            which the ledger knows it.
        mode: When an answer is in the log.
        shadow: Share of units whose rows the other model scores too, 0 to 1.
        log_share: Share of requests that are logged, above 0 and up to 1.
        access_log: File that gets a line a request; None for none.
        notice: Seconds for which it says that it stops, and serves on, before it does.
        heartbeat: Seconds between two announcements to the ledger.
        poll: Seconds between two looks at the ledger's newest route.
        on_listening: Called with the URL once requests are accepted.

    Raises:
        ConfigurationError: address, ledger URL, log folder or token file cannot be used.
        TransientError: the ledger did not answer.
    """
    access = access_of(tokens_of(token, token_file), loopback=_is_loopback(host), host=host)
    make_room()

    def work(sockets: list[socket.socket], ready: Callable[[], None]) -> None:
        with closing(_open(ledger_url)) as ledger:
            follower = Follower(model, ledger, ModelStore(store, model))
            state = State(
                model=model, follower=follower, log_dir=log_dir, access=access, mode=mode,
                shadow=shadow, log_share=log_share,
                access_log=AccessLog(access_log) if access_log else None,
            )  # fmt: skip
            _serve(
                state, ledger, sockets, url=_url(host, sockets[-1]), notice=notice,
                heartbeat=heartbeat, poll=poll, on_listening=ready,
            )  # fmt: skip

    with _bind(host, port) as sock:
        say = partial(on_listening or (lambda _url: None), _url(host, sock))
        if workers == 1:
            work([sock], say)
        else:
            # Forked before anything has threads or a connection. Once workers drain, the port is
            # theirs alone: whom this process let connect as well, nobody would answer.
            supervise(
                workers, lambda ready: work([sock, _bind(host, 0)], ready), say, on_stop=sock.close
            )


def _serve(
    state: State,
    ledger: Ledger,
    sockets: list[socket.socket],
    *,
    url: str,
    notice: float,
    heartbeat: float,
    poll: float,
    on_listening: Callable[[], None],
) -> None:
    """Serve on these sockets, known to the ledger by a URL."""
    follower = state.follower
    gateway = Gateway(state)
    following = Repeating("follow", poll, follower.poll)
    presence = Repeating("announce", heartbeat, lambda: _announce(ledger, state.model, url))
    # Not where routes are followed: a write may wait for another's, and a rollback must not.
    telling = Repeating("tell", poll, lambda: tell(ledger, follower.guard, url))
    ended = threading.Event()
    hearing = threading.Thread(
        target=ledger.listen, args=(state.model, following.hasten, ended), name="hear", daemon=True
    )

    def start() -> None:
        following.start()
        presence.start()
        telling.start()
        hearing.start()
        on_listening()

    def stop() -> None:
        state.stopping = True
        ended.set()
        presence.stop(_PARTING_SECONDS)
        within(_PARTING_SECONDS, lambda: _withdraw(ledger, url))

    sys.setswitchinterval(_SWITCH_SECONDS)
    follower.poll()
    # What is there now stays: looking through it for garbage again and again cost a third of a
    # request. What requests leave behind goes by itself; the collector is for what few leave.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    connection = connection_type(gateway.answer_at_once, state.refused)
    server = _Server(
        gateway, connection, state.tend, on_started=start, on_stopping=stop, notice=notice
    )
    with _signals_end_quietly(server):
        try:
            server.run(sockets=sockets)
        finally:
            following.stop(_PARTING_SECONDS)
            telling.stop(_PARTING_SECONDS)
            state.leave()
            within(_PARTING_SECONDS, lambda: tell(ledger, follower.guard, url))
            gateway.close()
            state.close()


@contextmanager
def _signals_end_quietly(server: uvicorn.Server) -> Iterator[None]:
    """The server drains on a signal and then raises it again: that is the end, not a failure.

    Nor do more of them keep it from writing down what it answered, and one that comes before the
    server listens to signals is not lost.
    """

    def stop(*_: object) -> None:
        server.should_exit = True

    former = {s: signal.signal(s, stop) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


class _Server(uvicorn.Server):
    """Tells when requests are accepted, and when they no longer will be."""

    def __init__(
        self,
        app: Gateway,
        connection: type[asyncio.Protocol],
        tend: Callable[[], None],
        *,
        on_started: Callable[[], None],
        on_stopping: Callable[[], None],
        notice: float,
    ) -> None:
        config = uvicorn.Config(
            app, loop="uvloop", http=connection, ws="none", lifespan="off", log_config=None,
            access_log=False, server_header=False, proxy_headers=False,
            # Connections end by themselves before; this is for an answer that takes for ever.
            timeout_graceful_shutdown=math.ceil(limits.DRAIN_SECONDS) + 1,
        )  # fmt: skip
        super().__init__(config)
        self._tend = tend
        self._on_started = on_started
        self._on_stopping = on_stopping
        self._notice = notice

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            await asyncio.to_thread(self._on_started)
            self._tending = asyncio.create_task(self._keep_tending())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await asyncio.to_thread(self._on_stopping)
        await asyncio.sleep(self._notice)
        await super().shutdown(sockets)

    async def _keep_tending(self) -> None:
        while True:
            await asyncio.sleep(_TEND_SECONDS)
            self._tend()


def _announce(ledger: Ledger, model: str, url: str) -> None:
    try:
        ledger.announce(model, url)
    except (PipelineError, SQLAlchemyError) as exc:
        _logger.warning("%s is not announced: %s", url, exc)


def _withdraw(ledger: Ledger, url: str) -> None:
    try:
        ledger.withdraw(url)
    except (PipelineError, SQLAlchemyError) as exc:
        _logger.warning("%s is not withdrawn, it will fade by itself: %s", url, exc)


def _open(url: str) -> Ledger:
    try:
        return Ledger(url, _PATIENCE_SECONDS)
    except (SQLAlchemyError, ImportError, ValueError) as exc:
        # A ValueError quotes what should have been a port, and may be a part of the password.
        why = type(exc).__name__ if isinstance(exc, ValueError) else exc
        raise ConfigurationError(
            f"the ledger cannot be opened ({why}): give a SQLAlchemy URL such as"
            " sqlite:////var/lib/sixgates/ledger.db"
        ) from exc


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        sock = socket.socket(family, kind)
    except (OSError, OverflowError) as exc:
        raise ConfigurationError(f"{host}:{port} cannot be bound: {exc}") from exc
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)  # Only a listening socket keeps others off the port.
    except OSError as exc:
        sock.close()
        raise ConfigurationError(
            f"port {port} of {host} cannot be used ({exc.strerror}): choose another with --port"
        ) from exc
    return sock


def _url(host: str, sock: socket.socket) -> str:
    port = sock.getsockname()[1]
    # A wildcard is no address that others can call.
    name = socket.gethostname() if host in {"0.0.0.0", "::"} else host  # noqa: S104 - compared
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

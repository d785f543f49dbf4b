"""A server under measurement: started, seen to answer as the model does, known by its pid."""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError, TransientError

_PATIENCE_SECONDS = 120.0
_CHECKED = 5
"""Requests whose answers are compared before anything is measured."""


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers at a URL."""

    name: str
    pid: int
    url: str
    """Where rows are posted."""
    log: Path
    """What it printed."""

    @property
    def origin(self) -> str:
        """The URL without its path."""
        return "/".join(self.url.split("/")[:3])

    @property
    def port(self) -> int:
        """Where on loopback it listens."""
        return int(self.origin.rpartition(":")[2])


@dataclass(frozen=True, slots=True)
class Start:
    """How a server is started."""

    name: str
    command: Sequence[str]
    port: int
    path: str
    logs: Path
    """Folder of what it prints."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Beside the bench's own environment."""


def start(processes: Processes, how: Start, body: bytes) -> Server:
    """Start a server and wait until it answers a row.

    Raises:
        TransientError: it ended, or gave no answer in two minutes.
    """
    process = processes.spawn(how.name, list(how.command), env=environment(**how.env))
    url = f"http://127.0.0.1:{how.port}{how.path}"
    server = Server(how.name, process.pid, url, how.logs / f"{how.name}.log")
    _wait(server, process, body)
    return server


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment without settings of an installation, and with more."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("SIXGATES_")}
    return {**own, **more}


def free_port() -> int:
    """Return a port of loopback that nobody has just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def require_answers(
    server: Server,
    bodies: Sequence[bytes],
    right: Sequence[Sequence[float]],
    *,
    answer_of: Callable[[Any], float],
    tolerance: float = 0.0,
) -> None:
    """See that a server answers with the model it is to be measured with.

    Args:
        server: Which.
        bodies: Requests of one row.
        right: To each, the answers that it may get.
        answer_of: Finds the answer in a decoded body.
        tolerance: How far an answer may be off, where a server writes fewer digits.

    Raises:
        ContractError: an answer is another one.
    """
    for body, answers in list(zip(bodies, right, strict=True))[:_CHECKED]:
        status, said = post(server.url, body)
        try:
            answer = answer_of(json.loads(said))
        except (ValueError, LookupError, TypeError) as exc:
            raise ContractError(
                f"{server.name} answered {status}, {said[:200]!r}, and no prediction: see"
                f" {server.log}"
            ) from exc
        if min(abs(answer - one) for one in answers) > tolerance:
            raise ContractError(
                f"{server.name} answered {answer!r} where the model says {answers[0]!r}: it serves"
                " something else, so its speed says nothing"
            )


def post(url: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Post a JSON body and return status and body of the answer."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        headers = {"content-type": "application/json", **headers}
        connection.request("POST", f"/{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _wait(server: Server, process: subprocess.Popen[str], body: bytes) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    last = "no answer"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TransientError(
                f"{server.name} ended with code {process.returncode}: see {server.log}"
            )
        try:
            status, said = post(server.url, body)
        except (OSError, http.client.HTTPException) as exc:
            last = str(exc) or type(exc).__name__
        else:
            if status == http.client.OK:
                return
            last = f"{status} {said[:200]!r}"
        time.sleep(0.05)
    raise TransientError(
        f"{server.name} gave no prediction in {_PATIENCE_SECONDS:.0f} s ({last}): see {server.log}"
    )

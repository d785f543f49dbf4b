"""Load on a server: `wrk` in a closed loop, and what each answer cost the server meanwhile."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from bench.gateway.cpu import ProcessTree
from bench.gateway.servers import Server
from sixgates.gates.errors import ConfigurationError, ContractError

_SCRIPT = Path(__file__).with_name("cycle.lua")
_LOOK_SECONDS, _IDLE = 0.1, 0.2
"""A server is idle that used less than this share of a core between two looks."""
_SETTLE_SECONDS = 20.0
_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Cost:
    """What some seconds of load cost a server."""

    micros: float
    """Processor time per answered request, user and system of the whole process tree, in µs."""
    requests: int
    per_second: float
    p50: float
    """Median latency in µs, from request to whole answer, as the client sees it."""
    p99: float


def require_wrk() -> None:
    """Say by name what is missing.

    Raises:
        ConfigurationError: there is no `wrk`.
    """
    if shutil.which("wrk") is None:
        raise ConfigurationError("wrk is not installed: `apt-get install wrk`, then try again")


def cost(server: Server, requests: Path, connections: int, seconds: float) -> Cost:
    """Load a server and account for its time.

    Args:
        server: Which; it has been warmed up.
        requests: File of bodies that are sent in turn, as `cycle.lua` reads them.
        connections: How many, each sending its next request as soon as it has the answer.
        seconds: How long; whole ones, as wrk counts.

    Raises:
        ContractError: an answer was not 200, a connection broke, a process came or went, or the
            server is never done.
    """
    tree = ProcessTree(server.pid)
    before = tree.seconds()
    said = _wrk(server.url, requests, connections, seconds)
    spent = _settled(server, tree) - before
    if said["broken"] or said["refused"] or not said["requests"]:
        raise ContractError(
            f"{server.name} answered {said['requests']:,} requests, {said['refused']:,} of them not"
            f" with 200, and {said['broken']:,} connections broke: see {server.log}"
        )
    return Cost(
        micros=spent * 1e6 / said["requests"],
        requests=int(said["requests"]),
        per_second=said["requests"] / said["seconds"],
        p50=said["p50"],
        p99=said["p99"],
    )


def _settled(server: Server, tree: ProcessTree) -> float:
    """Wait until a server is idle, and return its processor time.

    What it does after an answer, as scoring in shadow or writing its log, still belongs to it.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    before = tree.seconds()
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        now = tree.seconds()
        if now - before < _IDLE * _LOOK_SECONDS:
            return now
        before = now
    raise ContractError(
        f"{server.name} is still busy {_SETTLE_SECONDS:.0f} s after the load: what a request costs"
        f" cannot be said; see {server.log}"
    )


def _wrk(url: str, requests: Path, connections: int, seconds: float) -> dict[str, float]:
    command = [
        *("wrk", "--threads", "1", "--connections", str(connections), "--timeout", "10s"),
        *("--duration", f"{max(1, round(seconds))}s", "--script", str(_SCRIPT), url),
        *("--", str(requests)),
    ]
    done = subprocess.run(  # noqa: S603 - our own command line
        command, capture_output=True, text=True, check=False, timeout=seconds + _PATIENCE_SECONDS
    )
    lines = done.stdout.splitlines()
    if done.returncode or not lines or not lines[-1].startswith("{"):
        raise ContractError(f"wrk could not load {url}: {(done.stderr or done.stdout)[-300:]}")
    found: dict[str, float] = json.loads(lines[-1])
    return found

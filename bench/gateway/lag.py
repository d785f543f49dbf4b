"""How long after its answer a record can be read through the log's port, as a tick reads it."""

import asyncio
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from bench.figures import Figure, at_most, failed
from bench.gateway.client import Connection, connect, request, require_ok, run_loop
from bench.gateway.compaction import compact
from bench.gateway.house import House
from bench.gateway.ours import Options, start_ours
from bench.gateway.run import Run
from bench.gateway.servers import environment
from bench.gateway.switch import quantile
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

RATE, PACE = 2_000, 2_100
"""Requests a second that must be answered, and that are asked: a little more, for a slow moment."""
SECONDS = 75
"""Longer than a segment is open, so that one is sealed and compacted meanwhile."""
BOUND_SECONDS = 15.0
CONNECTIONS = 32
_COMPACT_EVERY_SECONDS = 20
_PREFIX = "lag-"


def lag(run: Run) -> Iterator[Figure]:
    """Ask at a steady rate while another process reads the log again and again."""
    seconds = run.of(SECONDS, 5)
    run.say(f"log to evidence at {RATE:,} requests a second for {seconds} s")
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        server = start_ours(processes, house, "ours", Options())
        reader = _reader(processes, house, PACE * seconds)
        answered = run_loop(_paced(run, house, server.port, PACE * seconds))
        seen = _seen(reader)
    rate = len(answered) / (max(answered) - min(answered))
    lags = sorted(
        after - at if after is not None else math.inf
        for at, after in zip(answered, seen, strict=True)
    )
    name = f"log to evidence at {RATE:,} requests a second, p99"
    note = (
        f"{len(lags):,} requests at {rate:,.0f}/s; median {statistics.median(lags):.2f}, largest"
        f" {lags[-1]:.2f}; compacted every {_COMPACT_EVERY_SECONDS} s meanwhile"
    )
    if rate < RATE:
        yield failed(name, f"the rate was not kept: {note}")
    else:
        yield at_most(name, quantile(lags, 0.99), BOUND_SECONDS, " s", note)


def _reader(processes: Processes, house: House, requests: int) -> subprocess.Popen[str]:
    given = [str(house.folder), str(requests), _PREFIX]
    return processes.spawn(
        "reader", [sys.executable, "-m", "bench.gateway.reader", *given], env=environment(),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


def _seen(reader: subprocess.Popen[str]) -> list[float | None]:
    """Return when each request was first read, after a last look."""
    said, _ = reader.communicate()
    if reader.returncode:
        raise ContractError("the log cannot be read: see reader.log")
    found: list[float | None] = json.loads(said)
    return found


async def _paced(run: Run, house: House, port: int, number: int) -> list[float]:
    """Ask so many times at the rate; return when each answer came, in monotonic seconds."""
    bodies = run.made.bodies("single")
    answered = [math.nan] * number
    began = time.monotonic() + 1

    async def load(connection: Connection, first: int) -> None:
        for i in range(first, number, CONNECTIONS):
            one = request("/invocations", bodies[i % len(bodies)], x_request_id=f"{_PREFIX}{i}")
            await asyncio.sleep(max(0.0, began + i / PACE - time.monotonic()))
            reply = require_ok(await connection.ask(one))
            answered[i] = reply.at

    connections = [await connect(port) for _ in range(CONNECTIONS)]
    compacting = asyncio.create_task(_compact_on(house))
    await asyncio.gather(*(load(c, i) for i, c in enumerate(connections)))
    compacting.cancel()
    for connection in connections:
        connection.close()
    return answered


async def _compact_on(house: House) -> None:
    while True:
        await asyncio.sleep(_COMPACT_EVERY_SECONDS)
        await asyncio.to_thread(compact, house)

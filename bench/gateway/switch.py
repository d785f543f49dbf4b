"""How long after a change of the split the former one still answers, under load.

A tick appends a route to the ledger and then calls `/admin/follow`, so the change begins when that
call is sent. It ends when the last answer that bears the former epoch was read whole. Requests that
the former split met before the call, and whose answers were under way, are in it.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from bench.figures import Figure, at_most, shown
from bench.gateway.client import Connection, connect, request, require_ok, run_loop
from bench.gateway.house import SHARE, House
from bench.gateway.ours import TOKEN, Options, start_ours
from bench.gateway.run import Run
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

CHANGES = 100
CONNECTIONS = 8
BOUND_MS = 20.0
_BETWEEN_SECONDS = 0.1
_FOLLOW = request("/admin/follow", b"{}", authorization=f"Bearer {TOKEN}")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the split, in monotonic seconds."""

    former: int
    """Epoch that is left."""
    begun: float
    """Before the route was appended."""
    sent: float
    """Before the gateway was told to follow."""
    returned: float
    """When it had said that it does."""


def switch(run: Run) -> Iterator[Figure]:
    """Change the share again and again while requests go on."""
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        server = start_ours(processes, house, "ours", Options())
        changes, last = run_loop(_change(run, house, server.port))
    lags = sorted(1e3 * max(0.0, last[c.former] - c.sent) for c in changes)
    since = sorted(1e3 * (last[c.former] - c.begun) for c in changes)
    calls = sorted(1e3 * (c.returned - c.sent) for c in changes)
    note = (
        f"{len(lags)} changes, {CONNECTIONS} connections; median {statistics.median(lags):.1f},"
        f" largest {lags[-1]:.1f}; the call itself median {statistics.median(calls):.1f}, p99"
        f" {quantile(calls, 0.99):.1f}"
    )
    name = "split change until the last answer on the former one, p99"
    yield at_most(name, quantile(lags, 0.99), BOUND_MS, " ms", note)
    name = "the same from before the ledger was written, p99"
    yield shown(name, quantile(since, 0.99), " ms", f"median {statistics.median(since):.1f}")


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least that share of the values does not exceed."""
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


async def _change(run: Run, house: House, port: int) -> tuple[list[Change], dict[int, float]]:
    """Return the changes, and for each epoch when its last answer was read."""
    last: dict[int, float] = {}
    requests = [request("/invocations", body) for body in run.made.bodies("single")]
    connections = [await connect(port) for _ in range(CONNECTIONS)]
    loads = [
        asyncio.create_task(_load(connection, requests[i::CONNECTIONS], last))
        for i, connection in enumerate(connections)
    ]
    admin = await connect(port)
    run.say(f"changing the split {run.of(CHANGES, 10)} times under load")
    await asyncio.sleep(1)
    changes = [await _once(house, admin, former) for former in range(1, run.of(CHANGES, 10) + 1)]
    for load in loads:
        if load.done():
            load.result()  # what broke it
        load.cancel()
    await asyncio.gather(*loads, return_exceptions=True)
    for connection in (*connections, admin):
        connection.close()
    return changes, last


async def _once(house: House, admin: Connection, former: int) -> Change:
    begun = time.monotonic()
    share = SHARE / 2 if former % 2 else SHARE
    await asyncio.to_thread(house.route, share=share, epoch=former + 1)
    sent = time.monotonic()
    reply = await admin.ask(_FOLLOW)
    if reply.status != HTTPStatus.OK or b'"epoch":%d,' % (former + 1) not in reply.body:
        raise ContractError(f"the gateway does not follow to epoch {former + 1}: {reply.body!r}")
    await asyncio.sleep(_BETWEEN_SECONDS)
    return Change(former, begun, sent, reply.at)


async def _load(connection: Connection, requests: Sequence[bytes], last: dict[int, float]) -> None:
    while True:
        for one in requests:
            reply = require_ok(await connection.ask(one))
            last[int(reply.header(b"x-sixgates-epoch"))] = reply.at

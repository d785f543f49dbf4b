"""What a log that replies after the commit has lost, or doubled, after kill -9 under load.

While each gateway is loaded and killed, a compaction moves what the killed ones before it left.
"""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator

from bench.figures import Figure, at_most
from bench.gateway.client import Connection, connect, request, require_ok, run_loop
from bench.gateway.compaction import compact
from bench.gateway.house import House
from bench.gateway.ours import Options, start_ours
from bench.gateway.run import Run
from bench.gateway.servers import Server, environment
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError, TransientError

KILLS = 20
CONNECTIONS = 8
_EARLIEST, _LATEST = 0.3, 1.5
"""Seconds of load before a kill."""


def kills(run: Run) -> Iterator[Figure]:
    """Kill and start again over one log, compact what is left, then count."""
    chance = random.Random(7)
    acknowledged: list[str] = []
    number = run.of(KILLS, 3)
    with run.house() as house:
        house.route()
        for i in range(number):
            run.say(f"kill {i + 1} of {number}, {len(acknowledged):,} acknowledged so far")
            with Processes(house.logs, own_groups=True) as processes:
                server = start_ours(processes, house, f"killed-{i}", Options())
                after = chance.uniform(_EARLIEST, _LATEST)
                acknowledged += run_loop(_until_killed(house, server, f"kill-{i}", after))
        compact(house)
        counts = tally(house, acknowledged)
    note = (
        f"{number} kills, {len(acknowledged):,} acknowledged, {counts['records']:,} records after"
        f" compaction, {counts['segments']} segments left"
    )
    yield at_most(
        "acknowledged and lost at kill -9, reply-after-commit", counts["lost"], 0, "", note
    )
    yield at_most("doubled records after kills and compaction", counts["doubled"], 0, "", note)


async def _until_killed(house: House, server: Server, prefix: str, after: float) -> list[str]:
    """Ask until the server is killed; return the identifiers that were acknowledged."""
    bodies = house.made.bodies("single")
    acknowledged: list[str] = []

    async def load(connection: Connection, name: str) -> None:
        for i in range(10_000_000):
            one = f"{prefix}-{name}-{i}"
            body = bodies[i % len(bodies)]
            require_ok(await connection.ask(request("/invocations", body, x_request_id=one)))
            acknowledged.append(one)

    connections = [await connect(server.port) for _ in range(CONNECTIONS)]
    loads = [asyncio.create_task(load(c, str(n))) for n, c in enumerate(connections)]
    compacting = asyncio.create_task(asyncio.to_thread(compact, house))
    await asyncio.sleep(after)
    os.killpg(server.pid, signal.SIGKILL)
    for ended in await asyncio.gather(*loads, return_exceptions=True):
        if not isinstance(ended, TransientError):  # which is what a killed server leaves
            raise ContractError(
                f"the load on {server.name} ended otherwise than by the kill: {ended}"
            )
    await compacting
    return acknowledged


def tally(house: House, acknowledged: list[str]) -> dict[str, int]:
    """Return what became of acknowledged requests, as `bench.gateway.tally` counts it.

    Raises:
        ContractError: the log cannot be read.
    """
    file = house.folder / "acknowledged.txt"
    file.write_text("\n".join(acknowledged))
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "bench.gateway.tally", str(house.folder), str(file)],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    if done.returncode:
        raise ContractError(f"the log cannot be read: {done.stderr.strip()[-400:]}")
    counts: dict[str, int] = json.loads(done.stdout)
    return counts

"""How long after a route was committed every replica says that it serves it, under load.

Nobody tells the replicas to follow, as a tick does besides: this is what PostgreSQL's own telling
does, and what polling does alone. What is measured begins before the commit.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Iterator

from bench.figures import Figure, at_most
from bench.gateway.client import run_loop
from bench.gateway.house import SHARE, House
from bench.gateway.switch import quantile
from bench.scale.load import load
from bench.scale.replicas import replicas_of, until_served
from bench.scale.run import Run
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

REPLICAS = 3
CHANGES = 100
TOLD_MS, POLLED_MS = 500.0, 2_000.0


def routes(run: Run) -> Iterator[Figure]:
    """Change the route again and again, with replicas that listen and with some that do not."""
    for deaf, how, bound in ((False, "NOTIFY", TOLD_MS), (True, "polling alone", POLLED_MS)):
        with run.house() as (house, _), Processes(house.logs, own_groups=True) as processes:
            house.route()
            replicas = replicas_of(house, processes, REPLICAS, deaf=deaf)
            for replica in replicas:
                replica.start()
            run.say(f"changing the route {run.of(CHANGES, 10)} times, {how}")
            took = sorted(run_loop(_changes(run, house, [r.port for r in replicas])))
        name = f"route change read back from {REPLICAS} replicas under load, {how}, p99"
        note = f"{len(took)} changes; median {statistics.median(took):.0f}, largest {took[-1]:.0f}"
        yield at_most(name, quantile(took, 0.99), bound, " ms", note)


async def _changes(run: Run, house: House, ports: list[int]) -> list[float]:
    chance = random.Random(7)
    took = []
    async with load(ports, run.made.bodies("single")) as met:
        for epoch in range(2, run.of(CHANGES, 10) + 2):
            await asyncio.sleep(chance.uniform(0.1, 0.6))  # no step with what polls
            begun = time.monotonic()
            share = SHARE / 2 if epoch % 2 else SHARE
            await asyncio.to_thread(house.route, share=share, epoch=epoch)
            took.append(1e3 * (await until_served(ports, epoch) - begun))
    if met.failed:
        raise ContractError(f"{len(met.failed):,} requests failed meanwhile: {met.failed[0]}")
    return took

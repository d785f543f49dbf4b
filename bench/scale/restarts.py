"""Every gateway restarted one by one behind a balancer, then PostgreSQL, as by a crash."""

import asyncio
from collections.abc import Iterator

from bench.figures import Figure, at_most, shown
from bench.gateway.client import run_loop
from bench.gateway.house import SHARE, House
from bench.gateway.kills import tally
from bench.scale.load import Load, load
from bench.scale.replicas import Replica, replicas_of, until_served
from bench.scale.routes import REPLICAS
from bench.scale.run import Run
from cli.rehearsal.full.nginx import BACK_SECONDS, balancer
from cli.rehearsal.full.postgres import Cluster
from cli.rehearsal.processes import Processes

ROUNDS = 3


def restarts(run: Run) -> Iterator[Figure]:
    """Restart all in mid-canary under load, and count what failed and what was lost."""
    with run.house() as (house, server), Processes(house.logs, own_groups=True) as processes:
        house.route()
        replicas = replicas_of(house, processes, REPLICAS)
        for replica in replicas:
            replica.start()
        addresses = [f"127.0.0.1:{replica.port}" for replica in replicas]
        with balancer(house.folder / "nginx", addresses) as port:
            met, followed = run_loop(_restart(run, house, server, replicas, port))
        for replica in replicas:
            replica.stop()
        counts = tally(house, met.acknowledged)
    rounds = run.of(ROUNDS, 1)
    why = f"; the first: {met.failed[0]}" if met.failed else ""
    note = (
        f"{rounds} rounds of {REPLICAS} gateways one by one behind nginx and of PostgreSQL, in"
        f" mid-canary; {len(met.acknowledged):,} requests answered{why}"
    )
    name = "failed requests, rolling restart of 3 gateways and PostgreSQL restart"
    yield at_most(name, len(met.failed), 0, "", note)
    note = f"{counts['records']:,} records of {len(met.acknowledged):,} acknowledged requests"
    yield at_most("acknowledged predictions lost in it", counts["lost"], 0, "", note)
    note = "from before the server was stopped until all read back a route that came after"
    yield shown("PostgreSQL restart until a new route is served by all", max(followed), " s", note)


async def _restart(
    run: Run, house: House, server: Cluster, replicas: list[Replica], port: int
) -> tuple[Load, list[float]]:
    followed = []
    ports = [replica.port for replica in replicas]
    async with load([port], run.made.bodies("single")) as met:
        await asyncio.sleep(1)
        for epoch in range(2, run.of(ROUNDS, 1) + 2):
            for replica in replicas:
                run.say(f"restarting {replica.name}")
                await asyncio.to_thread(replica.stop)
                await asyncio.to_thread(replica.start)
                await asyncio.sleep(BACK_SECONDS)
            run.say("restarting PostgreSQL")
            begun = asyncio.get_running_loop().time()
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(1)
            await asyncio.to_thread(server.start)
            share = SHARE / 2 if epoch % 2 else SHARE
            await asyncio.to_thread(house.route, share=share, epoch=epoch)
            followed.append(await until_served(ports, epoch) - begun)
    return met, followed

"""A replica in a network namespace of its own, cut off from the ledger in mid-canary."""

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from urllib.request import Request, urlopen

from bench.figures import Figure, at_most
from bench.gateway.client import run_loop
from bench.gateway.house import House
from bench.gateway.ours import TOKEN, Options, command, variables
from bench.gateway.servers import environment, free_port
from bench.scale.load import Load, load
from bench.scale.network import Island, island
from bench.scale.replicas import replicas_of
from bench.scale.run import Run
from cli.rehearsal.full.nginx import balancer
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError

LEASE_SECONDS = 5.0
_RENEWED_SECONDS = 1.0
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 60.0


def cut_off(run: Run) -> Iterator[Figure]:
    """Cut the wire again and again, each time until the canary has no share and is back."""
    with (
        run.house() as (house, server),
        island() as there,
        Processes(house.logs, own_groups=True) as processes,
    ):
        server.let_in(there.subnet)
        house.route()
        near = replicas_of(house, processes, 2)
        for replica in near:
            replica.start()
        url = _start(house, there, server.port, processes)
        addresses = [f"127.0.0.1:{replica.port}" for replica in near]
        addresses.append(url.removeprefix("http://"))
        with balancer(house.folder / "nginx", addresses) as port:
            found, met = run_loop(_cut(run, house, there, url, port))
    note = f"{len(found)} cuts; {min(found):.2f} to {max(found):.2f} s"
    name = "cut off from the ledger in mid-canary until the canary's share is 0"
    yield at_most(name, max(found), LEASE_SECONDS, " s", f"{note}; the bound is the lease")
    why = f"; the first: {met.failed[0]}" if met.failed else ""
    note = f"{len(met.acknowledged):,} answered, cut and mended {len(found)} times{why}"
    yield at_most("failed requests behind the balancer meanwhile", len(met.failed), 0, "", note)


def _start(house: House, there: Island, port: int, processes: Processes) -> str:
    """Start a replica over there, and return where it listens."""
    ledger = f"postgresql://postgres@{there.mainland}:{port}/ledger"
    how = [*there.within, *command(house, free_port(), Options()), "--host", there.host]
    process = processes.spawn(
        "island", how, env=environment(**{**variables(house), "SIXGATES_LEDGER_URL": ledger}),
        stdout=subprocess.PIPE,
    )  # fmt: skip
    said = process.stdout.readline() if process.stdout else ""
    if not said:
        raise TransientError(f"the replica over there did not start: see {house.logs}")
    return str(json.loads(said)["url"])


async def _cut(
    run: Run, house: House, there: Island, url: str, port: int
) -> tuple[list[float], Load]:
    """Return how many seconds the canary kept its share after each cut, and what clients met."""
    found = []
    renewing = asyncio.create_task(_renew(house))
    try:
        async with load([port], run.made.bodies("single")) as met:
            await asyncio.sleep(2 * _RENEWED_SECONDS)  # until the lease of the route is replaced
            for i in range(run.of(5, 1)):
                await _until(url, share=True)
                await asyncio.sleep(_RENEWED_SECONDS * i / 5)  # no step with the renewals
                run.say("cutting the wire")
                begun = time.monotonic()
                await asyncio.to_thread(there.cut)
                found.append(await _until(url, share=False) - begun)
                await asyncio.sleep(2)
                await asyncio.to_thread(there.mend)
            await _until(url, share=True)
    finally:
        renewing.cancel()
    return found, met


async def _renew(house: House) -> None:
    """Renew the lease as ticks do."""
    while True:
        await asyncio.to_thread(house.renew, LEASE_SECONDS)
        await asyncio.sleep(_RENEWED_SECONDS)


async def _until(url: str, *, share: bool) -> float:
    """Return when a gateway first says that its canary has a share, or has none."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if (await asyncio.to_thread(_share, url) > 0) is share:
            return time.monotonic()
        await asyncio.sleep(_LOOK_SECONDS)
    raise TransientError(f"the canary of {url} has {'no' if share else 'a'} share for a minute")


def _share(url: str) -> float:
    asked = Request(f"{url}/serving", headers={"authorization": f"Bearer {TOKEN}"})  # noqa: S310 - our own
    with urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own
        return float(json.load(answer)["share"])

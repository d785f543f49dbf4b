"""How much memory one worker takes that has three models loaded."""

import json
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from bench.figures import Figure, at_most, shown
from bench.gateway.cpu import ProcessTree
from bench.gateway.load import cost
from bench.gateway.ours import TOKEN, Options, start_ours
from bench.gateway.run import Run
from bench.gateway.servers import post
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import ContractError

BOUND_MIB = 60.0


def memory(run: Run) -> Iterator[Figure]:
    """Load it, have a third model proved, and load it again: then every page was used."""
    run.say("memory with three models")
    requests = run.made.requests("single")
    with run.house() as house, Processes(house.logs, own_groups=True) as processes:
        house.route()
        server = start_ours(processes, house, "ours", Options())
        cost(server, requests, 8, run.of(3, 1))
        _prove(server.origin, run.made.digests[2])
        cost(server, requests, 8, run.of(3, 1))
        rollups = [_rollup(pid) for pid in ProcessTree(server.pid).pids]
    pss, rss, own = (sum(r[key] for r in rollups) / 1024 for key in ("Pss", "Rss", "Pss_Anon"))
    note = f"{len(rollups)} process; {own:.1f} MiB of it in no file; measured under load"
    yield at_most("memory with three models loaded, one worker, PSS", pss, BOUND_MIB, " MiB", note)
    note = "as if nobody shared Python and its libraries with it"
    yield shown("memory with three models loaded, one worker, RSS", rss, " MiB", note)


def _prove(origin: str, digest: str) -> None:
    body = json.dumps({"digest": digest}).encode()
    status, said = post(f"{origin}/admin/prove", body, authorization=f"Bearer {TOKEN}")
    if status != HTTPStatus.OK:
        raise ContractError(f"the gateway does not prove {digest}: {said!r}")


def _rollup(pid: int) -> dict[str, int]:
    """Return the sizes of a process in KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {name: int(size.split()[0]) for name, _, size in (line.partition(":") for line in lines)}

"""How long from the start of the process to the first answer, with the model on disk."""

import json
import statistics
import subprocess
import time
from collections.abc import Iterator
from http import HTTPStatus

from bench.figures import Figure, at_most
from bench.gateway.house import House
from bench.gateway.ours import Options, command, variables
from bench.gateway.run import Run
from bench.gateway.servers import environment, post
from cli.rehearsal.processes import Processes
from sixgates.gates.errors import TransientError

STARTS = 10
BOUND_SECONDS = 1.0


def start_time(run: Run) -> Iterator[Figure]:
    """Start it again and again; the first start, which may read from disk, does not count."""
    run.say("start to first answer")
    with run.house() as house:
        house.route()
        found = sorted([_start(run, house) for _ in range(run.of(STARTS, 2) + 1)][1:])
    name = "start to first answer, model on disk"
    note = f"median of {len(found)} starts, {found[0]:.2f} to {found[-1]:.2f}"
    yield at_most(name, statistics.median(found), BOUND_SECONDS, " s", note)


def _start(run: Run, house: House) -> float:
    body = run.made.bodies("single")[0]
    with Processes(house.logs, own_groups=True) as processes:
        began = time.monotonic()
        process = processes.spawn(
            "start", command(house, 0, Options()), env=environment(**variables(house)),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        said = process.stdout.readline()
        if not said:
            raise TransientError(f"the gateway did not start: see {house.logs}/start.log")
        status, answer = post(json.loads(said)["url"] + "/invocations", body)
        took = time.monotonic() - began
        process.stdout.close()
    if status != HTTPStatus.OK:
        raise TransientError(f"the first answer was {status}: {answer!r}")
    return took

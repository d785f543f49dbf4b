"""A whole release on a whole installation, while workers of Dask and Prefect are killed under it.

The servers are those of `sixgates rehearse --stack` and the scenario is `healthy-drift`, whose
retrain and ticks of the canary are here runs of the deployments. In each gate of each run a worker
of Dask is killed, amid a gate of the retrain a worker of Prefect with all that it runs, and so once
more amid a tick of the canary. Others are started in their places at once, as by a supervisor.
"""

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import Any

from bench.figures import Figure, at_least, at_most, failed
from bench.scale.kills import WORK, Kills, kill_dask, kill_prefect
from bench.scale.run import Run
from cli.rehearsal.full.needed import require_all
from cli.rehearsal.full.stack import FullStack, full_stack
from cli.rehearsal.job import TRIGGERED
from cli.rehearsal.lanes import lane_env
from cli.rehearsal.processes import Processes
from cli.rehearsal.rehearse import REPOSITORY
from sixgates.gates.errors import TransientError
from sixgates.ledger.ledger import Ledger


def killed(run: Run) -> Iterator[Figure]:
    """Play the scenario once."""
    require_all()
    home = run.folder / "killed"
    home.mkdir()
    with full_stack(home, run.say) as (stack, processes):
        stack.start(run.say)
        stack.wait(run.say)
        start = partial(stack.start_worker, lane_env(stack, 0))
        workers = [start() for _ in range(stack.workers)]
        stack.deploy(REPOSITORY)
        (home / "deployed").touch()
        with (
            closing(Ledger(stack.env["SIXGATES_LEDGER_URL"])) as ledger,
            ThreadPoolExecutor() as pool,
        ):
            kills = Kills(ledger, f"loans-{TRIGGERED}")
            killers = [
                pool.submit(kill_dask, stack.env["SIXGATES_ENGINE"], kills),
                pool.submit(kill_prefect, workers, start, kills),
            ]
            try:
                told = _played(home, stack, processes, run)
            finally:
                kills.ended.set()
            for killer in killers:
                killer.result()
    yield from _figures(told, kills)


def _played(home: Path, stack: FullStack, processes: Processes, run: Run) -> dict[str, Any]:
    """Let a process play that has the installation's environment from its beginning.

    Raises:
        TransientError: it came to no end.
    """
    command = [sys.executable, "-m", "bench.scale.on_workers", TRIGGERED, str(home)]
    play = processes.spawn("play", command, env=lane_env(stack, 0), stdout=PIPE)
    told: dict[str, Any] = {}
    for line in play.stdout or ():
        told = json.loads(line)
        if "progress" in told:
            run.say(told["progress"])
    if "actual" not in told:
        raise TransientError(told.get("error", f"the play ended early: see {home}/logs/play.log"))
    return told


def _figures(told: dict[str, Any], kills: Kills) -> Iterator[Figure]:
    how = (
        f"workers killed amid their work: of Dask {len(kills.dask)} ({', '.join(kills.dask)}), of"
        f" Prefect {len(kills.prefect)} ({', '.join(kills.prefect)}); {kills.missed} more met none"
    )
    name = "verdict reached and proved amid kills of workers of Dask and Prefect"
    if not kills.dask or len(kills.prefect) < len(WORK):
        yield failed(name, f"not all work was met: {how}")
        return
    reached = told["actual"] == told["expected"] and told["proved"]
    note = f"{told['scenario']} ended as {told['actual']}, should be {told['expected']}; {how}"
    yield at_least(name, reached, 1, "", note)
    note = f"{told['answered']:,} predictions acknowledged"
    yield at_most("failed requests amid them", told["failed_requests"], 0, "", note)
    yield at_most("acknowledged predictions lost amid them", told["lost"], 0, "", note)
    name = "a tick killed with its worker, until the next one came to its end"
    note = f"as long as a canary answers without ticks; states of runs: {', '.join(told['again'])}"
    yield at_most(name, told["longest"], told["lease"], " s", note)

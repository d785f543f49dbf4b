"""A canary whose ticks stop because Prefect's server is gone: the lease must save it."""

import sys
import time
from collections.abc import Callable

from cli.rehearsal.matrix.play import Stage
from cli.rehearsal.matrix.scenes import Scene
from cli.rehearsal.matrix.states import CANARY
from cli.rehearsal.matrix.town import STORY
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from sixgates.gates.errors import TransientError

_SLACK_SECONDS = 5.0
"""What gateways may take beyond the lease: they look at the ledger twice a second."""
_PATIENCE = 180.0


def play_orphaned(stage: Stage) -> None:
    """Kill Prefect's server in mid-canary, wait for the lease, and start it again.

    Raises:
        TransientError: the ticks did not begin, or not begin again.
    """
    place = "canary, Prefect's server gone"
    lease = STORY.project.policies.canary.lease.total_seconds()
    stage.say(f"{place}: starting Prefect")
    stage.findings.plays += 1
    stage.reach(CANARY)
    home = stage.town.home.parent / "prefect"
    home.mkdir(exist_ok=True)
    scene = Scene("orphaned canary", CANARY, "tick")
    with (
        Processes(home / "logs", own_groups=True) as processes,
        stage.open(scene, place, gateways=2),
    ):
        stack = Stack(home, processes)
        server = stack.start_prefect()
        stack.wait_for_prefect()
        env = {
            **stack.env,
            **stage.town.env,
            "PREFECT_API_URL": stack.env["PREFECT_API_URL"],
            # A schedule starts each tick anew; here one process makes all of them, and must not
            # wait for minutes to tell a server that is gone how the tick under way ended.
            "PREFECT_CLIENT_MAX_RETRIES": "0",
        }
        command = [sys.executable, "-m", "cli.rehearsal.matrix.ticker", str(stage.town.file)]
        ticker = processes.spawn("ticker", command, env=env)
        if not _within(_PATIENCE, lambda: _ticked(stage)):
            raise TransientError(f"no tick through Prefect came: see {home / 'logs'}")
        before = stage.walker.look()["lapses"]
        stage.say(f"{place}: killed, waiting for the lease of {lease:.0f} s")
        server.kill()
        saved = _within(lease + _SLACK_SECONDS, lambda: _shares(stage) == [0.0, 0.0])
        if not saved:
            stage.violated(place, "lease", [f"the canary still answers {lease:.0f} s after a tick"])
        stage.say(f"{place}: starting Prefect again")
        stack.start_prefect()
        if not _within(_PATIENCE, lambda: _ticked(stage)):
            raise TransientError(f"no tick through Prefect came again: see {home / 'logs'}")
        ticker.kill()
        ticker.wait()
        if stage.walker.look()["lapses"] == before:
            stage.violated(place, "lease", ["the ledger does not know of the lapse"])
        stage.settle(place)


def _shares(stage: Stage) -> list[float]:
    """Return the share that each gateway gives the canary now."""
    return [0.0 if g["lapsed"] or g["cut"] else g["share"] for g in stage.walker.look()["gateways"]]


def _ticked(stage: Stage) -> bool:
    """Whether a tick was here: no share is held back any more, whatever the release came to."""
    shares = _shares(stage)
    return bool(shares) and all(shares)


def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True

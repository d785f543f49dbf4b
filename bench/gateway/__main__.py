"""`python -m bench.gateway`: measure the gateway, print the figures, and judge them.

Prints a table, and writes `bench/out/gateway.json`. Ends with 0 where every figure keeps its bound,
with 1 where one does not or could not be measured. Needs wrk, two cores and some quiet.
"""

import shutil
import sys
from collections.abc import Callable, Iterator

from bench.figures import Figure
from bench.gateway.batch import batch
from bench.gateway.kills import kills
from bench.gateway.lag import lag
from bench.gateway.load import require_wrk
from bench.gateway.made import make
from bench.gateway.memory import memory
from bench.gateway.peers import peers
from bench.gateway.run import Run
from bench.gateway.single import floor, shadow, single
from bench.gateway.start import start_time
from bench.gateway.switch import switch
from bench.report import BENCH, OUT, Say, main, or_failed

GROUPS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "single": single,
    "shadow": shadow,
    "floor": floor,
    "peers": peers,
    "batch": batch,
    "switch": switch,
    "memory": memory,
    "start": start_time,
    "kills": kills,
    "lag": lag,
}


def measure(names: list[str], quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Measure some groups, one after the other.

    Raises:
        PipelineError: nothing can be measured at all.
    """
    require_wrk()
    folder = OUT / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say("models and requests")
    run = Run(make(OUT / "made"), folder, BENCH / ".envs", quick, say)
    for name in names:
        yield from or_failed(name, GROUPS[name](run))


if __name__ == "__main__":
    sys.exit(main("gateway", __doc__, GROUPS, measure))

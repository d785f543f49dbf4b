"""`python -m bench.watch`: measure the drift check and the data gate, and judge the figures.

Prints a table, and writes `bench/out/watch.json`. Ends with 0 where every figure keeps its bound,
with 1 where one does not or could not be measured. Needs 10 GB of memory, for the peers, and quiet.
"""

import sys
from collections.abc import Callable, Iterator

from bench.figures import Figure
from bench.report import BENCH, Say, main, or_failed
from bench.watch.drift import drift, memory
from bench.watch.peers import exact, peers
from bench.watch.quality import alerts, gate, triage
from bench.watch.run import Run

GROUPS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "drift": drift,
    "memory": memory,
    "exact": exact,
    "peers": peers,
    "gate": gate,
    "alerts": alerts,
    "triage": triage,
}


def measure(names: list[str], quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Measure some groups, one after the other."""
    run = Run(BENCH / ".data", BENCH / ".envs", quick, say)
    for name in names:
        yield from or_failed(name, GROUPS[name](run))


if __name__ == "__main__":
    sys.exit(main("watch", __doc__, GROUPS, measure))

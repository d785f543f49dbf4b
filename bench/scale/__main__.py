"""`python -m bench.scale`: several gateways, one PostgreSQL and many models, measured and judged.

Prints a table, and writes `bench/out/scale.json`. Ends with 0 where every figure keeps its bound,
with 1 where one does not or could not be measured. Needs PostgreSQL and nginx, and for the network
namespace root and iproute2.
"""

import shutil
import sys
from collections.abc import Callable, Iterator

from bench.figures import Figure
from bench.gateway.made import make
from bench.report import OUT, Say, main, or_failed
from bench.scale.cut_off import cut_off
from bench.scale.killed import killed
from bench.scale.many import many
from bench.scale.on_dask import on_dask
from bench.scale.records import records
from bench.scale.restarts import restarts
from bench.scale.routes import routes
from bench.scale.run import Run
from bench.scale.verdict import verdict

GROUPS: dict[str, Callable[[Run], Iterator[Figure]]] = {
    "routes": routes,
    "cut-off": cut_off,
    "restarts": restarts,
    "verdict": verdict,
    "killed": killed,
    "many": lambda run: many(run.quick, run.say),
    "records": records,
    "dask": lambda run: on_dask(run.quick, run.say),
}


def measure(names: list[str], quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Measure some groups, one after the other.

    Raises:
        PipelineError: nothing can be measured at all.
    """
    folder = OUT / "scale-work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say("models and requests")
    run = Run(make(OUT / "made"), folder, quick, say)
    for name in names:
        yield from or_failed(name, GROUPS[name](run))


if __name__ == "__main__":
    sys.exit(main("scale", __doc__, GROUPS, measure))

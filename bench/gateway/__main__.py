"""`python -m bench.gateway`: measure the gateway, print the figures, and judge them.

Prints a table, and writes `bench/out/gateway.json`. Ends with 0 where every figure keeps its bound,
with 1 where one does not or could not be measured. Needs wrk, two cores and some quiet.
"""

import argparse
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console

from bench.gateway.batch import batch
from bench.gateway.figures import Figure, write
from bench.gateway.kills import kills
from bench.gateway.lag import lag
from bench.gateway.load import require_wrk
from bench.gateway.made import make
from bench.gateway.memory import memory
from bench.gateway.peers import peers
from bench.gateway.run import Run, or_failed, progress
from bench.gateway.single import floor, shadow, single
from bench.gateway.start import start_time
from bench.gateway.switch import switch
from bench.gateway.table import said, table_of
from cli.rehearsal.processes import terminate_as_interrupt
from sixgates.gates.errors import PipelineError

BENCH = Path(__file__).parents[1]
OUT = BENCH / "out"
_WIDTH = 160
"""Of the table where it is not on a terminal."""
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


def main() -> int:
    """Measure what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.gateway", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=GROUPS, metavar="NAME",
        help=f"one group of figures, and no other; may be repeated: {', '.join(GROUPS)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="short runs, to see that all works")
    given = parser.parse_args()
    names = given.only or list(GROUPS)
    try:
        with terminate_as_interrupt():
            figures = measure(names, quick=given.quick)
    except PipelineError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: every process was stopped, nothing was written\n")
        return 130
    whole = set(names) == set(GROUPS) and not given.quick
    report(figures, OUT / ("gateway.json" if whole else "gateway-part.json"), quick=given.quick)
    return code_of(figures)


def measure(names: list[str], *, quick: bool) -> list[Figure]:
    """Measure some groups, one after the other.

    Raises:
        PipelineError: nothing can be measured at all.
    """
    require_wrk()
    say = progress()
    folder = OUT / "work"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    say("models and requests")
    run = Run(make(OUT / "made"), folder, BENCH / ".envs", quick, say)
    figures = []
    for name in names:
        for figure in or_failed(name, GROUPS[name](run)):
            figures.append(figure)
            say(f"{figure.name}: {said(figure)}")  # for whoever does not wait for the end
    return figures


def report(figures: list[Figure], path: Path, *, quick: bool) -> None:
    """Print the table and write the JSON."""
    write(
        path, figures, quick=quick, at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        machine={"cores": os.cpu_count(), "kernel": platform.release(), "processor": _processor()},
    )  # fmt: skip
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table_of(figures))
    sys.stderr.write(f"written to {path}\n")


def code_of(figures: list[Figure]) -> int:
    """Return 1 where a figure misses its bound, or there is none."""
    return 0 if figures and all(figure.ok for figure in figures) else 1


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())

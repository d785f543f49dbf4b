"""From the command line to a table, a file and an exit code: what every bench has in common."""

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from http.client import HTTPException
from pathlib import Path

from rich.console import Console

from bench.figures import Figure, failed, write
from bench.table import said, table_of
from cli.rehearsal.processes import terminate_as_interrupt
from sixgates.gates.errors import PipelineError

BENCH = Path(__file__).parent
OUT = BENCH / "out"
_WIDTH = 160
"""Of the table where it is not on a terminal."""

Say = Callable[[str], None]
"""Told what is being done."""


def main(
    bench: str,
    doc: str | None,
    groups: Collection[str],
    measure: Callable[[list[str], bool, Say], Iterable[Figure]],
) -> int:
    """Measure the groups that the command line asks for; print them, and write them as JSON.

    Args:
        bench: Name, of the command and of the file.
        doc: What the help says.
        groups: All groups of figures.
        measure: Yields the figures of some groups, quickly or not.

    Returns:
        0 where every figure keeps its bound, 1 where one does not, 2 where nothing was measured.
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{bench}", description=doc)
    parser.add_argument(
        "--only", action="append", choices=groups, metavar="NAME",
        help=f"one group of figures, and no other; may be repeated: {', '.join(groups)}",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="short runs, to see that all works")
    given = parser.parse_args()
    names, say, figures = given.only or list(groups), progress(), []
    try:
        with terminate_as_interrupt():
            for figure in measure(names, given.quick, say):
                figures.append(figure)
                say(f"{figure.name}: {said(figure)}")  # for whoever does not wait for the end
    except PipelineError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: every process was stopped, nothing was written\n")
        return 130
    whole = set(names) == set(groups) and not given.quick
    report(figures, OUT / (f"{bench}.json" if whole else f"{bench}-part.json"), quick=given.quick)
    return code_of(figures)


def or_failed(name: str, figures: Iterable[Figure]) -> Iterator[Figure]:
    """Pass figures on; where one cannot be measured, say so under a name in its place.

    A server that hangs, or a command that fails, costs its own figures and not the whole bench.
    """
    try:
        yield from figures
    except PipelineError as exc:
        yield failed(name, str(exc))
    except (OSError, HTTPException, subprocess.SubprocessError) as exc:
        yield failed(name, f"{type(exc).__name__}: {exc}")


def progress() -> Say:
    """Return what writes lines with the time since now to standard error."""
    began = time.monotonic()

    def say(line: str) -> None:
        sys.stderr.write(f"{time.monotonic() - began:7.1f} s  {line}\n")
        sys.stderr.flush()

    return say


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

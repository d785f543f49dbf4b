"""What a logged record costs, from the segment to the evidence: the constants of the sizing."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, shown
from bench.scale.logged import MODEL
from bench.scale.run import Run
from bench.spent import Spent, run

REQUESTS = 1_000_000


def records(given: Run) -> Iterator[Figure]:
    """Measure, each in a process of its own, what is done with every record and every label."""
    folder, requests = given.folder / "records", given.of(REQUESTS, 20_000)
    given.say(f"{requests:,} requests that two models answered")
    _do("write", folder, requests)
    log, later = folder / "log" / MODEL, folder / "later"
    tables, idle = folder / "tables" / MODEL, _do("idle", folder)
    answers, note = 2 * requests, f"{2 * requests:,} records"
    yield shown("a record in a segment", _bytes(log) / answers, " bytes", note)
    yield shown("a label in a segment", _bytes(later) / requests, " bytes", f"{requests:,} labels")
    yield from _each("reading a record that is not compacted", _do("read", folder), idle, answers)
    yield from _each("compacting a record", _do("compact", folder), idle, answers)
    yield shown("a record in its table", _bytes(tables / "predictions") / answers, " bytes", note)
    for path in later.iterdir():
        path.rename(log / path.name)
    yield from _each("compacting a label", _do("compact", folder), idle, requests)
    size = _bytes(tables / "labels") / requests
    yield shown("a label in its table", size, " bytes", f"{requests:,} labels")
    yield from _each("reading a label", _do("labels", folder), idle, requests)
    yield from _each("a record as evidence of a tick", _do("evidence", folder), idle, answers)
    yield from _each("a record as matured loss", _do("matured", folder), idle, answers)
    shutil.rmtree(folder)


def _do(work: str, folder: Path, requests: int = 0) -> Spent:
    command = [sys.executable, "-m", "bench.scale.logged", work, str(folder), str(requests)]
    return run(command)


def _each(name: str, spent: Spent, idle: Spent, n: int) -> Iterator[Figure]:
    """State processor time and memory of each of so many, beside a process that does nothing."""
    more = (spent.peak - idle.peak) * 2**20 / n
    note = f"of {n:,}; {spent.peak:,.0f} MiB at most, {idle.peak:,.0f} of them before it began"
    yield shown(f"{name}, processor time", spent.cpu * 1e6 / n, " µs", note)
    yield shown(f"{name}, memory", more, " bytes", note)


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())

"""The drift check against one pass over the same files, and the memory that it takes."""

from collections.abc import Iterator

from bench.figures import TIMES, Figure, at_most, shown
from bench.spent import Pairs, in_turn
from bench.watch.run import MILLION, Run

PAIRS = 15
STORED, BOTH = 1.2, 2.0
PEAK_MIB = 600.0
FLAT = 1.1
"""How much more memory five times the rows may take."""


def drift(run: Run) -> Iterator[Figure]:
    """Measure it with a stored profile and with both windows, at either number of rows."""
    for rows in run.rows:
        name = f"{rows / MILLION:g}M x 50"
        run.windows(rows)
        run.alone("store", rows)
        stored = _pairs(run, "stored", "read", rows)
        yield at_most(
            f"drift check, profile stored, {name}", stored.ratio, STORED, TIMES, stored.note
        )
        both = _pairs(run, "both", "read-both", rows)
        yield at_most(f"drift check, both windows, {name}", both.ratio, BOTH, TIMES, both.note)
    rows = run.rows[0]
    frame = _pairs(run, "frame", "read", rows)
    name = f"the same of a lazy frame, profile stored, {rows / MILLION:g}M x 50"
    yield shown(name, frame.ratio, TIMES, frame.note)


def memory(run: Run) -> Iterator[Figure]:
    """Measure the largest resident size of the check, at either number of rows."""
    peaks = {}
    for rows in run.rows:
        run.windows(rows)
        run.alone("store", rows)
        run.say(f"memory, {rows:,} rows")
        peaks[rows] = max(run.alone("stored", rows).peak for _ in range(run.of(3, 1)))
    yield from memory_of(peaks)


def memory_of(peaks: dict[int, float]) -> Iterator[Figure]:
    """Judge the largest resident sizes, in MiB, by number of rows."""
    few, many = sorted(peaks)
    note = f"of the whole process, imports and all; {peaks[few]:,.0f} MiB at {few:,} rows"
    size = f"largest resident size, {many / MILLION:g}M x 50"
    yield at_most(size, peaks[many], PEAK_MIB, " MiB", note)
    growth = f"the same against that at {few / MILLION:g}M x 50"
    yield at_most(growth, peaks[many] / peaks[few], FLAT, TIMES, "flat in rows")


def _pairs(run: Run, work: str, floor: str, rows: int) -> Pairs:
    run.say(f"{work} against {floor}, {rows:,} rows")
    pairs = run.of(PAIRS, 2)
    return in_turn(lambda: run.alone(work, rows), lambda: run.alone(floor, rows), pairs)

"""What others take to compare the same two windows, against ours with both windows."""

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from bench import spent
from bench.environments import REQUIREMENTS, environment_of
from bench.figures import TIMES, Figure, at_least, at_most
from bench.report import or_failed
from bench.spent import Spent
from bench.watch.run import Run
from bench.watch.windows import NUMERIC

TIMES_EACH = 3
OURS = 5
EXACT = 2e-4


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that compares two files: `bench/peers/<name>_drift.py`, in its environment."""

    name: str
    title: str
    at_least: float
    """How many times ours it must take."""


PEERS = (
    Peer("evidently", "Evidently", 80),
    Peer("nannyml", "NannyML", 8),
    Peer("alibi-detect", "Alibi Detect", 8),
    Peer("scipy", "a loop over SciPy's tests", 5),
)


def peers(run: Run) -> Iterator[Figure]:
    """Measure each, a few times, for some take minutes; then ours, about at the same time."""
    for peer in PEERS:
        name = f"{peer.title} against ours, both windows"
        yield from or_failed(name, _against_ours(run, peer, name))


def exact(run: Run) -> Iterator[Figure]:
    """Compare the Kolmogorov-Smirnov distances of the grids with exact ones."""
    run.say("Kolmogorov-Smirnov distances, exact and ours")
    rows = run.rows[0]
    true = _theirs(run, PEERS[-1]).result
    run.alone("store", rows)
    ours = run.alone("stored", rows).result["ks"]
    errors = {name: abs(ours[name] - true[name]) for name in NUMERIC}
    # NaN is worse than any error, but by itself it is larger than none.
    worst = max(errors, key=lambda name: (math.isnan(errors[name]), errors[name]))
    note = (
        f"largest of {len(errors)} features, {worst}: {ours[worst]:.5f} for {true[worst]:.5f};"
        f" mean {statistics.mean(errors.values()):.0e}"
    )
    yield at_most("error of Kolmogorov-Smirnov distances", errors[worst], EXACT, "", note)


def _against_ours(run: Run, peer: Peer, name: str) -> Iterator[Figure]:
    run.say(f"{peer.title}: environment, then {run.rows[0]:,} rows")
    theirs = [_theirs(run, peer) for _ in range(run.of(TIMES_EACH, 1))]
    ours = [run.alone("both", run.rows[0]) for _ in range(run.of(OURS, 1))]
    of_theirs, of_ours = (statistics.median(s.cpu for s in some) for some in (theirs, ours))
    peak, least = theirs[0].peak, ours[0].peak
    note = (
        f"medians of {len(theirs)} and {len(ours)}: {of_theirs:.1f} s against {of_ours:.2f} s;"
        f" {peak:,.0f} MiB against {least:,.0f}"
    )
    yield at_least(name, of_theirs / of_ours, peer.at_least, TIMES, note)


def _theirs(run: Run, peer: Peer) -> Spent:
    programs = environment_of(peer.name, run.environments)
    files = run.windows(run.rows[0])
    return spent.run([programs / "python", REQUIREMENTS / f"{peer.name}_drift.py", *files])

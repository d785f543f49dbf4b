"""The data gate's speed, and how often watch and triage are wrong, by their sweeps."""

from collections.abc import Iterator, Sequence

from bench.figures import TIMES, Figure, at_most
from bench.spent import in_turn
from bench.watch.gate import CHECKS
from bench.watch.run import MILLION, Run
from simulation.sweep.figures import Figure as Swept
from simulation.sweep.pool import cores
from simulation.sweep.triage.table import plan_triage, play_triage
from simulation.sweep.watch.table import plan_watch, play_watch

GATE_PAIRS = 5
GATE = 2.5
LIVES, TABLES, SEED = 200, 60, 7
"""As the commands `sixgates sweep-watch` and `sixgates sweep-triage` have them by default."""


def gate(run: Run) -> Iterator[Figure]:
    """Measure gate 1 of a file against one pass over it."""
    rows = run.rows[0]
    run.windows(rows)
    run.say(f"data gate, {rows:,} rows")
    pairs = in_turn(
        lambda: run.alone("gate", rows), lambda: run.alone("read-rows", rows), run.of(GATE_PAIRS, 2)
    )
    refused = sum(pairs.first[0].result["by_rule"].values())
    note = f"{pairs.note}; {refused:,} rows written into the quarantine"
    name = f"data gate, {CHECKS} checks, quarantine written, {rows / MILLION:g}M x 50"
    yield at_most(name, pairs.ratio, GATE, TIMES, note)


def alerts(run: Run) -> Iterator[Figure]:
    """Play quiet and moved worlds through the watch."""
    planned = plan_watch(run.of(LIVES, 10), SEED)
    run.say(f"sweep of the watch: {len(planned.tasks)} tasks")
    swept = play_watch(planned, processes=cores(), told=lambda _: None)
    yield from as_measured(swept.figures)


def triage(run: Run) -> Iterator[Figure]:
    """Play broken feeds and moved worlds through the triage."""
    planned = plan_triage(run.of(TABLES, 2), SEED)
    run.say(f"sweep of the triage: {len(planned)} tables")
    yield from as_measured(play_triage(planned, processes=cores(), told=lambda _: None).figures)


def as_measured(figures: Sequence[Swept]) -> Iterator[Figure]:
    """Return figures of a sweep as this bench has them."""
    for found in figures:
        ends = [f"{end:.4g}" for end in (found.low, found.high) if end is not None]
        note = f"95 % bounds, one-sided: {' to '.join(ends)}" if ends else ""
        # A sweep does not say on which side its bound is: whether it is kept does.
        at_least = found.value > found.bound if found.ok else found.value < found.bound
        yield Figure(found.name, found.value, found.bound, found.ok, "", note, at_least)

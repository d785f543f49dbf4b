"""The figures of the sweep: what was measured, the bound it must keep, and whether it does."""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simulation.sweep.gates import (
    gate_4_false_passes,
    gate_6_delays,
    gate_6_period_run_lengths,
    gate_6_run_lengths,
)
from simulation.sweep.pool import apart
from simulation.sweep.real_pairs import RealPairs
from simulation.sweep.rules import Limits, production
from simulation.sweep.runs import Cell, blocks, cells_of, interval

GATE_4_CLUSTERS = ((60, 50), (400, 10))
"""Clusters of the holdout, and rows in each."""
_GATE_4_WORLDS = 4_000
_GATE_6_WORLDS = 400
_SPEED_WORLDS, _SPEED_TRIES = 200, 3
_FEW_WORLDS, _MANY_WORLDS = 200, 2_000
_RUN_LENGTH, _DELAY_LEVEL = 200.0, 1_000.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    bound: float
    ok: bool
    low: float | None = None
    """Ends of the interval of the value, where it has one: of 99 %, if nothing else is said."""
    high: float | None = None


def figures_of_cells(cells: Sequence[Cell], limits: Limits) -> Iterator[Figure]:
    """State the error rates of the gate's own rule, and what it costs against Wald's limit."""
    for cell in cells:
        if cell.rule != "production":
            continue
        world, effect, n = cell.world, cell.effect_in_margins, cell.worlds
        if effect == 1:
            name = f"P(promote | effect m), {world}"
            yield _rate(name, cell.p_promote, n, limits.alpha)
        if effect == 0:
            name = f"P(roll back | effect 0), {world}"
            yield _rate(name, cell.p_rollback, n, limits.beta)
        if world == "iid":
            yield from _costs(cell)


def figures_of_real_pairs(found: Sequence[RealPairs]) -> Iterator[Figure]:
    """State how many times more requests two arms need than pairs do, by their means."""
    for pairs in found:
        name = f"requests to the verdict, two arms / pairs, {pairs.data}"
        yield _at_least(name, pairs.ratio, 4.0)
    if found:
        median = float(np.median([pairs.ratio for pairs in found]))
        name = "requests to the verdict, two arms / pairs, median of the sets"
        yield _at_least(name, median, 10.0)


def gate_4_figure(clusters: int, rows: int, seed: int, limits: Limits) -> Figure:
    """Measure how often gate 4 passes a challenger that is worse by the margin."""
    rng = np.random.default_rng([seed, 4, clusters])
    hits = gate_4_false_passes(clusters, rows, _GATE_4_WORLDS, rng, limits)
    name = f"gate 4 false pass at the margin, ICC .2, {clusters} x {rows}"
    return _rate(name, hits / _GATE_4_WORLDS, _GATE_4_WORLDS, limits.alpha)


def run_length_figure(seed: int, worlds: int) -> Figure:
    """Measure how long gate 6 takes to alarm about an equal model."""
    rng = np.random.default_rng([seed, 6, 0])
    lengths = gate_6_run_lengths(_RUN_LENGTH, min(worlds, _GATE_6_WORLDS), rng)
    return _mean(f"gate 6 run length, c = {_RUN_LENGTH:.0f}", lengths, at_least=_RUN_LENGTH)


def period_run_length_figure(seed: int, worlds: int) -> Figure:
    """The same by period, on skewed means: kept unless the whole 99 % interval lies below c."""
    rng = np.random.default_rng([seed, 6, 2])
    lengths = gate_6_period_run_lengths(_RUN_LENGTH, min(worlds, _GATE_6_WORLDS), rng)
    name = f"gate 6 run length by period, c = {_RUN_LENGTH:.0f}"
    found = _mean(name, lengths, at_least=_RUN_LENGTH)
    return replace(found, ok=found.high is not None and found.high >= _RUN_LENGTH)


def delay_figure(seed: int, worlds: int) -> Figure:
    """Measure how soon gate 6 alarms about a model that turned worse."""
    rng = np.random.default_rng([seed, 6, 1])
    delays = gate_6_delays(_DELAY_LEVEL, 0.02, min(worlds, _GATE_6_WORLDS), rng)
    return _mean(f"gate 6 batches to find +.02, c = {_DELAY_LEVEL:,.0f}", delays, at_most=40.0)


def speed_figure(seed: int, limits: Limits) -> Figure:
    """Measure how many worlds a second are drawn and judged at each of their 200 ticks.

    One core, the best of three tries. No verdict ends a world, for no evidence is enough here.
    """
    never = replace(limits, alpha=1e-300, beta=1e-300)
    speeds = []
    for _ in range(_SPEED_TRIES):
        began = time.perf_counter()
        for block in blocks("iid", 0.0, _SPEED_WORLDS, seed):
            production(block.shown, never)
        speeds.append(_SPEED_WORLDS / (time.perf_counter() - began))
    return _at_least("worlds of 200 ticks a second, all judged, one core", max(speeds), 200.0)


def memory_figure(seed: int, limits: Limits) -> Figure:
    """Measure how the memory of a process grows with the worlds it plays."""
    few, many = (apart(peak_memory, worlds, seed, limits) for worlds in (_FEW_WORLDS, _MANY_WORLDS))
    name = f"peak memory at {_MANY_WORLDS:,} worlds over at {_FEW_WORLDS}"
    return Figure(name, many / few, 1.1, many / few <= 1.1)  # noqa: PLR2004 - the bound


def peak_memory(worlds: int, seed: int, limits: Limits) -> float:
    """Play one cell and return the peak memory of this process so far, in bytes."""
    cells_of("iid", 0.0, worlds, seed, limits)
    # On Linux `ru_maxrss` also counts what the parent held when it started this process.
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return float(peaks[0].split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak) * (1 if sys.platform == "darwin" else 1024)


def _costs(cell: Cell) -> Iterator[Figure]:
    effect = cell.effect_in_margins
    bounds = {0.0: 1.15, 1.0: 1.25}
    if effect in bounds:
        bound, label = bounds[effect], "m" if effect else "0"
        if cell.wald_requests:
            ratio = cell.mean_requests / cell.wald_requests
            yield Figure(f"mean requests / Wald, effect {label}, iid", ratio, bound, ratio <= bound)
    if effect == 2:  # noqa: PLR2004 - twice the margin
        power = cell.p_rollback_in_fixed_n
        ends = interval(round(power * cell.worlds), cell.worlds)
        name = "power against 2m within the requests of a fixed-n test, iid"
        yield Figure(name, power, 0.99, power >= 0.99, *ends)  # noqa: PLR2004 - the bound


def _rate(name: str, value: float, worlds: int, bound: float) -> Figure:
    """Keep the bound unless the whole 99 % interval lies above it."""
    low, high = interval(round(value * worlds), worlds)
    return Figure(name, value, bound, low <= bound, low, high)


def _at_least(name: str, value: float, bound: float) -> Figure:
    return Figure(name, value, bound, value >= bound)


def _mean(
    name: str, values: np.ndarray, *, at_least: float | None = None, at_most: float | None = None
) -> Figure:
    """Judge a mean by its value; the normal 99 % interval stands beside it."""
    if values.size == 0:
        return Figure(name, 0.0, at_least or at_most or 0.0, ok=False)
    mean = float(values.mean())
    spread = 2.576 * float(values.std()) / values.size**0.5
    kept = (at_least is None or mean >= at_least) and (at_most is None or mean <= at_most)
    bound = at_least if at_least is not None else at_most
    return Figure(name, mean, bound or 0.0, kept, mean - spread, mean + spread)

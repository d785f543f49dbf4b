"""The figures of the sweep: what was measured, the bound it must keep, and whether it does."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from simulation.sweep_gates import gate_4_false_passes, gate_6_delays, gate_6_run_lengths
from simulation.sweep_rules import Limits, production
from simulation.sweep_runs import Cell, blocks, interval

WALD_EACH_ARM = 2_594
"""Wald's expected requests an arm at base 0.10, margin 0.02 and both error rates 0.05."""
_GATE_4_WORLDS = 4_000
_GATE_6_WORLDS = 100
_SPEED_WORLDS = 200
_RUN_LENGTH, _DELAY_LEVEL = 200.0, 1_000.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure."""

    name: str
    value: float
    bound: float
    ok: bool
    low: float | None = None
    """Ends of the 99 % interval of the value, where it has one."""
    high: float | None = None


def figures_of_cells(cells: Sequence[Cell]) -> Iterator[Figure]:
    """State the error rates of the gate's own rule, and what it costs against Wald's limit."""
    limits = Limits()
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


def figures_of_gates(seed: int, worlds: int) -> Iterator[Figure]:
    """Measure gate 4 at the margin, gate 6 as a detector, and the speed of the sweep itself."""
    rng, limits = np.random.default_rng([seed, 4, 6]), Limits()
    for clusters, rows in ((60, 50), (400, 10)):
        hits = gate_4_false_passes(clusters, rows, _GATE_4_WORLDS, rng, limits)
        value, ends = hits / _GATE_4_WORLDS, interval(hits, _GATE_4_WORLDS)
        name = f"gate 4 false pass at the margin, ICC .2, {clusters} x {rows}"
        yield Figure(name, value, 0.06, value <= 0.06, *ends)  # noqa: PLR2004 - the bound
    runs = min(worlds, _GATE_6_WORLDS)
    lengths = gate_6_run_lengths(_RUN_LENGTH, runs, rng)
    yield _mean(f"gate 6 run length, c = {_RUN_LENGTH:.0f}", lengths, at_least=_RUN_LENGTH)
    delays = gate_6_delays(_DELAY_LEVEL, limits.margin, runs, rng)
    yield _mean(f"gate 6 batches to find +.02, c = {_DELAY_LEVEL:,.0f}", delays, at_most=40.0)
    speed = _worlds_per_second(seed, limits)
    yield Figure(
        "worlds of 200 ticks played to the verdict a second, one core",
        speed,
        200.0,
        speed >= 200,  # noqa: PLR2004 - the bound
    )


def _costs(cell: Cell) -> Iterator[Figure]:
    effect = cell.effect_in_margins
    bounds = {0.0: 1.15, 1.0: 1.25}
    if effect in bounds:
        bound = bounds[effect]
        label = "m" if effect else "0"
        ratio = cell.mean_requests / (2 * WALD_EACH_ARM)
        name = f"mean requests / Wald (2,594 an arm), effect {label}, iid"
        yield Figure(name, ratio, bound, ratio <= bound)
        if cell.wald_requests:
            ratio = cell.mean_requests / cell.wald_requests
            name = f"mean requests / Wald at this effect, effect {label}, iid"
            yield Figure(name, ratio, bound, ratio <= bound)
    if effect == 2:  # noqa: PLR2004 - twice the margin
        power = cell.p_rollback_in_fixed_n
        ends = interval(round(power * cell.worlds), cell.worlds)
        name = "power against 2m within the requests of a fixed-n test, iid"
        yield Figure(name, power, 0.99, power >= 0.99, *ends)  # noqa: PLR2004 - the bound


def _rate(name: str, value: float, worlds: int, bound: float) -> Figure:
    """Keep the bound unless the whole 99 % interval lies above it."""
    low, high = interval(round(value * worlds), worlds)
    return Figure(name, value, bound, low <= bound, low, high)


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


def _worlds_per_second(seed: int, limits: Limits) -> float:
    """Play worlds without an effect, traffic and rule; a world ends for the rule at its verdict."""
    began = time.perf_counter()
    for traffic, _ in blocks("iid", 0.0, _SPEED_WORLDS, seed):
        production(traffic, limits)
    return _SPEED_WORLDS / (time.perf_counter() - began)

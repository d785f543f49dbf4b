"""Two servers measured in turn: the ratio of each pair, and the median of them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.gateway.load import Cost, cost
from bench.gateway.servers import Server

PAIRS = 17
_WARM_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Side:
    """One of two servers, with its own words for the same rows."""

    server: Server
    requests: Path


class Ratio(NamedTuple):
    """How many times the cost of the second server the first one has."""

    median: float
    note: str
    """Spread of the pairs, and what each side costs, answers and takes."""


def in_turn(
    first: Side, second: Side, *, connections: int, pairs: int, seconds: float
) -> list[tuple[Cost, Cost]]:
    """Warm both up, then load one after the other, again and again, each in turn first."""

    def load(side: Side, seconds: float) -> Cost:
        return cost(side.server, side.requests, connections, seconds)

    for side in (first, second):
        load(side, _WARM_SECONDS)
    found = []
    for i in range(pairs):
        turn = -1 if i % 2 else 1
        one, other = [load(side, seconds) for side in (first, second)[::turn]][::turn]
        found.append((one, other))
    return found


def ratio_of(found: Sequence[tuple[Cost, Cost]]) -> Ratio:
    """Return the median over pairs of the processor time per request, first over second.

    A pair's runs follow each other, so what else the machine does meets both.
    """
    ratios = [first.micros / second.micros for first, second in found]
    spread = f"median of {len(ratios)} pairs, {min(ratios):.2f} to {max(ratios):.2f}"
    first, second = (_said(costs) for costs in zip(*found, strict=True))
    return Ratio(statistics.median(ratios), f"{spread}; {first} against {second}")


def _said(costs: Sequence[Cost]) -> str:
    micros = statistics.median(one.micros for one in costs)
    rate = statistics.median(one.per_second for one in costs)
    p99 = statistics.median(one.p99 for one in costs) / 1e3
    return f"{micros:,.1f} µs ({rate:,.0f}/s, p99 {p99:.1f} ms)"

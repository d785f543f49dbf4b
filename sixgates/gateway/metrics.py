"""What the gateway counts, for Prometheus.

Requests pay for plain additions only, all in the event loop's thread; Prometheus' own types are
made when it asks.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from sixgates.gateway.scoring import Part

__all__ = ["CONTENT_TYPE", "Histogram", "Tally", "exposition"]

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
_SCORING_SECONDS = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.01, 0.1, 1)

_GAUGES = {
    "epoch": "Epoch of the route that is followed; 0 while nothing is served.",
    "share": "Share of units that the model beside the champion answers now.",
    "lapsed": "1 while the canary answers nobody because its lease ran out.",
    "cut": "1 while the canary answers nobody because it failed or stalled here.",
    "lease_seconds": "Time until the canary's lease runs out; 0 where it has, or there is none.",
    "unlogged": "Answers given without being logged, since the start.",
    "log_share": "Share of requests that are logged.",
    "left_out": "Answers of requests that are not in the log's sample, since the start.",
    "left_out_labels": "Labels of requests that are not in the log's sample, since the start.",
    "unshadowed": "Shadow scores that were not made or not logged, since the start.",
    "shadow_waiting": "Rows whose shadow is not scored yet.",
    "log_lag_seconds": "Age of the oldest answer that is not in the log yet.",
}


class Histogram:
    """How often a time was up to each bound, and all times together."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """Count by these upper bounds, in seconds and ascending; what is above them too."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count one time."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Return what Prometheus takes: the counts up to each bound, and up to any."""
        names = [*(repr(float(bound)) for bound in self.bounds), "+Inf"]
        return list(zip(names, map(float, accumulate(self.counts)), strict=True))


class Counts:
    """Rows of one version in one arm."""

    __slots__ = ("failed", "rows", "seconds")

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = 0
        self.failed = 0
        """Those of the rows that it could not answer."""
        self.seconds = Histogram(_SCORING_SECONDS)
        """Of its part of each request."""


class Tally:
    """What requests count."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.seconds = Histogram(_SECONDS)
        self.refused: defaultdict[int, int] = defaultdict(int)
        """Requests answered with an error, by status."""
        self.parts: defaultdict[tuple[str, str], Counts] = defaultdict(Counts)
        """By arm and version."""

    def count(self, part: Part) -> None:
        """Count what one model did with its rows of a request."""
        counts, seconds = self.parts[part.arm, part.version], part.seconds
        counts.rows += part.rows
        counts.failed += part.failed
        counts.seconds.add(seconds)


def exposition(model: str, tally: Tally, gauges: Mapping[str, float]) -> bytes:
    """Return everything in Prometheus' text format.

    Args:
        model: Whose name labels every series.
        tally: What was counted.
        gauges: Values of the gauges, each by its name.
    """
    registry = CollectorRegistry()
    registry.register(_Collected(list(_families(model, tally, gauges))))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _families(model: str, tally: Tally, gauges: Mapping[str, float]) -> Iterable[Metric]:
    labels = ["model", "arm", "version"]
    scored = CounterMetricFamily("sixgates_gateway_predictions", "Rows scored.", labels=labels)
    failed = CounterMetricFamily(
        "sixgates_gateway_failures", "Rows a model could not answer.", labels=labels
    )
    scoring = HistogramMetricFamily(
        "sixgates_gateway_scoring_seconds",
        "Time in which a model read and scored its rows of a request.",
        labels=labels,
    )
    for key, counts in tally.parts.items():
        scored.add_metric([model, *key], counts.rows - counts.failed)
        failed.add_metric([model, *key], counts.failed)
        scoring.add_metric([model, *key], counts.seconds.buckets(), counts.seconds.total)
    yield from (scored, failed, scoring)
    yield from _of_requests(model, tally)
    for name, value in gauges.items():
        gauge = GaugeMetricFamily(f"sixgates_gateway_{name}", _GAUGES[name], labels=["model"])
        gauge.add_metric([model], float(value))
        yield gauge


def _of_requests(model: str, tally: Tally) -> Iterable[Metric]:
    refused = CounterMetricFamily(
        "sixgates_gateway_refusals", "Requests answered with an error.", labels=["model", "status"]
    )
    seconds = HistogramMetricFamily(
        "sixgates_gateway_seconds",
        "Time from a request's first byte to its answer.",
        labels=["model"],
    )
    for status, n in tally.refused.items():
        refused.add_metric([model, str(status)], n)
    seconds.add_metric([model], tally.seconds.buckets(), tally.seconds.total)
    return refused, seconds

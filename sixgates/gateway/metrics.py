"""What the gateway counts, for Prometheus."""

from collections import Counter
from collections.abc import Iterable, Mapping

import prometheus_client as prometheus

from sixgates.gates.records import Prediction

CONTENT_TYPE = prometheus.CONTENT_TYPE_LATEST

_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)


class Metrics:
    """Counters of one gateway, in a registry of their own."""

    def __init__(self, model: str) -> None:
        """Count for one model, whose name labels every series."""
        registry = prometheus.CollectorRegistry()
        self._registry = registry
        self._scored = prometheus.Counter(
            "sixgates_gateway_predictions", "Rows scored.", ["model", "arm", "version"],
            registry=registry,
        )  # fmt: skip
        self._failed = prometheus.Counter(
            "sixgates_gateway_failures", "Rows a model could not answer.",
            ["model", "arm", "version"], registry=registry,
        )  # fmt: skip
        self._refused = prometheus.Counter(
            "sixgates_gateway_refusals", "Requests answered with an error.", ["model", "status"],
            registry=registry,
        )  # fmt: skip
        self._seconds = prometheus.Histogram(
            "sixgates_gateway_seconds", "Time from a request's first byte to its answer.",
            ["model"], registry=registry, buckets=_SECONDS,
        ).labels(model)  # fmt: skip
        gauges = {
            "epoch": "Epoch of the route that is followed; 0 while nothing is served.",
            "share": "Share of units that the model beside the champion answers now.",
            "lapsed": "1 while the canary answers nobody because its lease ran out.",
            "cut": "1 while the canary answers nobody because it failed or stalled here.",
            "unlogged": "Answers given without being logged, since the start.",
            "unshadowed": "Shadow scores that could not be logged, since the start.",
        }
        self._gauges = {
            name: prometheus.Gauge(
                f"sixgates_gateway_{name}", text, ["model"], registry=registry
            ).labels(model)
            for name, text in gauges.items()
        }
        self._model = model

    def count(self, records: Iterable[Prediction]) -> None:
        """Count scored and failed rows by arm and version."""
        scored = Counter((r.arm, r.version, bool(r.error)) for r in records)
        for (arm, version, failed), n in scored.items():
            counter = self._failed if failed else self._scored
            counter.labels(self._model, arm, version).inc(n)

    def refuse(self, status: int) -> None:
        """Count a request that got an error."""
        self._refused.labels(self._model, str(status)).inc()

    def took(self, seconds: float) -> None:
        """Note how long a request took."""
        self._seconds.observe(seconds)

    def exposition(self, gauges: Mapping[str, float]) -> bytes:
        """Return everything in Prometheus' text format, with the gauges at these values."""
        for name, value in gauges.items():
            self._gauges[name].set(value)
        return prometheus.generate_latest(self._registry)

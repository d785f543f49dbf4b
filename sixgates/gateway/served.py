"""What is served right now: one immutable value, read once by each request."""

from dataclasses import dataclass
from typing import Any

from sixgates.gates.records import Arm
from sixgates.gateway.store import LoadedModel
from sixgates.ledger.route import Route


@dataclass(frozen=True, slots=True)
class Companion:
    """The model beside the champion, loaded."""

    version: str
    digest: str
    model: LoadedModel
    arm: Arm
    """CANARY before promotion, HOLDBACK after it."""
    share: float
    """Share of units that the route gives it; `Guard.share` says what is in force."""
    guarded: bool
    """Whether it must be allowed to answer, as a canary must; see `guard.py`."""
    reads_alike: bool
    """Whether it reads a row to the same numbers as the champion."""
    places: tuple[int, ...]
    """Where each class of the champion stands in its answers, -1 for one that it never learned;
    empty where both have the same classes."""


@dataclass(frozen=True, slots=True)
class Served:
    """A route with its models in memory."""

    route: Route
    champion: LoadedModel
    beside: Companion | None
    """None also where the route has one that could not be loaded."""


def document(
    served: Served | None,
    *,
    share: float,
    lapsed: bool,
    cut: str,
    unlogged: int,
    log_share: float,
    left_out: int,
    left_out_labels: int,
    refused: dict[str, str],
    clock: float,
) -> dict[str, Any]:
    """Say what is served, for /serving.

    Args:
        served: What requests meet, None before the first model.
        share: Share of units that the model beside the champion answers now.
        lapsed: Whether the canary answers nobody because its lease ran out.
        cut: Why this gateway cut the canary off, empty where it did not.
        unlogged: Answers given without being logged, since the start.
        log_share: Share of requests that are logged.
        left_out: Answers of the other requests, since the start.
        left_out_labels: Labels of the other requests, since the start.
        refused: Version to sentence for what the ledger asks for and could not be loaded.
        clock: Wall clock, by which records say when they came, seconds since 1970.
    """
    beside = served.beside if served else None
    return {
        "epoch": served.route.epoch if served else 0,
        "champion": served.route.champion.number if served else "",
        "champion_digest": served.route.champion.digest if served else "",
        "beside": beside.version if beside else "",
        "beside_digest": beside.digest if beside else "",
        "arm": beside.arm if beside else "",
        "share": share,
        "lapsed": lapsed,
        "cut": cut,
        "unlogged": unlogged,
        "log_share": log_share,
        "left_out": left_out,
        "left_out_labels": left_out_labels,
        "refused": refused,
        "clock": clock,
    }

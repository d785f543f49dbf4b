"""Who asks for a loan, and who will default: the laws of the simulated loans world.

Every random draw has a stream of its own, so that two worlds of one seed differ only by their
shifts, and a longer world begins with the shorter one.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from simulation.drift import MOVABLE, Shift, ShiftKind, total

CUSTOMERS = 2_000
REGIONS = ("north", "east", "south", "west")
PRODUCTS = ("card", "car", "home", "cash")

INTERCEPT = -1.25
WEIGHTS = {"income": -0.7, "debt_ratio": 0.9, "utilisation": 0.9, "age": -0.35, "inquiries": 0.0}
"""Change of the log-odds of a default for one standard deviation of a feature. Inquiries mean
nothing until a concept shift gives them a weight."""
REGION_EFFECT = (0.0, 0.1, 0.3, -0.1)
PRODUCT_EFFECT = (0.0, -0.2, -0.4, 0.4)
FRAILTY = 0.3
"""Standard deviation between customers of what no feature shows, in log-odds."""

OWN_SHARE = 0.8
"""Correlation of a feature between two applications of one customer."""


@dataclass(frozen=True, slots=True)
class Applications:
    """Rows in the making, one array entry each."""

    columns: dict[str, np.ndarray]
    """Features and customer, as they go into the frame."""
    probability: np.ndarray
    """True probability of a default, before any prior shift."""
    label: np.ndarray
    """0 or 1, drawn with that probability."""


class Streams:
    """Independent random generators by name, all from one seed."""

    def __init__(self, seed: int, draw: int = 0) -> None:
        """Open one of several independent sets of streams of a seed >= 0."""
        self._seed, self._draw = seed, draw

    def __getitem__(self, name: str) -> np.random.Generator:
        """Return a fresh generator; the same name always starts with the same numbers."""
        return np.random.default_rng([self._seed, self._draw, *name.encode()])


def applications(seed: int, draw: int, days: np.ndarray, shifts: tuple[Shift, ...]) -> Applications:
    """Draw one application for each moment.

    Args:
        seed: the world's seed; it alone makes the customers.
        draw: 0, or the number of a further candidate for the same moments.
        days: moments in days since the world's start.
        shifts: changes of the world; prior shifts are left to the caller.
    """
    people, streams = Streams(seed), Streams(seed, draw + 1)
    who = streams["who"].integers(CUSTOMERS, size=days.size)
    columns: dict[str, np.ndarray] = {"customer": who}
    region = people["region"].integers(len(REGIONS), size=CUSTOMERS)[who]
    named = np.array(REGIONS)[region]
    logit = INTERCEPT + FRAILTY * people["frailty"].standard_normal(CUSTOMERS)[who]
    for name in MOVABLE:
        own = people[name].standard_normal(CUSTOMERS)[who]
        now = streams[name].standard_normal(days.size)
        z = np.sqrt(OWN_SHARE) * own + np.sqrt(1 - OWN_SHARE) * now
        z = z + total(shifts, ShiftKind.COVARIATE, name, days, named)
        columns[name] = from_score(name, z)
        weight = WEIGHTS[name] + total(shifts, ShiftKind.CONCEPT, name, days, named)
        logit = logit + weight * z
    product = streams["product"].integers(len(PRODUCTS), size=days.size)
    columns |= {"region": region, "product": product}
    logit = logit + np.array(REGION_EFFECT)[region] + np.array(PRODUCT_EFFECT)[product]
    probability = 1 / (1 + np.exp(-logit))
    label = (streams["label"].random(days.size) < probability).astype(np.int8)
    return Applications(columns, probability, label)


def from_score(name: str, z: np.ndarray) -> np.ndarray:
    """Write a standard score in the feature's own units.

    Income in currency a year, debt_ratio in 0..1.5, utilisation in 0..1, age in years (18..95),
    inquiries as a count (0..60).
    """
    match name:
        case "income":
            return np.round(np.exp(10.4 + 0.5 * z), 2)
        case "debt_ratio":
            return np.round(1.5 / (1 + np.exp(1.2 - 0.9 * z)), 4)
        case "utilisation":
            return np.round(1 / (1 + np.exp(0.4 - 1.1 * z)), 4)
        case "age":
            return np.clip(np.round(42 + 11 * z), 18, 95)
        case _:
            return np.clip(np.round(np.exp(1.2 + 0.5 * z)), 0, 60)


def as_frame(made: Applications) -> pl.DataFrame:
    """Turn the arrays into the columns of the loans project, all but the event time."""
    columns = made.columns
    return pl.DataFrame(
        {
            "customer": [f"c{i:04d}" for i in columns["customer"].tolist()],
            **{name: columns[name] for name in MOVABLE},
            "region": np.array(REGIONS)[columns["region"]],
            "product": np.array(PRODUCTS)[columns["product"]],
            "defaulted": made.label,
        },
        schema_overrides={"region": pl.String, "product": pl.String, "defaulted": pl.Int8},
    )

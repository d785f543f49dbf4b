"""Draw a table: what it measures, how wide it is, how many rows come a day."""

from collections.abc import Callable, Mapping

import numpy as np

from simulation.sweep.triage.tables import LOANS, Column, Drawn, Floats, Loans, Table, Write

FEWEST_ROWS, MOST_ROWS = 200, 5_000
"""A day."""

UNITS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "money": ((100, 0), (0.01, 0), (1_000, 0), (0.001, 0), (7.46, 0), (155.0, 0)),
    "balance": ((-1, 0), (100, 0), (0.001, 0)),
    "share": ((100, 0), (1_000, 0)),
    "celsius": ((1.8, 32), (1, 273.15)),
    "minutes": ((60, 0), (1 / 60, 0), (60_000, 0)),
    "metres": ((100, 0), (1_000, 0), (0.001, 0), (39.3701, 0)),
    "kilograms": ((1_000, 0), (0.001, 0), (35.274, 0)),
    "years": ((12, 0), (365.25, 0)),
    "bytes": ((1 / 1_024, 0), (8, 0)),
}
"""By unit, what people change it to: factor and offset."""
SMALL_UNITS: Mapping[str, tuple[tuple[float, float], ...]] = {
    "money": ((1.09, 0), (0.92, 0)),
    "metres": ((3.28084, 0), (1.09361, 0)),
    "kilograms": ((2.20462, 0),),
    "minutes": ((0.5, 0),),
}
"""The same by factors that a world may well grow by."""


def draw_table(rng: np.random.Generator) -> Table:
    """Draw one of four shapes, with all that is left open about it."""
    rows = int(np.exp(rng.uniform(np.log(FEWEST_ROWS), np.log(MOST_ROWS))))
    sunday = float(rng.choice([1.0, rng.uniform(0.3, 0.9)]))
    shape = str(rng.choice(list(_SHAPES)))
    if shape == "loans":
        return Table(shape, LOANS, rows, sunday, Loans(int(rng.integers(2**31))))
    columns = _SHAPES[shape](rng)
    wobble = float(rng.choice([0.0, rng.uniform(0.02, 0.1)]))
    return Table(shape, columns, rows, sunday, Drawn(columns, wobble))


def _machine(rng: np.random.Generator) -> tuple[Column, ...]:
    """Sensors: temperatures, shares, lengths, some twice, some that hardly ever change."""
    kinds = (_celsius, _celsius, _share, _metres, _minutes, _flag, _still, _score)
    return (
        *_columns(rng, kinds, int(rng.integers(10, 28)), twins=0.2),
        _levels("state", 3, rng),
        _levels("site", int(rng.integers(5, 40)), rng),
    )


def _shop(rng: np.random.Generator) -> tuple[Column, ...]:
    """Orders: amounts, counts, many empty; products and places, some with hundreds of levels."""
    kinds = (_money, _money, _spent, _count, _kilograms, _minutes, _balance, _flag, _bytes)
    return (
        *_columns(rng, kinds, int(rng.integers(4, 12)), twins=0.05),
        _levels("channel", int(rng.integers(2, 6)), rng),
        _levels("country", int(rng.integers(10, 60)), rng),
        _levels("article", int(rng.integers(200, 1_500)), rng),
    )


def _narrow(rng: np.random.Generator) -> tuple[Column, ...]:
    """Three features."""
    kinds = (_money, _celsius, _share, _count, _years, _score, _kilograms)
    return (*_columns(rng, kinds, 2, twins=0.0), _levels("group", int(rng.integers(2, 8)), rng))


_SHAPES: Mapping[str, Callable[[np.random.Generator], tuple[Column, ...]]] = {
    "loans": lambda _: LOANS,
    "machine": _machine,
    "shop": _shop,
    "narrow": _narrow,
}

Kind = Callable[[np.random.Generator], tuple[str, Write]]
"""Draws a unit, and how scores are written in it."""


def _columns(
    rng: np.random.Generator, kinds: tuple[Kind, ...], n: int, twins: float
) -> tuple[Column, ...]:
    found: list[Column] = []
    for i in range(n):
        if found and rng.random() < twins:
            unit, write, twin = found[-1].unit, found[-1].write, True
        else:
            (unit, write), twin = kinds[rng.integers(len(kinds))](rng), False
        found.append(Column(f"x{i}", unit, write, (), float(rng.uniform(0, 0.6)), twin))
    return tuple(found)


def _levels(name: str, n: int, rng: np.random.Generator) -> Column:
    levels = tuple(f"{name[:2]}{i}" for i in range(n))
    return Column(name, levels=levels, coupling=float(rng.uniform(0, 0.4)))


def _money(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(2, 11), rng.uniform(0.3, 1.3)
    return "money", lambda z, _: np.round(np.exp(middle + width * z), 2)


def _spent(rng: np.random.Generator) -> tuple[str, Write]:
    """Return an amount that is nothing in many rows."""
    middle, width, empty = rng.uniform(1, 6), rng.uniform(0.5, 1.2), rng.uniform(0.2, 0.7)

    def write(z: Floats, rng: np.random.Generator) -> Floats:
        return np.where(rng.random(z.size) < empty, 0.0, np.round(np.exp(middle + width * z), 2))

    return "money", write


def _balance(rng: np.random.Generator) -> tuple[str, Write]:
    width = np.exp(rng.uniform(2, 8))
    middle = width * rng.uniform(0.5, 3)
    return "balance", lambda z, _: np.round(middle + width * z, 2)


def _share(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(-3, 2), rng.uniform(0.4, 1.2)
    return "share", lambda z, _: np.round(1 / (1 + np.exp(-middle - width * z)), 4)


def _celsius(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(-5, 60), rng.uniform(2, 9)
    return "celsius", lambda z, _: np.round(middle + width * z, 1)


def _minutes(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(0, 5), rng.uniform(0.4, 1)
    return "minutes", lambda z, _: np.round(np.exp(middle + width * z), 2)


def _metres(rng: np.random.Generator) -> tuple[str, Write]:
    middle = rng.uniform(0.5, 200)
    width = middle * rng.uniform(0.02, 0.3)
    return "metres", lambda z, _: np.round(np.maximum(middle + width * z, 0.01), 3)


def _kilograms(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(-1, 4), rng.uniform(0.2, 0.9)
    return "kilograms", lambda z, _: np.round(np.exp(middle + width * z), 3)


def _years(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(30, 50), rng.uniform(6, 14)
    return "years", lambda z, _: np.clip(np.round(middle + width * z), 0, 99)


def _bytes(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(6, 14), rng.uniform(0.5, 1.5)
    return "bytes", lambda z, _: np.round(np.exp(middle + width * z))


def _count(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(-0.5, 3), rng.uniform(0.3, 0.9)
    return "count", lambda z, _: np.floor(np.exp(middle + width * z))


def _score(rng: np.random.Generator) -> tuple[str, Write]:
    middle, width = rng.uniform(-2, 2), rng.uniform(0.5, 2)
    return "", lambda z, _: middle + width * z


def _flag(rng: np.random.Generator) -> tuple[str, Write]:
    border = rng.uniform(1, 2.4)
    return "", lambda z, _: (z > border).astype(np.float64)


def _still(rng: np.random.Generator) -> tuple[str, Write]:
    """Return a setting that hardly ever differs from its default."""
    default, border = float(rng.integers(1, 100)), rng.uniform(2.0, 2.6)
    return "", lambda z, _: np.where(np.abs(z) > border, np.round(default + 10 * z), default)

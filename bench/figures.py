"""A figure of the bench: what was measured, the bound it must keep, and whether it does."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

TIMES = "\N{MULTIPLICATION SIGN}"
"""Unit of a ratio."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. One without a value could not be measured, and is never ok."""

    name: str
    value: float | None
    bound: float | None
    """None for what is only shown."""
    ok: bool
    unit: str
    """What follows the number, `TIMES` or ` ms`."""
    note: str
    """Spread and what stands behind the value, or why there is none."""
    at_least: bool = False
    """Whether the bound is a lower one."""


def at_most(name: str, value: float, bound: float, unit: str, note: str) -> Figure:
    """State a value that must not be above its bound; NaN keeps none."""
    return Figure(name, value, bound, value <= bound, unit, note)


def at_least(name: str, value: float, bound: float, unit: str, note: str) -> Figure:
    """State a value that must not be below its bound; NaN keeps none."""
    return Figure(name, value, bound, value >= bound, unit, note, at_least=True)


def shown(name: str, value: float, unit: str, note: str) -> Figure:
    """State a value that has no bound."""
    return Figure(name, value, None, ok=True, unit=unit, note=note)


def failed(name: str, why: str) -> Figure:
    """State that a figure could not be measured: the bench then ends with an error."""
    return Figure(name, None, None, ok=False, unit="", note=why)


def write(path: Path, figures: Sequence[Figure], **facts: object) -> None:
    """Write the figures as JSON, after whatever else is known of the run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {**facts, "figures": [asdict(figure) for figure in figures]}
    path.write_text(json.dumps(document, indent=2) + "\n")

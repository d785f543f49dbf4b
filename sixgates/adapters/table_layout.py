"""What a Delta table of a model holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a table, and by which of them its rows are told apart."""

    columns: pl.Schema
    unit: str
    """Column of text: the rows of one unit (a segment, a run) are added together, and once."""
    measured: tuple[str, ...]
    """Columns without nulls, `unit` among them, whose range is noted for each file, so that files
    without a hit are not read."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What stands where an older row has no such column."""

"""Train/serve skew: what live requests carry instead of what training saw."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from sixgates.gates.errors import ConfigurationError


def no_inquiries(rows: pl.DataFrame) -> pl.DataFrame:
    """Send 0 inquiries: the live service never asks the bureau."""
    return rows.with_columns(inquiries=pl.lit(0.0))


def inquiries_at_limit(rows: pl.DataFrame) -> pl.DataFrame:
    """Send 20 inquiries: the live service sends its limit in place of the count."""
    return rows.with_columns(inquiries=pl.lit(20.0))


def income_in_thousands(rows: pl.DataFrame) -> pl.DataFrame:
    """Send income in another unit than training saw."""
    return rows.with_columns(income=pl.col("income") / 1_000)


SKEWS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "no-inquiries": no_inquiries,
    "inquiries-at-limit": inquiries_at_limit,
    "income-in-thousands": income_in_thousands,
}


@dataclass(frozen=True, slots=True)
class ServeSkew:
    """A registered skew and since when it holds."""

    name: str
    """Key in `SKEWS`."""
    from_day: int
    """First day it holds, in days since the world's start."""

    def __post_init__(self) -> None:
        """Refuse a skew that is not registered."""
        if self.name not in SKEWS:
            raise ConfigurationError(f"no skew {self.name!r}: choose of {sorted(SKEWS)}")

    def since(self, moment: datetime) -> Callable[[pl.DataFrame], pl.DataFrame]:
        """Return the skew as a function of rows, which leaves rows before `moment` alone."""
        skew = SKEWS[self.name]

        def sent(rows: pl.DataFrame) -> pl.DataFrame:
            early = rows.filter(pl.col("ts") < moment)
            return pl.concat([early, skew(rows.filter(pl.col("ts") >= moment))])

        return sent

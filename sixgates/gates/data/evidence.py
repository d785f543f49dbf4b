"""What gate 1 measures of the data beyond single rows: small, so that the record can keep it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import msgspec
import polars as pl

from sixgates.gates.data.hindsight import NullJump, measure_null_jump
from sixgates.gates.data.label_delay import ClassDelay, measure_delays
from sixgates.gates.data.leaks import Leaks, measure_leaks
from sixgates.gates.data.order import Order
from sixgates.gates.data.period_counts import measure_periods
from sixgates.gates.data.periods import Periods
from sixgates.gates.data.rows import RowSplit, Stretch
from sixgates.gates.data.skew import Skew
from sixgates.gates.errors import ContractError
from sixgates.gates.project import Project


@dataclass(frozen=True, slots=True)
class DataEvidence:
    """What was measured; judged by `validate.judge_validation`, then or again later."""

    periods: Periods | None = None
    delays: tuple[ClassDelay, ...] = ()
    leaks: Leaks | None = None
    null_jump: NullJump | None = None
    order: Order | None = None
    skew: Skew | None = None
    """None while no champion serves."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the ledger."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Rebuild stored evidence.

        Raises:
            ContractError: it is none.
        """
        try:
            return msgspec.convert(stored, cls)
        except msgspec.ValidationError as exc:
            raise ContractError(f"the stored evidence of gate 1 cannot be read: {exc}") from exc


def measure_data(
    rows: pl.DataFrame,
    split: RowSplit,
    project: Project,
    now: datetime,
    *,
    new_after: datetime | None = None,
    broken: Sequence[Stretch] = (),
    order: Order | None = None,
    skew: Skew | None = None,
) -> DataEvidence:
    """Measure what the limits of `policies.validation` beyond single rows are held against.

    Args:
        rows: rows that are known at `now`, whatever gate 1 thinks of them, as far back as
            `span_of_periods` says: the newest weeks tell what is usual.
        split: the rows of the training window, accepted or quarantined. Without a sound table
            nothing is measured.
        project: says what each column is for.
        now: the present, naive UTC.
        new_after: newest event time that the champion learned from; None where there is none.
        broken: stretches of time in which the watch found the feed broken.
        order: how the source's order agrees with time; None where nobody looked.
        skew: how the champion's logged answers differ; None while none serves.
    """
    if split.problems or not split.rows:
        return DataEvidence(order=order, skew=skew)
    return DataEvidence(
        periods=measure_periods(rows, project, now, new_after, broken),
        delays=measure_delays(split.accepted, project, now),
        leaks=measure_leaks(split.accepted, project, now),
        null_jump=measure_null_jump(split.accepted, project, now),
        order=order,
        skew=skew,
    )

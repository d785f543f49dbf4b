"""What clients were answered in a play, held against what the log has of it afterwards."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from simulation.traffic import Replay, SentDay
from sixgates.adapters.wiring import World

_SINCE = datetime(2000, 1, 1)  # noqa: DTZ001 - naive UTC


class Kept(Replay):
    """A replay that keeps what became of each day."""

    def __init__(self, sent: list[SentDay], *words: Any, **named: Any) -> None:  # noqa: ANN401
        """Keep days in a list; the rest is as of `Replay`."""
        super().__init__(*words, **named)
        self._kept = sent

    def send(self, rows: pl.DataFrame, kept: np.ndarray | None = None) -> SentDay:
        """Send a day; see `Replay.send`."""
        self._kept.append(super().send(rows, kept))
        return self._kept[-1]


def answered(sent: Sequence[SentDay]) -> int:
    """Return how many predictions clients have."""
    return sum(int(day.answered.sum()) for day in sent)


def lost(world: World, model: str, sent: Sequence[SentDay]) -> int:
    """Return how many predictions that clients have are not in the log."""
    logged = world.log.predictions(model, _SINCE)
    own = logged.filter(pl.col("arm") != "shadow").select("request", "row").unique()
    return answered(sent) - own.height

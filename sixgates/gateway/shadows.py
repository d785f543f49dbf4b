"""When the other model is asked: soon after the answer, so that no client waits for it.

The event loop gathers for some milliseconds what came, a thread has the library score it, and the
event loop writes down what comes back. The thread needs Python's lock for a moment before the
library's call and after it. A busy event loop gives the lock back at every request and takes it
again before the thread is awake, so the thread would try again and again. It is lent the lock
instead: the loop waits for it, a moment at most.
"""

import asyncio
import logging
import threading
from collections import deque
from queue import Empty, SimpleQueue

from sixgates.gates.records import rows_in
from sixgates.gateway.booster import said
from sixgates.gateway.log import SegmentLog
from sixgates.gateway.metrics import Tally
from sixgates.gateway.protocols.protocol import encode_lines
from sixgates.gateway.scoring import Exchange
from sixgates.gateway.shadow import (
    Asked,
    Other,
    Scores,
    Wanted,
    ask_others,
    records_of,
    rows_of,
    score,
)

MAX_WAITING = 10_000
"""Rows that may wait: what comes while there are more is not scored, but counted."""

_GATHER_SECONDS = 0.02
_SCORE_SECONDS = 0.004
"""After which it is looked for what is scored."""
_ROWS_AT_ONCE = 512
_MOMENT_SECONDS = 0.001
"""For which the event loop waits for the thread at most."""

_logger = logging.getLogger(__name__)


class Shadows:
    """Scores exchanges by and by. To be used from the event loop's thread."""

    def __init__(self, log: SegmentLog, tally: Tally, sample: float) -> None:
        """Begin.

        Args:
            log: Where the records go.
            tally: Where the rows are counted.
            sample: Share of units whose rows are scored, 0 to 1.
        """
        self.lost = 0
        """Rows that were not scored or not logged, since the start."""
        self.waiting = 0
        """Rows that are not scored yet."""
        self._log = log
        self._tally = tally
        self._sample = sample
        self._queue: deque[tuple[Other, Wanted]] = deque()
        self._scoring: tuple[int, Asked] | None = None
        """What the thread is at work on, and how many rows these are."""
        self._timer: asyncio.TimerHandle | None = None
        self._begun = threading.Event()
        self._asked: SimpleQueue[Asked | None] = SimpleQueue()
        self._scored: SimpleQueue[list[Scores] | Exception] = SimpleQueue()
        self._thread = threading.Thread(target=self._score_all, name="shadow", daemon=True)
        self._thread.start()

    def ask(self, exchange: Exchange) -> None:
        """Have the rows of an exchange scored by the model that did not answer them."""
        if not self._sample:
            return
        for other, wanted in ask_others(exchange, self._sample):
            rows = rows_of(wanted.answered)
            if self.waiting >= MAX_WAITING:
                self.lost += rows
                continue
            self.waiting += rows
            self._queue.append((other, wanted))
        if self._timer is None and self._queue:
            self._look_in(_GATHER_SECONDS)

    def trouble(self) -> str:
        """Say why rows get no shadow right now, empty where they do."""
        if self.waiting >= MAX_WAITING:
            return (
                f"shadow scoring cannot keep up, {self.lost:,} rows so far have none: shadow a part"
                " of the units (--shadow), or start more workers"
            )
        return ""

    def settle(self) -> None:
        """Score and log all that waits, here and now."""
        while self._scoring or self._queue:
            if self._scoring:
                self._finish(None)
            else:
                self._begin()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Score and log all that waits, and end the thread."""
        self.settle()
        self._asked.put(None)
        self._thread.join()

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._scoring:
            self._finish(_MOMENT_SECONDS)
        else:
            self._begin()
        if self._scoring:
            self._look_in(_SCORE_SECONDS)
        elif self._queue:
            self._look_in(_GATHER_SECONDS)

    def _begin(self) -> None:
        """Have what waits scored."""
        asked: Asked = {}
        rows = 0
        while self._queue and rows < _ROWS_AT_ONCE:
            other, wanted = self._queue.popleft()
            asked.setdefault(other, []).append(wanted)
            rows += rows_of(wanted.answered)
        self._scoring = rows, asked
        self._begun.clear()
        self._asked.put(asked)
        self._begun.wait(_MOMENT_SECONDS)

    def _finish(self, patience: float | None) -> None:
        """Write down what is scored, if it is within so many seconds; None waits for it."""
        assert self._scoring is not None  # noqa: S101 - callers have looked
        rows, asked = self._scoring
        try:
            scores = self._scored.get(timeout=patience)
        except Empty:
            return
        self._scoring = None
        self.waiting -= rows
        if isinstance(scores, Exception):
            self.lost += rows
            _logger.error("%d rows were not scored in shadow: %s", rows, said(scores))
            return
        records, parts = records_of(asked, scores)
        self.lost += rows_in(self._log.append(encode_lines(records)).lost)
        for part in parts:
            self._tally.count(part)

    def _score_all(self) -> None:
        """Be the thread."""
        while (asked := self._asked.get()) is not None:
            self._begun.set()
            try:
                self._scored.put(score(asked))
            except Exception as exc:  # noqa: BLE001 - told by whoever takes it
                self._scored.put(exc)

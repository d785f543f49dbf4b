"""The other model's answers, scored and logged in a thread of their own: no client waits for them.

The thread takes what came in some milliseconds at once. LightGBM then scores many rows in one call,
in which the event loop's thread runs on.
"""

import logging
import threading
import time
from collections import deque

from sixgates.gates.records import rows_in
from sixgates.gateway.log import SegmentLog
from sixgates.gateway.metrics import Tally
from sixgates.gateway.protocol import encode_lines
from sixgates.gateway.scoring import Exchange, shadow

MAX_WAITING = 10_000
"""Rows that may wait: what comes while there are more is not scored, but counted."""

_GATHER_SECONDS = 0.005
_ROWS_AT_ONCE = 256

_logger = logging.getLogger(__name__)


class Shadows:
    """Scores exchanges by and by. `ask` is for one thread, the rest is for any."""

    def __init__(self, log: SegmentLog, sample: float) -> None:
        """Begin.

        Args:
            log: For this alone; closed with it.
            sample: Share of units whose rows are scored, 0 to 1.
        """
        self.tally = Tally()
        self.lost = 0
        """Rows that were not scored or not logged, since the start."""
        self._log = log
        self._sample = sample
        self._queue: deque[Exchange] = deque()
        self._asked = 0
        self._done = 0
        self._wake = threading.Event()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)
        self._thread.start()

    def ask(self, exchange: Exchange) -> None:
        """Have the rows of an exchange scored by the model that did not answer them."""
        if not self._sample:
            return
        rows = len(exchange.question.rows)
        if self.waiting >= MAX_WAITING:
            self.lost += rows
            return
        self._asked += rows
        self._queue.append(exchange)
        if not self._wake.is_set():
            self._wake.set()

    @property
    def waiting(self) -> int:
        """Rows that are not scored yet."""
        return self._asked - self._done

    def trouble(self) -> str:
        """Say why rows get no shadow right now, empty where they do."""
        if why := self._log.failure:
            return f"shadow scores cannot be logged, {self.lost:,} rows so far: {why}"
        if self.waiting >= MAX_WAITING:
            return (
                f"shadow scoring cannot keep up, {self.lost:,} rows so far have none: shadow a part"
                " of the units (--shadow), or start more workers"
            )
        return ""

    def settle(self) -> None:
        """Wait until all that was asked for so far is in the log."""
        while self.waiting and self._thread.is_alive():
            time.sleep(0.001)

    def close(self) -> None:
        """Score what waits, seal the segment, and end the thread."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._log.close()

    def _run(self) -> None:
        while not self._closing:
            # It wakes for a segment that gets old, too.
            if self._wake.wait(1.0) and not self._closing:
                time.sleep(_GATHER_SECONDS)
            self._wake.clear()
            self._score_all()
            self._log.roll()
        self._score_all()

    def _score_all(self) -> None:
        while self._queue:
            batch, rows = [], 0
            while self._queue and rows < _ROWS_AT_ONCE:
                batch.append(self._queue.popleft())
                rows += len(batch[-1].question.rows)
            try:
                self._score(batch)
            except Exception:
                self.lost += rows
                _logger.exception("%d rows were not scored in shadow; the thread goes on", rows)
            self._done += rows

    def _score(self, batch: list[Exchange]) -> None:
        scored = shadow(batch, self._sample)
        lines = b"".join([encode_lines(one.records) for one in scored])
        if lines:
            self.lost += rows_in(self._log.append(lines).lost)
        for one in scored:
            self.tally.count(one.part)

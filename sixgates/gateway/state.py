"""What one gateway process holds: the models it serves, its log and its counts, and its health."""

import time
from pathlib import Path
from typing import Any

from sixgates.gateway import metrics
from sixgates.gateway.access import Access
from sixgates.gateway.answer_log import AnswerLog, LogMode
from sixgates.gateway.follow import Follower
from sixgates.gateway.http.access_log import AccessLog
from sixgates.gateway.log import SegmentLog, Written
from sixgates.gateway.losses import Losses
from sixgates.gateway.metrics import Tally
from sixgates.gateway.sample import LabelLines, lines_of
from sixgates.gateway.scoring import Exchange
from sixgates.gateway.served import document
from sixgates.gateway.shadows import Shadows

_SAID = (
    "epoch", "share", "lapsed", "unlogged", "log_share", "left_out", "left_out_labels",
)  # fmt: skip
"""What is served, as far as it is a number."""


class State:
    """Used by the event loop's thread alone, except for the follower."""

    def __init__(
        self,
        *,
        model: str,
        follower: Follower,
        log_dir: Path,
        access: Access,
        mode: LogMode = LogMode.REPLY_AFTER_COMMIT,
        shadow: float = 1.0,
        log_share: float = 1.0,
        access_log: AccessLog | None = None,
    ) -> None:
        """Log under `<log_dir>/<model>/`.

        Args:
            model: Name of the project.
            follower: Knows what is served.
            log_dir: Folder of the log.
            access: Says which calls need a token.
            mode: When an answer is in the log.
            shadow: Share of units whose rows the other model scores too, 0 to 1.
            log_share: Share of requests that are logged, above 0 and up to 1.
            access_log: Where each request is noted, if anywhere; closed with the state.

        Raises:
            ConfigurationError: the log's folder cannot be made.
        """
        self.model = model
        self.follower = follower
        self.access = access
        self.stopping = False
        """Whether a balancer is to send nobody here any more."""
        self.access_log = access_log
        self.tally = Tally()
        folder = log_dir / model
        log = SegmentLog(folder, "predictions")
        self.answers = AnswerLog(log, mode, Losses(follower.guard.incidents))
        self.shadows = Shadows(log, self.tally, shadow)
        self._labels = SegmentLog(folder, "labels")
        self.log_share = log_share
        self.lines_of = lines_of(log_share)
        self.left_out = 0
        """Answers of requests that are not in the sample, since the start."""
        self.left_out_labels = 0
        """Labels of such requests."""

    def record(self, exchange: Exchange, lines: bytes) -> None:
        """Log and count what is about to be answered; no lines where its request is left out."""
        answered = exchange.answer
        if lines:
            self.answers.append(lines, len(answered.predictions), exchange.served.route)
        else:
            self.left_out += len(answered.predictions)
        for part in answered.parts:
            self.tally.count(part)

    def refused(self, status: int) -> None:
        """Count a request that got an error."""
        self.tally.refused[status] += 1

    def record_labels(self, sent: LabelLines) -> Written:
        """Log labels of requests that are logged; the caller must refuse them where some are lost.

        The others belong to nothing in the log: they are counted and forgotten.
        """
        self.left_out_labels += sent.left_out
        return self._labels.append(sent.lines) if sent.lines else Written(b"", "")

    def nothing_served(self) -> str:
        """Say why there is no model to answer with."""
        if not self.follower.refused:
            why = self.follower.silence or "the ledger has no route yet"
        else:
            why = "; ".join(f"version {v}: {s}" for v, s in self.follower.refused.items())
        return f"no model of {self.model} is served: {why}"

    def troubles(self) -> list[str]:
        """Return what a person should look at while the gateway goes on serving."""
        found = []
        if reason := self.answers.failure:
            lost = self.answers.losses.total
            found.append(f"predictions cannot be logged, {lost:,} answers so far: {reason}")
        if trouble := self.shadows.trouble():
            found.append(trouble)
        if reason := self._labels.failure:
            found.append(f"labels cannot be logged: {reason}")
        found += [f"version {v} is refused: {s}" for v, s in self.follower.refused.items()]
        if self.follower.silence:
            found.append(self.follower.silence)
        if trouble := self.follower.guard.trouble(self.follower.served):
            found.append(trouble)
        return found

    def serving(self) -> dict[str, Any]:
        """Say what is served right now."""
        follower = self.follower
        served, guard = follower.served, follower.guard
        return document(
            served,
            share=guard.share(served),
            lapsed=guard.lapsed(served),
            cut=guard.cut(served),
            unlogged=self.answers.losses.total,
            log_share=self.log_share,
            left_out=self.left_out,
            left_out_labels=self.left_out_labels,
            refused=follower.refused,
            clock=time.time(),
        )

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        said = self.serving()
        gauges = {
            **{name: said[name] for name in _SAID},
            "cut": bool(said["cut"]),
            "lease_seconds": self.follower.guard.lease_left(self.follower.served),
            "unshadowed": self.shadows.lost,
            "shadow_waiting": self.shadows.waiting,
            "log_lag_seconds": self.answers.lag(),
        }
        return metrics.exposition(self.model, self.tally, gauges)

    def tend(self) -> None:
        """Write what waits, and seal what is old."""
        if self.access_log is not None:
            self.access_log.flush()
        self.answers.roll()
        self._labels.roll()

    def leave(self) -> None:
        """Log what waits, and have the ledger told of all it is owed, because the gateway stops."""
        self.answers.flush()
        self.answers.losses.settle()
        self.follower.guard.leave()

    def close(self) -> None:
        """Log what waits, and seal the segments."""
        self.shadows.close()
        self.answers.close()
        self._labels.close()
        if self.access_log is not None:
            self.access_log.close()

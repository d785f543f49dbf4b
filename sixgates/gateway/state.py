"""What one gateway process holds: the models it serves, its log and its counts, and its health."""

import time
from pathlib import Path
from typing import Any

from sixgates.gates.records import Label, Prediction
from sixgates.gateway.access import Access
from sixgates.gateway.follow import Follower
from sixgates.gateway.log import SegmentLog, Written
from sixgates.gateway.metrics import Metrics
from sixgates.gateway.protocol import encode_lines
from sixgates.gateway.served import document


class State:
    """Used by the event loop's thread alone, except for the follower."""

    def __init__(self, *, model: str, follower: Follower, log_dir: Path, access: Access) -> None:
        """Log under `<log_dir>/<model>/`.

        Raises:
            ConfigurationError: the log's folder cannot be made.
        """
        self.model = model
        self.follower = follower
        self.access = access
        self.metrics = Metrics(model)
        self.unlogged = 0
        """Answers given without being logged, since the start."""
        self.unshadowed = 0
        """Shadow scores that could not be logged, since the start."""
        self._predictions = SegmentLog(log_dir / model, "predictions")
        self._labels = SegmentLog(log_dir / model, "labels")

    def record_answers(self, records: list[Prediction], answers: int) -> None:
        """Log and count what is about to be answered; a full disk never stops an answer."""
        written = self._predictions.append(encode_lines(records))
        self.unlogged += min(written.lost, answers)
        self.metrics.count(records)

    def record_shadows(self, records: list[Prediction]) -> None:
        """Log and count what was scored after the answer."""
        written = self._predictions.append(encode_lines(records))
        self.unshadowed += written.lost
        self.metrics.count(records)

    def record_labels(self, labels: list[Label]) -> Written:
        """Log labels; the caller must refuse them where lines were lost."""
        return self._labels.append(encode_lines(labels))

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
        if reason := self._predictions.failure:
            found.append(
                f"predictions cannot be logged, {self.unlogged:,} answers so far: {reason}"
            )
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
            unlogged=self.unlogged,
            refused=follower.refused,
            clock=time.time(),
        )

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        said = self.serving()
        return self.metrics.exposition(
            {
                **{name: said[name] for name in ("epoch", "share", "lapsed", "unlogged")},
                "cut": bool(said["cut"]),
                "unshadowed": self.unshadowed,
            }
        )

    def close(self) -> None:
        """End the segments."""
        self._predictions.close()
        self._labels.close()

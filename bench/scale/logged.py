"""Logged requests, and what reads them: `python -m bench.scale.logged WORK FOLDER REQUESTS`.

Each work is done in a process of its own and prints as JSON what it took. Both models answer every
request, as while a release is open, and each request has a label.
"""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from uuid import UUID

import msgspec
import polars as pl

from bench.clock import spend
from bench.report import BENCH
from sixgates.adapters.compaction import compact_log
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.project_files import load_project
from sixgates.gates.evidence import Trial, gather, loss_by_period
from sixgates.gates.maturity import labels_since
from sixgates.gates.project import Project
from sixgates.gates.records import Arm, Label, Prediction
from sixgates.gateway.log import SEGMENT_BYTES

MODEL = "bench"
_BEGAN = 1_790_000_000.0
_SINCE, _LATER = datetime(2026, 1, 1), datetime(2027, 6, 1)  # noqa: DTZ001 - naive UTC
_RATE = 10_000
"""Requests a second."""
_TOGETHER = 200
"""Requests whose shadows are written together, after them: those of 20 ms."""
_TRIAL = Trial("4", "3", {7: 0.0}, epoch=7)


def write(folder: Path, requests: int) -> None:
    """Write segments as a gateway does, and beside the log the labels of its requests.

    Args:
        folder: Where `log` and `later`, which has the labels, come to lie.
        requests: How many; a multiple of 200.
    """
    random, encode = Random(1), msgspec.json.Encoder().encode
    named: list[tuple[str, float]] = []
    _segments(folder / "log" / MODEL, "predictions", _answers(random, encode, requests, named))
    labels = (
        encode(Label(request, 0, str(random.randrange(2)), at + 3600, at + 3600 + random.random()))
        for request, at in named
    )
    _segments(folder / "later", "labels", labels)


def _answers(
    random: Random, encode: Callable[[object], bytes], requests: int, named: list[tuple[str, float]]
) -> Iterator[bytes]:
    received = _BEGAN
    for _ in range(0, requests, _TOGETHER):
        asked = []
        for _ in range(_TOGETHER):
            received += random.expovariate(_RATE)
            request = str(UUID(int=random.getrandbits(128)))
            named.append((request, round(received - random.uniform(0.001, 0.02), 3)))
            asked.append((*named[-1], f"customer-{random.randrange(10_000_000)}", received))
        for arm, version in ((Arm.CHAMPION, "3"), (Arm.SHADOW, "4")):
            for request, at, entity, moment in asked:
                answer, micros = (random.betavariate(1, 5),), random.lognormvariate(2.9, 0.3)
                yield encode(
                    Prediction(
                        request, 0, entity, at, 7, arm, version, answer, "", micros, moment, 0.0
                    )
                )


def _segments(folder: Path, stream: str, records: Iterator[bytes]) -> None:
    folder.mkdir(parents=True)
    lines, size, number = [], 0, 0
    for record in records:
        lines.append(record + b"\n")
        size += len(lines[-1])
        if size >= SEGMENT_BYTES:
            _segment(folder, stream, number, lines)
            lines, size, number = [], 0, number + 1
    _segment(folder, stream, number, lines)


def _segment(folder: Path, stream: str, number: int, lines: list[bytes]) -> None:
    path = folder / f"{stream}-{int(_BEGAN + number)}000000000-1.jsonl"
    path.write_bytes(b"".join(lines))


def evidence(log: DeltaLog) -> int:
    """Gather the evidence of a tick, and return how many pairs are in it."""
    predictions, labels = _known(log)
    found = gather(_project(), _TRIAL, predictions, labels, now=_LATER, slow_ms=50.0)
    return found.pairs


def matured(log: DeltaLog) -> int:
    """Take the champion's matured losses as the watch does, and return of how many rows."""
    predictions, labels = _known(log)
    losses = loss_by_period(_project(), _TRIAL.control, predictions, labels, now=_LATER)
    return int(losses["n"].sum())


def _known(log: DeltaLog) -> tuple[pl.DataFrame, pl.DataFrame]:
    predictions = log.predictions(MODEL, _SINCE)
    return predictions, log.labels(MODEL, labels_since(predictions))


def _project() -> Project:
    return load_project(str(BENCH.parent / "projects" / "loans.py"))


def main() -> None:
    """Do one work."""
    work, folder = sys.argv[1], Path(sys.argv[2])
    log = DeltaLog(folder / "log", folder / "tables")
    match work:
        case "write":
            spend(lambda: write(folder, int(sys.argv[3])))
        case "idle":
            spend(lambda: 0)
        case "compact":
            spend(lambda: compact_log(log, MODEL, None, lambda: None).sentence)
        case "read":
            spend(lambda: log.predictions(MODEL, _SINCE).height)
        case "labels":
            spend(lambda: log.labels(MODEL).height)
        case "evidence":
            spend(lambda: evidence(log))
        case "matured":
            spend(lambda: matured(log))


if __name__ == "__main__":
    main()

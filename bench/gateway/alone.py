"""`Booster.predict` alone, and the least that the other parts of a batch's answer take.

`python -m bench.gateway.alone FOLDER TEXT`, with a folder of requests and a model: each line on
stdin is `PART SECONDS`; each on stdout the processor time of that part for a batch, in µs, as JSON.
A process of its own, so that nothing else is in the sum.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from bench.gateway.bare import BEFORE
from sixgates.gates.records import Arm, Batch


class _Split(msgspec.Struct):
    columns: list[str]
    data: list[list[Any]]


class _Body(msgspec.Struct):
    dataframe_split: _Split


def main() -> int:
    """Measure what is asked until stdin ends."""
    parts = _parts(Path(sys.argv[1]), Path(sys.argv[2]))
    for line in sys.stdin:
        name, seconds = line.split()
        sys.stdout.write(json.dumps(_micros(parts[name], float(seconds))) + "\n")
        sys.stdout.flush()
    return 0


def _parts(requests: Path, text: Path) -> dict[str, Callable[[int], object]]:
    """Return each part of the answer to a batch; it is given the number of the batch."""
    matrices = list(np.load(requests / "batch.npy"))
    bodies = (requests / "batch.txt").read_bytes().splitlines()
    decode, encoder = msgspec.json.Decoder(_Body).decode, msgspec.json.Encoder()
    booster = lightgbm.Booster(model_file=text)
    rows = decode(bodies[0]).dataframe_split.data
    answers = np.asarray(booster.predict(matrices[0], num_threads=1)).tolist()
    record = _batch([str(row[0]) for row in rows], answers)
    units = [f"bench\0{row[0]}".encode() for row in rows]
    n = len(bodies)
    return {
        "predict": lambda i: booster.predict(matrices[i % n], num_threads=1),
        "decode": lambda i: decode(bodies[i % n]),
        "matrix": lambda _: np.array([row[BEFORE:] for row in rows], dtype=np.float64),
        "split": lambda _: [xxh3_64_intdigest(unit) for unit in units],
        "log": lambda _: encoder.encode(record),
        "reply": lambda _: encoder.encode({"predictions": answers}),
    }


def _batch(entities: list[str], answers: list[float]) -> Batch:
    n = len(entities)
    return Batch(
        request="0" * 32, rows=[*range(n)], entities=entities, ats=[1_777_627_800.0] * n, epoch=1,
        arm=Arm.CHAMPION, version="1", answers=[(value,) for value in answers], errors=[],
        micros=12.345678, received=1_795_468_817.939074, share=0.5,
    )  # fmt: skip


def _micros(part: Callable[[int], object], seconds: float) -> float:
    """Repeat a part for some seconds and return the processor time of one."""
    part(0)
    count, began, until = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < until:
        part(count)
        count += 1
    return (time.process_time() - began) / count * 1e6


if __name__ == "__main__":
    sys.exit(main())

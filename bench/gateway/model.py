"""What is served, and what is asked: `python -m bench.gateway.model FOLDER RECIPE`.

A process of its own, so that the bench itself never loads LightGBM or NumPy: pages of them that it
shared with a gateway would count half in the gateway's memory. The recipe is a digest of how all
this is made, and is kept beside it.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lightgbm
import numpy as np

from bench.gateway.made import MODEL
from sixgates.adapters.model_store import ModelStore, text_digest
from sixgates.gates.card import Feature, ModelCard, Probe, Task

TREES, LEAVES, FEATURES = 200, 31, 30
VERSIONS = 3
"""A champion, one beside it, and a third that is being proved."""
SINGLE, BATCHES, BATCH_ROWS = 1_000, 16, 1_000
ENTITY, EVENT_TIME = "customer", "at"
NAMES = [f"feature_{i}" for i in range(FEATURES)]

_TRAINING_ROWS = 20_000
_DECIMALS = 6
_PROBES = 5
_START = datetime(2026, 5, 1)  # noqa: DTZ001 - event times are naive UTC


def main() -> int:
    """Write models and requests, and say by which digests the models go."""
    folder, recipe = Path(sys.argv[1]), sys.argv[2]
    digests = [_put(folder / "models", seed) for seed in range(VERSIONS)]
    (folder / "requests").mkdir(exist_ok=True)
    rng = np.random.default_rng(99)
    singles = _rows(rng, SINGLE)
    batches = [_rows(rng, BATCH_ROWS) for _ in range(BATCHES)]
    _write(folder / "requests/single.txt", [split(r[None], i) for i, r in enumerate(singles)])
    _write(folder / "requests/batch.txt", [split(rows, 0) for rows in batches])
    (folder / "requests/batch.bin").write_bytes(b"".join(map(tensors, batches)))
    _write(folder / "requests/features.txt", [features(row) for row in singles])
    _write(folder / "requests/tensors.txt", [tensor(row) for row in singles])
    _write(folder / "requests/arrays.txt", [array(row) for row in singles])
    np.save(folder / "requests/batch.npy", np.stack(batches))
    expected = [_answers(folder / "models" / MODEL / f"{d}.txt", singles) for d in digests]
    made = {"recipe": recipe, "digests": digests, "expected": expected}
    (folder / "made.json").write_text(json.dumps(made))
    return 0


def split(rows: np.ndarray, first: int) -> object:
    """Write rows in MLflow's `dataframe_split`, with entity and event time before the features."""
    data = [
        [_customer(first + i), (_START + timedelta(seconds=first + i)).isoformat(), *row]
        for i, row in enumerate(rows.tolist())
    ]
    return {"dataframe_split": {"columns": [ENTITY, EVENT_TIME, *NAMES], "data": data}}


def features(row: np.ndarray) -> object:
    """Write a row in MLflow's `dataframe_split`, without what the model does not read."""
    return {"dataframe_split": {"columns": NAMES, "data": [row.tolist()]}}


def tensor(row: np.ndarray) -> object:
    """Write a row in the Open Inference Protocol, as one tensor."""
    shape = [1, FEATURES]
    one = {"name": "predict", "shape": shape, "datatype": "FP64", "data": row.tolist()}
    return {"inputs": [one]}


def tensors(rows: np.ndarray) -> bytes:
    """Write rows in the Open Inference Protocol, one tensor a column, as bytes behind the JSON.

    As Triton's client sends them, but for a line before it that has the sizes of both.
    """
    customers = [_customer(i).encode() for i in range(len(rows))]
    times = _START.replace(tzinfo=UTC).timestamp() + np.arange(len(rows))
    columns = [
        (ENTITY, "BYTES", b"".join(len(c).to_bytes(4, "little") + c for c in customers)),
        (EVENT_TIME, "FP64", times.astype("<f8").tobytes()),
        *((n, "FP64", rows[:, j].astype("<f8").tobytes()) for j, n in enumerate(NAMES)),
    ]
    inputs = [
        {"name": name, "datatype": datatype, "shape": [len(rows)],
         "parameters": {"binary_data_size": len(raw)}}
        for name, datatype, raw in columns
    ]  # fmt: skip
    head = json.dumps({"inputs": inputs}).encode()
    whole = b"".join([head, *(raw for _, _, raw in columns)])
    return b"%d %d\n%b" % (len(head), len(whole), whole)


def array(row: np.ndarray) -> object:
    """Write a row as BentoML reads an array argument named `rows`."""
    return {"rows": [row.tolist()]}


def _customer(i: int) -> str:
    return f"customer-{i}"


def _answers(text: Path, rows: np.ndarray) -> list[float]:
    answers: list[float] = np.asarray(
        lightgbm.Booster(model_file=text).predict(rows, num_threads=1)
    ).tolist()
    return answers


def _rows(rng: np.random.Generator, n: int) -> np.ndarray:
    return rng.normal(size=(n, FEATURES)).round(_DECIMALS)


def _write(path: Path, bodies: list[object]) -> None:
    """Write bodies as clients do, one a line."""
    path.write_text("".join(json.dumps(body) + "\n" for body in bodies))


def _put(store: Path, seed: int) -> str:
    """Train a model, store it with its card, and return its digest."""
    text = train(seed)
    booster = lightgbm.Booster(model_str=text)
    rows = _rows(np.random.default_rng([seed, 1]), _PROBES)
    answers = np.asarray(booster.predict(rows, num_threads=1)).tolist()
    card = ModelCard(
        model=MODEL,
        digest=text_digest(text),
        task=Task.BINARY,
        features=tuple(map(Feature, NAMES)),
        event_time=EVENT_TIME,
        entity=ENTITY,
        probes=tuple(
            Probe(dict(zip(NAMES, row, strict=True)), (answer,))
            for row, answer in zip(rows.tolist(), answers, strict=True)
        ),
    )
    ModelStore(store).put(text, card)
    return card.digest


def train(seed: int) -> str:
    """Return the text of a model with exactly `TREES` trees of `LEAVES` leaves."""
    rng = np.random.default_rng([seed, 0])
    matrix = _rows(rng, _TRAINING_ROWS)
    signal = matrix @ rng.normal(size=FEATURES) / 4 + matrix[:, 0] * matrix[:, 1]
    label = (signal + rng.logistic(size=_TRAINING_ROWS) > 0).astype(float)
    parameters = {
        "objective": "binary", "num_leaves": LEAVES, "learning_rate": 0.05, "seed": seed,
        "num_threads": 1, "deterministic": True, "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(matrix, label=label, feature_name=NAMES)
    text: str = lightgbm.train(parameters, data, num_boost_round=TREES).model_to_string()
    if (found := text.count(f"num_leaves={LEAVES}\n")) != TREES:
        raise AssertionError(f"{found} of {TREES} trees have {LEAVES} leaves: change the data")
    return text


if __name__ == "__main__":
    sys.exit(main())

"""What one worker does of a training: it bins its own rows, and boosts in step with the others.

Rows are given to LightGBM as sequences, one a part: a worker holds them binned, about a byte a
value, and one part of them as floats at a time. LightGBM's own network does the rest: each worker
adds up its histograms, and all grow the same tree.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, NamedTuple, Self

import lightgbm as lgb
import numpy as np

from sixgates.adapters.engine.stored_rows import Part, dated
from sixgates.adapters.lightgbm_trainer import (
    dataset_of,
    encoded_rows,
    known_rows,
    resident_mb,
)
from sixgates.gates.card import ModelCard
from sixgates.gates.project import Project
from sixgates.gates.timesplit import Borders

_THREADS = lgb.basic._ConfigAliases.get("num_threads")  # noqa: SLF001 - as the trainer does
_BATCH = 2**16
_MINUTES = 2
"""How long a worker waits for the others to come, or for the next word of one."""
_ADDRESSES = re.compile(
    r"^\[(machines|local_listen_port|num_machines|time_out): .*\]\n", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What all workers of a training are told alike."""

    project: Project
    card: ModelCard
    params: dict[str, Any]
    rounds: int
    borders: Borders

    def with_threads(self, threads: int) -> Self:
        """Return the lesson for a worker with so many threads, unless the project says how many."""
        given = set(self.project.trainer) & _THREADS
        return self if given else replace(self, params=self.params | {"num_threads": threads})


@dataclass(frozen=True, slots=True)
class Own:
    """What one worker is told."""

    train: tuple[Part, ...]
    validation: tuple[Part, ...]
    machines: str
    """`host:port` of all workers, separated by commas; empty where there is one alone."""
    port: int
    """The own one."""
    first: bool
    """Whether it returns the text, which is the same from all."""


class Share(NamedTuple):
    """What one worker found."""

    text: str
    """LightGBM's native text of all rounds, without addresses; empty but from the first worker."""
    metric: str
    """What `curve` holds; empty where the worker had no validation rows."""
    higher_is_better: bool
    curve: tuple[float, ...]
    """Mean over the own validation rows after each round."""
    validation_rows: int
    memory_mb: float
    """Largest resident memory seen after a round, in megabytes."""


def learn_share(own: Own, lesson: Lesson, socket: Any) -> Share:  # noqa: ANN401 - of lightgbm.dask
    """Train on the own parts, together with the workers that are told the same lesson.

    Raises:
        lightgbm.basic.LightGBMError: a parameter is refused, or another worker does not answer.
        ContractError: the rows do not fit the project's roles.
    """
    params = dict(lesson.params)
    if own.machines:
        params |= {
            "tree_learner": "data",
            "machines": own.machines,
            "num_machines": own.machines.count(",") + 1,
            "local_listen_port": own.port,
            "time_out": _MINUTES,
        }
    load = lru_cache(maxsize=1)(partial(_load, lesson))
    train = _dataset(lesson, params, *_read(lesson, load, own.train, "train"))
    sequences, judged = _read(lesson, load, own.validation, "validation")
    held = [_dataset(lesson, params, sequences, judged, train)] if len(judged) else []
    if socket is not None:
        socket.release()
    watch = _Watch()
    booster = lgb.train(params, train, lesson.rounds, valid_sets=held, callbacks=[watch])
    try:
        text = _ADDRESSES.sub("", booster.model_to_string(num_iteration=-1)) if own.first else ""
    finally:
        booster.free_network()
    return Share(
        text, watch.metric, watch.higher_is_better, tuple(watch.curve), len(judged), watch.memory_mb
    )


class _Watch:
    """Notes memory and the first metric after each round; it never stops one worker alone."""

    before_iteration = False
    order = 10

    def __init__(self) -> None:
        self.metric = ""
        self.higher_is_better = False
        self.curve: list[float] = []
        self.memory_mb = resident_mb()

    def __call__(self, env: lgb.callback.CallbackEnv) -> None:
        self.memory_mb = max(self.memory_mb, resident_mb())
        if env.evaluation_result_list:
            _, self.metric, figure, self.higher_is_better = env.evaluation_result_list[0][:4]
            self.curve.append(float(figure))


class _Sequence(lgb.Sequence):
    """The encoded rows of one part; they are read anew each time another part was read since."""

    batch_size = _BATCH

    def __init__(self, load: Callable[[], np.ndarray], rows: int) -> None:
        self._load = load
        self._rows = rows

    def __getitem__(self, place: int | slice | list[int]) -> np.ndarray:
        return self._load()[place]

    def __len__(self) -> int:
        return self._rows


Load = Callable[[Part, str], np.ndarray]


def _load(lesson: Lesson, part: Part, kind: str) -> np.ndarray:
    rows = getattr(lesson.borders.split(part.read(), lesson.project), kind)
    return np.ascontiguousarray(encoded_rows(lesson.project, lesson.card, rows)[0])


def _labels(lesson: Lesson, part: Part, kind: str) -> np.ndarray:
    rows = lesson.borders.split(dated(part, lesson.project), lesson.project)
    return known_rows(lesson.project, lesson.card, getattr(rows, kind))[1]


def _read(
    lesson: Lesson, load: Load, parts: Sequence[Part], kind: str
) -> tuple[list[lgb.Sequence], np.ndarray]:
    """Return the rows of some parts, unread, and their labels."""
    labels = [_labels(lesson, part, kind) for part in parts]
    sequences: list[lgb.Sequence] = [
        _Sequence(partial(load, part, kind), len(own))
        for part, own in zip(parts, labels, strict=True)
        if len(own)
    ]
    return sequences, np.concatenate(labels or [np.empty(0)])


def _dataset(
    lesson: Lesson,
    params: dict[str, Any],
    rows: list[lgb.Sequence],
    labels: np.ndarray,
    like: lgb.Dataset | None = None,
) -> lgb.Dataset:
    return dataset_of(lesson.card, rows, labels, params, like)

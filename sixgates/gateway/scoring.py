"""Who answers each row, with what, and what is written down about it.

`answer` is what the client waits for; `shadow` is the other model's answer to the same rows,
scored after the reply, so that every row has both models' predictions.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple

import numpy as np

from sixgates.gates.card import ModelCard, RowError, encode_rows
from sixgates.gates.records import Arm, Prediction
from sixgates.gateway.protocol import Question, Refusal
from sixgates.gateway.served import Served
from sixgates.gateway.split import is_beside
from sixgates.gateway.store import LoadedModel

_MAX_ERROR = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client gets, and what is logged before it gets it."""

    predictions: list[float | tuple[float, ...]]
    """One a row; empty where the champion failed."""
    failure: str
    """Why the champion failed, empty where it did not."""
    records: list[Prediction]


class _Asked(NamedTuple):
    """A model in a part."""

    model: LoadedModel
    version: str
    arm: Arm


class _Met(NamedTuple):
    """What a question met."""

    served: Served
    question: Question
    share: float


class _Read(NamedTuple):
    """Rows as one model sees them."""

    matrix: np.ndarray
    seconds: float
    """Time the reading took."""

    def only(self, rows: list[int]) -> "_Read":
        if len(rows) == len(self.matrix):
            return self
        return _Read(self.matrix[rows], self.seconds * len(rows) / len(self.matrix))


def answer(served: Served, question: Question, share: float) -> Answer:
    """Answer each row with its arm's model; where the one beside fails, with the champion.

    Args:
        served: The models.
        question: The rows.
        share: Share of units that the model beside the champion answers now.

    Raises:
        Refusal: 400 where the champion cannot read a row.
    """
    try:
        read = _read(served.champion.card, question.rows)
    except (RowError, OverflowError) as exc:
        raise Refusal(400, str(exc)) from exc
    theirs = _rows_of_beside(served, question, share)
    met = _Met(served, question, share)
    mine = sorted(set(range(len(question.rows))).difference(theirs))
    records: list[Prediction] = []
    if served.beside and theirs:
        records += _ask(_beside(served, served.beside.arm), met, theirs)
    fallen = [r.row for r in records if r.error]
    own = [
        *_ask(_champion(served, Arm.CHAMPION), met, mine, read),
        *_ask(_champion(served, Arm.SHADOW), met, fallen, read),
    ]
    records += own
    failure = next((r.error for r in own if r.error), "")
    if failure:
        # The client gets no row of this request, so only what went wrong is evidence.
        return Answer([], failure, [r for r in records if r.error])
    by_row = {r.row: r.values for r in records if not r.error}
    values = [by_row[i] for i in range(len(question.rows))]
    is_scalar = served.champion.booster.outputs == 1
    return Answer([v[0] for v in values] if is_scalar else [*values], "", records)


def shadow(served: Served, question: Question, answered: Answer, share: float) -> list[Prediction]:
    """Score every row with the model that did not answer it; failures are records too."""
    if served.beside is None or answered.failure:
        return []
    records = answered.records
    by_champion = [r.row for r in records if r.arm is Arm.CHAMPION]
    by_beside = [r.row for r in records if r.arm is served.beside.arm and not r.error]
    met = _Met(served, question, share)
    return [
        *_ask(_beside(served, Arm.SHADOW), met, by_champion),
        *_ask(_champion(served, Arm.SHADOW), met, by_beside),
    ]


def _rows_of_beside(served: Served, question: Question, share: float) -> list[int]:
    if not share > 0:  # NaN takes no traffic either.
        return []
    salt = served.route.release
    return [i for i, unit in enumerate(question.units) if is_beside(salt, unit, share)]


def _champion(served: Served, arm: Arm) -> _Asked:
    return _Asked(served.champion, served.route.champion.number, arm)


def _beside(served: Served, arm: Arm) -> _Asked:
    beside = served.beside
    assert beside is not None  # noqa: S101 - callers ask it only where there is one
    return _Asked(beside.model, beside.version, arm)


def _ask(asked: _Asked, met: _Met, rows: list[int], read: _Read | None = None) -> list[Prediction]:
    """Write one record a row. A model that raises has failed on every row it was asked."""
    if not rows:
        return []
    served, question, share = met
    started = perf_counter()
    try:
        seen = (
            read.only(rows) if read else _read(asked.model.card, [question.rows[i] for i in rows])
        )
        before = perf_counter()
        outputs = asked.model.booster.predict(seen.matrix)
        seconds = seen.seconds + perf_counter() - before
        values, errors = _judge(outputs)
    except Exception as exc:  # noqa: BLE001 - whatever one model does, the other must answer
        seconds = perf_counter() - started
        values = [()] * len(rows)
        errors = [f"{type(exc).__name__}: {exc}"[:_MAX_ERROR]] * len(rows)
    return [
        Prediction(
            request=question.request,
            row=i,
            entity=question.units[i],
            at=question.ats[i],
            epoch=served.route.epoch,
            arm=asked.arm,
            version=asked.version,
            values=answers,
            error=error,
            micros=seconds * 1e6 / len(rows),
            received=question.received,
            share=share,
        )
        for i, answers, error in zip(rows, values, errors, strict=True)
    ]


def _read(card: ModelCard, rows: list[dict[str, object]]) -> _Read:
    started = perf_counter()
    matrix = encode_rows(card, rows)
    return _Read(matrix, perf_counter() - started)


def _judge(outputs: np.ndarray) -> tuple[list[tuple[float, ...]], list[str]]:
    """Turn an answer that is not a finite number into a failure of its row."""
    values: list[tuple[float, ...]] = []
    errors: list[str] = []
    for row, finite in zip(outputs.tolist(), np.isfinite(outputs).all(axis=1), strict=True):
        values.append(tuple(row) if finite else ())
        errors.append("" if finite else f"answered {row}, which is not finite"[:_MAX_ERROR])
    return values, errors

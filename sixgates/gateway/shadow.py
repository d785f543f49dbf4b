"""What the model that did not answer a row says of it, so that every row has both predictions.

In three steps, because two threads share the work: `ask_others` and `records_of` are Python, and
cheap; `score` is the library's, which lets other threads run meanwhile.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple

import msgspec

from sixgates.gates.records import Arm, Batch, Prediction
from sixgates.gates.row_reader import chosen
from sixgates.gateway.booster import Answers, judge, said
from sixgates.gateway.protocols.protocol import Question
from sixgates.gateway.scoring import Exchange, Part, only
from sixgates.gateway.split import is_shadowed
from sixgates.gateway.store import LoadedModel

# Taken from the enumeration once: each time costs as much as a record.
_CHAMPION, _SHADOW = Arm.CHAMPION, Arm.SHADOW


class Other(msgspec.Struct, frozen=True):
    """A model that is asked for rows which another has answered."""

    model: LoadedModel
    version: str
    reads: bool
    """Whether it reads the rows itself, because the champion reads them otherwise."""


class Wanted(msgspec.Struct, frozen=True):
    """Rows of one request. It waits, so it holds on to no more than it must."""

    answered: Prediction | Batch
    """What is logged of them already."""
    packed: bytes
    """These rows as the champion reads them."""
    question: Question | None
    """The request, where the model reads the rows itself."""


class Scores(NamedTuple):
    """What a model says of all rows it was asked for, in their order."""

    answers: Answers
    errors: list[str]
    """Empty where none failed."""
    seconds: float


Asked = dict[Other, list[Wanted]]


def ask_others(exchange: Exchange, sample: float) -> list[tuple[Other, Wanted]]:
    """Find out which model is asked for which rows of a request.

    Args:
        exchange: A request that was answered.
        sample: Share of units whose rows are scored, 0 to 1.
    """
    served, beside, answer = exchange.served, exchange.served.beside, exchange.answer
    if beside is None or answer.failure or not exchange.terms.epoch:
        return []
    asked = []
    for record in answer.records:
        if record.arm is _CHAMPION:
            other = Other(beside.model, beside.version, not beside.reads_alike)
        elif record.arm is beside.arm:
            other = Other(served.champion, served.route.champion.number, reads=False)
        else:
            continue
        if (wanted := _sampled(record, served.route.release, sample)) is not None:
            packed = _packed(wanted, answer.packed, len(exchange.question.units))
            question = exchange.question if other.reads else None
            asked.append((other, Wanted(wanted, packed, question)))
    return asked


def score(asked: Asked) -> list[Scores]:
    """Score the rows, for each model in one call; failures are scores too."""
    return [_score(other, rows) for other, rows in asked.items()]


def records_of(
    asked: Asked, scores: Sequence[Scores]
) -> tuple[list[Prediction | Batch], list[Part]]:
    """Return the records of what the models said, and their counts."""
    records: list[Prediction | Batch] = []
    parts = []
    for (other, rows), (answers, errors, seconds) in zip(asked.items(), scores, strict=True):
        n, first = len(answers), 0
        failed = n - errors.count("") if errors else 0
        parts.append(Part(_SHADOW, other.version, n, failed, seconds))
        for wanted in rows:
            these = slice(first, first + rows_of(wanted.answered))
            records.append(
                _again(wanted.answered, other, answers[these], errors[these], seconds * 1e6 / n)
            )
            first = these.stop
    return records, parts


def _sampled(record: Prediction | Batch, salt: str, sample: float) -> Prediction | Batch | None:
    """Return what is said of those rows that were answered and are in the sample."""
    if isinstance(record, Prediction):
        return None if record.error or not is_shadowed(salt, record.entity, sample) else record
    errors = record.errors or [""] * len(record.rows)
    places = [
        i
        for i, (unit, error) in enumerate(zip(record.entities, errors, strict=True))
        if not error and is_shadowed(salt, unit, sample)
    ]
    if len(places) == len(record.rows):
        return record
    return _part_of(record, places) if places else None


def _part_of(batch: Batch, places: list[int]) -> Batch:
    return Batch(
        batch.request, [batch.rows[i] for i in places], [batch.entities[i] for i in places],
        [batch.ats[i] for i in places], batch.epoch, batch.arm, batch.version,
        [batch.answers[i] for i in places], [], batch.micros, batch.received, batch.share,
        batch.trace,
    )  # fmt: skip


def _packed(wanted: Prediction | Batch, packed: bytes, n: int) -> bytes:
    if n == 1:
        return packed
    return only(packed, wanted.rows if isinstance(wanted, Batch) else [wanted.row], n)


def rows_of(answered: Prediction | Batch) -> int:
    """Count the rows of a record."""
    return len(answered.rows) if isinstance(answered, Batch) else 1


def _score(other: Other, rows: list[Wanted]) -> Scores:
    started = perf_counter()
    unread: list[str] = []
    try:
        if other.reads:
            packed, unread = _read(other.model, rows)
        else:
            packed = b"".join([wanted.packed for wanted in rows])
        answers = other.model.booster.predict(packed)
        errors = judge(answers)
    except Exception as exc:  # noqa: BLE001 - a model that raises has failed on every row
        n = sum(map(rows_of, (wanted.answered for wanted in rows)))
        return Scores([()] * n, [said(exc)] * n, perf_counter() - started)
    if any(unread):
        errors = [why or error for why, error in zip(unread, errors or unread, strict=True)]
        answers = [() if why else values for why, values in zip(unread, answers, strict=True)]
    return Scores(answers, errors, perf_counter() - started)


def _read(model: LoadedModel, rows: list[Wanted]) -> tuple[bytes, list[str]]:
    """Pack rows as a model reads them; those it cannot read as zeros, with the reason why."""
    packs, unread = [], []
    nothing = bytes(model.booster.row_bytes)
    for wanted in rows:
        answered, question = wanted.answered, wanted.question
        assert question is not None  # noqa: S101 - kept where the model reads the rows itself
        for row in answered.rows if isinstance(answered, Batch) else [answered.row]:
            try:
                packs.append(model.reader.pack(chosen(question.rows, [row]), question.columns))
                unread.append("")
            except Exception as exc:  # noqa: BLE001 - one such row costs the others nothing
                packs.append(nothing)
                unread.append(said(exc))
    return b"".join(packs), unread


def _again(
    a: Prediction | Batch, other: Other, answers: Answers, errors: list[str], micros: float
) -> Prediction | Batch:
    """Return the record of another model's answers to the rows of a record."""
    if isinstance(a, Prediction):
        return Prediction(
            a.request, a.row, a.entity, a.at, a.epoch, _SHADOW, other.version, answers[0],
            errors[0] if errors else "", micros, a.received, a.share, a.trace,
        )  # fmt: skip
    return Batch(
        a.request, a.rows, a.entities, a.ats, a.epoch, _SHADOW, other.version, answers,
        errors if any(errors) else [], micros, a.received, a.share, a.trace,
    )  # fmt: skip

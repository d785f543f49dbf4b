"""Who answers each row, with what, and what is written down about it.

What the client waits for, that is; what the other model says of the same rows is `shadow.py`. The
values here are msgspec's structs, because every request makes some, and they are the cheapest.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from time import perf_counter
from typing import NamedTuple

import msgspec

from sixgates.gates.card import RowError
from sixgates.gates.records import Arm, Batch, Prediction
from sixgates.gates.row_reader import chosen
from sixgates.gateway.booster import Answers, judge, said
from sixgates.gateway.protocols.protocol import Question, Refusal
from sixgates.gateway.served import Served
from sixgates.gateway.split import beside_of, is_beside
from sixgates.gateway.store import LoadedModel

# Taken from the enumeration once: each time costs as much as a record.
_CHAMPION = Arm.CHAMPION


class Terms(msgspec.Struct, frozen=True):
    """Under which a request is answered; taken once, so that it is logged as it was answered."""

    share: float
    """Share of units that the model beside the champion answers."""
    epoch: int
    """Of the route; 0 where the request itself chose its arm, for a test."""
    trace: str = ""
    """Trace that the request belongs to, empty where none was sent."""


class Part(msgspec.Struct, frozen=True):
    """What one model did with its rows of a request."""

    arm: Arm
    version: str
    rows: int
    failed: int
    """Rows that it could not answer."""
    seconds: float
    """Time that reading and scoring took."""


class Answer(msgspec.Struct, frozen=True):
    """What the client gets, and what is logged before it gets it."""

    predictions: list[float | tuple[float, ...]]
    """One a row, in the champion's classes whoever answered it; empty where the champion failed."""
    failure: str
    """Why the champion failed, empty where it did not."""
    records: list[Prediction | Batch]
    parts: list[Part]
    packed: bytes
    """The rows as the champion reads them, for whoever asks once more."""


class Exchange(msgspec.Struct, frozen=True):
    """One request from question to answer, on the route it met."""

    served: Served
    terms: Terms
    question: Question
    answer: Answer


class Scored(NamedTuple):
    """What a model said of rows of one request, as it is logged and counted."""

    batch: Batch
    part: Part


class _Asked(NamedTuple):
    """A model in a part."""

    model: LoadedModel
    version: str
    arm: Arm


class _Work(NamedTuple):
    """Rows of one request that a model is asked for."""

    question: Question
    terms: Terms
    rows: Sequence[int]
    reading: float = 0.0
    """Seconds it took to read one of them."""


def answer(served: Served, question: Question, terms: Terms) -> Answer:
    """Answer each row with its arm's model; where the one beside fails, with the champion.

    Raises:
        Refusal: 400 where the champion cannot read a row.
    """
    n = len(question.rows)
    if n == 1 and (known := _answer_one(served, question, terms)):
        return known
    started = perf_counter()
    try:
        packed = served.champion.reader.pack(question.rows, question.columns)
    except (RowError, OverflowError) as exc:
        raise Refusal(400, str(exc)) from exc
    reading = (perf_counter() - started) / n
    theirs = _rows_of_beside(served, question, terms.share)
    if not theirs:
        work = _Work(question, terms, range(n), reading)
        own = [_ask(_champion(served, Arm.CHAMPION), work, packed)]
        return _together(served, packed, [], own)
    alike = served.beside is not None and served.beside.reads_alike
    work = _Work(question, terms, theirs, reading if alike else 0.0)
    beside = _ask(_beside(served), work, only(packed, theirs, n) if alike else None)
    others = set(theirs)
    mine = [i for i in range(n) if i not in others]
    fallen = _failures(beside.batch)
    own = [
        _ask(_champion(served, arm), _Work(question, terms, rows, reading), only(packed, rows, n))
        for arm, rows in ((Arm.CHAMPION, mine), (Arm.SHADOW, fallen))
        if rows
    ]
    return _together(served, packed, [beside], own)


def _answer_one(served: Served, question: Question, terms: Terms) -> Answer | None:
    """Answer one row as most are asked: alone, and by a model that can. None where it cannot.

    Nothing here that the rest could not do as well; but most requests are such, and pay for it.

    Raises:
        Refusal: 400 where the champion cannot read the row.
    """
    started = perf_counter()
    unit, share, beside = question.units[0], terms.share, served.beside
    arm, model, version = _CHAMPION, served.champion, served.route.champion.number
    places: tuple[int, ...] = ()
    try:
        asked = packed = model.reader.pack(question.rows, question.columns)
    except (RowError, OverflowError) as exc:
        raise Refusal(400, str(exc)) from exc
    try:
        if beside is not None and share > 0 and is_beside(served.route.release, unit, share):
            arm, model, version, places = beside.arm, beside.model, beside.version, beside.places
            if not beside.reads_alike:
                asked = model.reader.pack(question.rows, question.columns)
        values = model.booster.predict_one(asked)
    except Exception:  # noqa: BLE001 - the general way asks once more, and says what is wrong
        return None
    if not isfinite(sum(values)):
        return None
    seconds = perf_counter() - started
    record = Prediction(
        question.request, 0, unit, question.ats[0], terms.epoch, arm, version, values, "",
        seconds * 1e6, question.received, share, terms.trace,
    )  # fmt: skip
    part = Part(arm, version, 1, 0, seconds)
    if places:
        values = _placed(values, places)
    return Answer([values[0] if len(values) == 1 else values], "", [record], [part], packed)


def _together(served: Served, packed: bytes, beside: list[Scored], own: list[Scored]) -> Answer:
    scored = beside + own
    batches: list[Prediction | Batch] = [s.batch for s in scored]
    parts = [s.part for s in scored]
    failure = next((e for s in own if s.part.failed for e in s.batch.errors if e), "")
    if failure:
        # The client gets no row of this request, so only what went wrong is evidence.
        return Answer([], failure, [r for r in _each(batches) if r.error], parts, packed)
    given = [(s.batch.rows, _as_given(served, s.batch.answers)) for s in beside]
    given += [(s.batch.rows, s.batch.answers) for s in own]
    if len(given) == 1:
        ((_, values),) = given
    else:
        values = [()] * (len(packed) // served.champion.booster.row_bytes)
        for rows, answers in given:  # the champion's last: it answers where the other failed
            for row, numbers in zip(rows, answers, strict=True):
                values[row] = numbers
    if served.champion.booster.outputs == 1:
        return Answer([value for (value,) in values], "", batches, parts, packed)
    return Answer([*values], "", batches, parts, packed)


def _as_given(served: Served, answers: Answers) -> Answers:
    """Return what clients read of the answers of the model beside the champion."""
    places = served.beside.places if served.beside is not None else ()
    return [_placed(values, places) if values else () for values in answers] if places else answers


def _placed(values: tuple[float, ...], places: tuple[int, ...]) -> tuple[float, ...]:
    """Put a model's numbers where the champion has theirs: clients know its classes alone.

    >>> _placed((0.5, 0.2, 0.3), (2, -1, 1))
    (0.3, 0.0, 0.2)
    """
    return tuple([values[i] if i >= 0 else 0.0 for i in places])


def _each(records: Iterable[Prediction | Batch]) -> Iterator[Prediction]:
    for record in records:
        if isinstance(record, Batch):
            yield from record.predictions()
        else:
            yield record


def _failures(batch: Batch) -> list[int]:
    """Return the rows that failed."""
    return [row for row, error in zip(batch.rows, batch.errors, strict=False) if error]


def _rows_of_beside(served: Served, question: Question, share: float) -> list[int]:
    if served.beside is None or not share > 0:  # NaN takes no traffic either.
        return []
    return beside_of(served.route.release, question.units, share)


def _champion(served: Served, arm: Arm) -> _Asked:
    return _Asked(served.champion, served.route.champion.number, arm)


def _beside(served: Served) -> _Asked:
    beside = served.beside
    assert beside is not None  # noqa: S101 - callers ask it only where there is one
    return _Asked(beside.model, beside.version, beside.arm)


def only(packed: bytes, rows: Sequence[int], n: int) -> bytes:
    """Return some of the rows that are packed."""
    if len(rows) == n:
        return packed
    width = len(packed) // n
    return b"".join([packed[i * width : (i + 1) * width] for i in rows])


def _ask(asked: _Asked, work: _Work, packed: bytes | None = None) -> Scored:
    """Write what a model answers. One that raises has failed on every row it was asked."""
    started = perf_counter()
    try:
        answers = asked.model.booster.predict(packed or _pack(asked.model, work))
    except Exception as exc:  # noqa: BLE001 - whatever one model does, the other must answer
        n = len(work.rows)
        return _scored(asked, work, [()] * n, [said(exc)] * n, perf_counter() - started)
    seconds = perf_counter() - started + work.reading * len(work.rows)
    return _scored(asked, work, answers, judge(answers), seconds)


def _pack(model: LoadedModel, work: _Work) -> bytes:
    rows, wanted = work.question.rows, work.rows
    asked = rows if len(wanted) == len(rows) else chosen(rows, wanted)
    return model.reader.pack(asked, work.question.columns)


def _scored(
    asked: _Asked, work: _Work, answers: Answers, errors: list[str], seconds: float
) -> Scored:
    (_, version, arm), (question, terms, rows, _) = asked, work
    n, units, ats = len(rows), question.units, question.ats
    if n < len(units):
        units, ats = [units[i] for i in rows], [ats[i] for i in rows]
    batch = Batch(
        question.request, [*rows], units, ats, terms.epoch, arm, version, answers, errors,
        seconds * 1e6 / n, question.received, terms.share, terms.trace,
    )  # fmt: skip
    return Scored(batch, Part(arm, version, n, len(errors) - errors.count(""), seconds))

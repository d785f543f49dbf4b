"""In which ways predictions can be asked for: they differ in reading and writing, in no more."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from sixgates.gateway.http import bodies
from sixgates.gateway.protocols.comma_separated import read_csv
from sixgates.gateway.protocols.inference import (
    asked_of,
    read_inference,
    refuse_others,
    write_inference,
)
from sixgates.gateway.protocols.protocol import Question, read_question
from sixgates.gateway.scoring import Answer
from sixgates.gateway.served import Served

_JSON = bodies.JSON.encode()
_encode = msgspec.json.Encoder().encode

Reader = Callable[[bytes, Served, str, float], Question]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One protocol."""

    readers: Mapping[str, Reader]
    """How a body is understood, by its content type; "" is for programs that declare none."""
    plain: Mapping[bytes, Reader]
    """The same by the header of most requests, which has no parameters."""
    write: Callable[[Question, Answer, Served], bytes]
    """How a JSON answer is written."""
    read_binary: Callable[[bytes], Reader] | None = None
    """How a body is understood that has bytes behind its JSON, by the header that says where it
    ends."""


@lru_cache(maxsize=64)
def dialect_at(path: str) -> Dialect | None:
    """Return the protocol in which a path is asked for predictions, None for any other path."""
    if path == "/invocations":
        return _INVOCATIONS
    asked = asked_of(path)
    return None if asked is None else _inference(*asked)


def _inference(model: str, version: str | None) -> Dialect:
    def reader(ends: bytes | None) -> Reader:
        def read(body: bytes, served: Served, request: str, received: float) -> Question:
            refuse_others(model, version, served)
            return read_inference(body, served, request, received, ends)

        return read

    read = reader(None)
    # Triton's client declares no type.
    return Dialect({bodies.JSON: read, "": read}, {_JSON: read}, write_inference, reader)


def _read_json(body: bytes, served: Served, request: str, received: float) -> Question:
    return read_question(body, served.champion.card, request, received)


def _read_csv(body: bytes, served: Served, request: str, received: float) -> Question:
    return read_csv(body, served.champion.card, request, received)


def _write_predictions(_question: Question, answer: Answer, _served: Served) -> bytes:
    return _encode({"predictions": answer.predictions})


_INVOCATIONS = Dialect(
    {bodies.JSON: _read_json, bodies.CSV: _read_csv}, {_JSON: _read_json}, _write_predictions
)

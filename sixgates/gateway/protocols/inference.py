"""The Open Inference Protocol, version 2: what it asks, and how it is answered.

Tensors may be sent as bytes behind the JSON, which costs a large request the least; answers are
JSON. https://github.com/open-inference/open-inference-protocol
"""

import re
from typing import Any

import msgspec

from sixgates.gates.card import Task
from sixgates.gateway.protocols.decoding import decode
from sixgates.gateway.protocols.elements import Tensor
from sixgates.gateway.protocols.protocol import Question, Refusal, checked_id, question_of
from sixgates.gateway.protocols.tensors import datatype_of, table_of
from sixgates.gateway.scoring import Answer
from sixgates.gateway.served import Served

OUTPUT = "predict"
"""Name of the one output."""

_MAX_DIGITS = 10
_INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")


class _Wanted(msgspec.Struct):
    name: str
    parameters: dict[str, Any] | None = None


class _Inference(msgspec.Struct):
    inputs: list[Tensor]
    id: str | None = None
    outputs: list[_Wanted] | None = None


_inferences = msgspec.json.Decoder(_Inference)


def asked_of(path: str) -> tuple[str, str | None] | None:
    """Return the model and the version that a path asks for predictions, None for other paths.

    >>> asked_of("/v2/models/churn/versions/3/infer"), asked_of("/v2/models/churn/infer")
    (('churn', '3'), ('churn', None))
    """
    found = _INFER.fullmatch(path)
    return (found[1], found[2]) if found else None


def refuse_others(model: str, version: str | None, served: Served) -> None:
    """Refuse every model but the one that is served, and every version but its champion's.

    Raises:
        Refusal: 404 with the sentence what is served.
    """
    mine, champion = served.champion.card.model, served.route.champion.number
    if model != mine:
        raise Refusal(404, f"no model {model!r:.60} is served here: ask for {mine}")
    if version not in {None, champion}:
        raise Refusal(
            404,
            f"version {version!r:.60} of {mine} is not the champion: ask for {champion},"
            " or name no version",
        )


def read_inference(
    body: bytes, served: Served, request: str, received: float, ends: bytes | None = None
) -> Question:
    """Understand an inference request; its own `id` goes before the identifier from the header.

    Args:
        body: The JSON, and what follows it.
        served: The models.
        request: The request's identifier.
        received: Wall clock, seconds since 1970 UTC.
        ends: After how many bytes the JSON ends, as a header says; None for after all.

    Raises:
        Refusal: 400 where the body is not such a request, 413 where it has too many rows.
    """
    size = len(body) if ends is None else _json_size(ends, len(body))
    try:
        asked = decode(_inferences, body[:size] if size < len(body) else body)
    except msgspec.DecodeError as exc:
        raise Refusal(
            400,
            f"the body is not a request in JSON: {exc}; where tensors follow it,"
            " inference-header-content-length names its end",
        ) from exc
    for output in asked.outputs or ():
        if output.name != OUTPUT:
            raise Refusal(400, f"output {output.name!r:.60}: the one output is {OUTPUT!r}")
        if "classification" in (output.parameters or ()):
            raise Refusal(400, f"output {OUTPUT!r}: classification is not offered, only numbers")
    card = served.champion.card
    request = checked_id(asked.id, "id") if asked.id else request
    table = table_of(asked.inputs, memoryview(body)[size:], card)
    return question_of(table, None, card, request, received)


def write_inference(question: Question, answer: Answer, served: Served) -> bytes:
    """Write the predictions as one FP64 tensor, of shape [rows] or [rows, classes]."""
    rows, outputs = len(answer.predictions), served.champion.booster.outputs
    versions = {part.version for part in answer.parts if part.failed < part.rows}
    reply = {
        "model_name": served.champion.card.model,
        # Left out where the split gave rows of this request to two versions.
        **({"model_version": min(versions)} if len(versions) == 1 else {}),
        "id": question.request,
        "parameters": {"epoch": served.route.epoch},
        "outputs": [
            {
                "name": OUTPUT,
                "datatype": "FP64",
                "shape": [rows] if outputs == 1 else [rows, outputs],
                "data": _flat(answer.predictions),
            }
        ],
    }
    return msgspec.json.encode(reply)


def metadata(served: Served) -> dict[str, Any]:
    """Describe the model for a client that wants to build its request from it."""
    card = served.champion.card
    return {
        "name": card.model,
        "versions": [served.route.champion.number],
        "platform": "lightgbm_text",
        "inputs": [
            {"name": f.name, "datatype": datatype_of(f), "shape": [-1]} for f in card.features
        ],
        "outputs": [
            {
                "name": OUTPUT,
                "datatype": "FP64",
                "shape": [-1, len(card.classes)] if card.task is Task.MULTICLASS else [-1],
            }
        ],
        # Further inputs, which a request may leave out.
        "properties": {
            **({"entity": card.entity} if card.entity is not None else {}),
            "event_time": card.event_time,
        },
    }


def _json_size(ends: bytes, size: int) -> int:
    if not (ends.isdigit() and len(ends) < _MAX_DIGITS and int(ends) <= size):
        raise Refusal(
            400,
            f"inference-header-content-length is {ends.decode('latin-1')!r:.40}: give the bytes of"
            f" the JSON, of a body of {size:,}",
        )
    return int(ends)


def _flat(predictions: list[float | tuple[float, ...]]) -> list[Any]:
    """Return the numbers row by row: every client reads these, not every one reads nested lists."""
    if not isinstance(predictions[0], tuple):
        return predictions
    return [n for p in predictions for n in p]  # type: ignore[union-attr]

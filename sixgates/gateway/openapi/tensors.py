"""What the Open Inference Protocol asks and is answered, for the model that is served."""

from typing import Any

import msgspec

from sixgates.gates.card import ModelCard
from sixgates.gateway.openapi.columns import Schema, example, ref
from sixgates.gateway.protocols.elements import ELSEWHERE, IN_JSON
from sixgates.gateway.protocols.inference import OUTPUT
from sixgates.gateway.protocols.tensors import datatype_of


def tensor() -> Schema:
    """Describe one input: elements of its datatype, flat or a list a row."""
    return {"oneOf": [_of(datatype, elements) for datatype, elements in IN_JSON.items()]}


def inference(card: ModelCard | None) -> Schema:
    """Describe a request for predictions."""
    inputs: Schema = {
        "type": "array",
        "items": ref("Tensor"),
        "minItems": 1,
        "description": "A tensor a column, or one of shape [n, features] under any other name.",
    }
    if card is not None:
        inputs["examples"] = [
            [
                {"name": f.name, "datatype": datatype_of(f), "shape": [1], "data": [example(f)]}
                for f in card.features
            ]
        ]
    parameters = {"type": "object", "not": {"required": ["classification"]}}
    output = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"const": OUTPUT}, "parameters": _or_null(parameters)},
    }
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": _or_null(ref("RequestId")),
            "inputs": inputs,
            "outputs": _or_null({"type": "array", "items": output}),
        },
    }


def _or_null(schema: Schema) -> Schema:
    """Describe what may be null instead, as if it were absent."""
    return {"anyOf": [schema, {"type": "null"}]}


def _of(datatype: str, elements: Any) -> Schema:  # noqa: ANN401 - a type, as msgspec reads it
    flat = msgspec.json.schema(elements)
    elsewhere = {"anyOf": [{"required": [name]} for name in ELSEWHERE]}
    side = {"type": "integer", "minimum": 1}
    return {
        "type": "object",
        "title": datatype,
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": side, "minItems": 1, "maxItems": 2},
            "datatype": {"const": datatype},
            "data": {"anyOf": [flat, {"type": "array", "items": flat}]},
            "parameters": _or_null({"type": "object", "not": elsewhere}),
        },
    }

"""What rows, predictions and labels hold: the columns, outputs and task of the model served."""

import sys
from typing import Any

from sixgates.gates.card import Feature, ModelCard, Task
from sixgates.gateway.protocols.protocol import MAX_ROWS

Schema = dict[str, Any]
"""JSON Schema, as OpenAPI 3.1 has it."""

MOMENT: Schema = {
    "description": "ISO 8601 (UTC where it names no zone) or seconds since 1970; else now.",
    "anyOf": [
        {"type": "string", "format": "date-time"},
        {"type": "number", "minimum": -62_135_596_800, "maximum": 253_402_300_799},
        {"type": "null"},
    ],
}

_NUMBER: Schema = {
    "type": ["number", "boolean", "null"],
    "minimum": -sys.float_info.max,
    "maximum": sys.float_info.max,
}
_OUTCOMES: list[Schema] = [
    {"type": "boolean"},
    {"type": "integer", "exclusiveMinimum": -(2**63), "exclusiveMaximum": 2**63},
    {"type": "number", "not": {"type": "integer"}},
]
_NAME: Schema = {"type": ["string", "number", "boolean", "null"]}
_FORMS = ("dataframe_split", "dataframe_records", "inputs", "instances")
_SHOWN = 5
"""Levels of a category that are given as examples."""


def ref(name: str) -> Schema:
    """Point at a schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def row(card: ModelCard | None) -> Schema:
    """Describe one row; further columns are ignored."""
    if card is None:
        return {"type": "object", "description": "A value a column. No model is served yet."}
    columns = {feature.name: _column(feature) for feature in card.features}
    columns[card.event_time] = MOMENT
    if card.entity is not None:
        columns[card.entity] = _NAME | {"description": "Whom the row is about; decides the arm."}
    required = [feature.name for feature in card.features]
    return {"type": "object", "required": required, "properties": columns}


def invocation(card: ModelCard | None) -> Schema:
    """Describe a scoring request in MLflow's protocol: exactly one of its four forms."""
    rows = {"type": "array", "items": ref("Row"), "minItems": 1, "maxItems": MAX_ROWS}
    return {
        "oneOf": [
            {
                "type": "object",
                "title": form,
                "required": [form],
                "properties": {
                    form: _split(card) if form == "dataframe_split" else rows,
                    **{other: {"type": "null"} for other in _FORMS if other != form},
                },
            }
            for form in _FORMS
        ]
    }


def table(card: ModelCard | None) -> Schema:
    """Describe rows as comma-separated values."""
    text = "A line with the columns' names, then a line a row. An empty field is a missing value."
    lines: Schema = {"type": "string", "description": text}
    if card is None:
        return lines
    names, values = zip(*((f.name, str(example(f))) for f in card.features), strict=True)
    return lines | {"examples": ["\n".join(map(",".join, (names, values)))]}


def predictions(card: ModelCard | None) -> Schema:
    """Describe one prediction a row."""
    number: Schema = {"type": "number"}
    numbers: Schema = {"type": "array", "items": number}
    if card is None:
        one: Schema = {"anyOf": [number, numbers]}
    elif card.task is Task.MULTICLASS:
        n = len(card.classes)
        one = numbers | {"minItems": n, "maxItems": n, "description": ", ".join(card.classes)}
    else:
        one = number
    return {
        "type": "object",
        "required": ["predictions"],
        "properties": {"predictions": {"type": "array", "items": one, "minItems": 1}},
    }


def outcome(card: ModelCard | None) -> Schema:
    """Describe a label."""
    match card.task if card else Task.MULTICLASS:
        case Task.BINARY:
            return {
                "description": "0 or 1, as a boolean or text too.",
                "anyOf": [{"type": "boolean"}, {"enum": [0, 1, "0", "1"]}],
            }
        case Task.REGRESSION:
            text, pattern = "A finite number, as text too.", r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$"
            return {
                "description": text,
                "anyOf": [*_OUTCOMES, {"type": "string", "pattern": pattern}],
            }
    return {
        "description": "The name of a class, a number or a boolean.",
        "anyOf": [*_OUTCOMES, {"type": "string", "minLength": 1}],
    }


def example(feature: Feature) -> float | str:
    """Return a value that such a column may have."""
    return feature.levels[0] if feature.levels else 1.5


def _split(card: ModelCard | None) -> Schema:
    columns: Schema = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
    if card is not None:
        columns["allOf"] = [{"contains": {"const": feature.name}} for feature in card.features]
    values: Schema = {"type": "array", "description": "A value a column."}
    if card is not None:
        values["minItems"] = len(card.features)
    data = {"type": "array", "items": values, "minItems": 1, "maxItems": MAX_ROWS}
    return {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {"columns": columns, "data": data},
    }


def _column(feature: Feature) -> Schema:
    if feature.levels is None:
        return _NUMBER
    return _NAME | {
        "description": "A category by name; one that training never saw is a missing value.",
        "examples": list(feature.levels[:_SHOWN]),
    }

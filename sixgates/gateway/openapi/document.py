"""The document as a whole: calls, and what they have in common."""

import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any

from sixgates.gates.card import ModelCard
from sixgates.gates.records import Arm
from sixgates.gateway.access import Access
from sixgates.gateway.http.bodies import JSON, MAX_BODY
from sixgates.gateway.openapi import columns, messages, tensors
from sixgates.gateway.openapi.calls import CALLS, REFUSALS, Call, role_of
from sixgates.gateway.openapi.columns import Schema, ref
from sixgates.gateway.protocols.protocol import MAX_REQUEST_ID, MAX_ROWS
from sixgates.gateway.tokens import Role

_ABOUT = f"""\
Predictions of one model at a time: the champion's, and beside it those of a canary.

Bodies are JSON where nothing else is said, and `NaN` is read as `null`. A body holds at most
{MAX_BODY:,} bytes, and {MAX_ROWS:,} rows or labels. Each error is one sentence. Which calls need a
token is said for this gateway, as it is bound and with the tokens it has."""

_HEADERS: dict[str, Any] = {
    "x-request-id": {
        "description": "The request's identifier: labels refer to it.",
        "schema": ref("RequestId"),
    },
    "x-sixgates-epoch": {
        "description": "Epoch of the route that answered.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
"""Headers of answers with predictions."""


def document(
    *, model: str, card: ModelCard | None, version: str | None, access: Access
) -> dict[str, Any]:
    """Return the OpenAPI document of this gateway as it is now.

    Args:
        model: Name of the project.
        card: Of the champion, whose columns and outputs are described; None while there is none.
        version: The champion's.
        access: Which calls need a token.
    """
    paths: dict[str, dict[str, Any]] = {}
    for call in CALLS:
        paths.setdefault(call.path, {})[call.method] = _operation(call, access)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"sixgates gateway of {model}",
            "version": metadata.version("sixgates"),
            "description": _ABOUT,
        },
        "paths": paths,
        "components": {
            "schemas": _schemas(card),
            "parameters": _parameters(model, version),
            "responses": {str(status): _refused(text) for status, text in REFUSALS.items()},
            "headers": _HEADERS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(call: Call, access: Access) -> dict[str, Any]:
    role = role_of(call.who, access)
    refused = {str(s): _component("responses", str(s)) for s in call.statuses(access)}
    for status, schema in call.otherwise.items():
        refused[str(status)] = _answered(REFUSALS[status], {JSON: schema})
    return {
        "operationId": call.name,
        "summary": call.summary,
        "parameters": [_component("parameters", name) for name in _parameters_of(call)],
        **(
            {"requestBody": {"required": True, "content": _content(call.sent)}} if call.sent else {}
        ),
        "responses": {"200": _answered("Done.", call.answer, predicts=call.predicts), **refused},
        **({} if role is None else {"security": [{"token": [role.name.lower()]}]}),
    }


def _schemas(card: ModelCard | None) -> dict[str, Schema]:
    return {
        **messages.schemas(),
        "RequestId": {"type": "string", "pattern": "^[ -~]*$", "maxLength": MAX_REQUEST_ID},
        "Outcome": columns.outcome(card),
        "Row": columns.row(card),
        "Invocation": columns.invocation(card),
        "Table": columns.table(card),
        "Predictions": columns.predictions(card),
        "Tensor": tensors.tensor(),
        "InferenceRequest": tensors.inference(card),
    }


def _parameters(model: str, version: str | None) -> dict[str, Any]:
    arms = [arm.value for arm in Arm if arm is not Arm.SHADOW]
    known: Schema = {} if version is None else {"enum": [version]}
    return {
        "model": _parameter("path", "model", {"type": "string", "enum": [model]}),
        "version": _parameter("path", "version", {"type": "string", **known}),
        "x-request-id": _parameter("header", "x-request-id", ref("RequestId")),
        "traceparent": _parameter(
            "header", "traceparent", {"type": "string"},
            "W3C trace context, kept with the log; one that is malformed is ignored.",
        ),
        "x-sixgates-arm": _parameter(
            "header", "x-sixgates-arm", {"type": "string", "enum": arms},
            f"For tests: who is to answer. Needs a token that may {Role.OPERATE.name.lower()}.",
        ),
    }  # fmt: skip


def _parameters_of(call: Call) -> list[str]:
    headers = ["x-request-id", "traceparent", "x-sixgates-arm"] if call.predicts else []
    return [*re.findall(r"{(\w+)}", call.path), *headers]


def _parameter(where: str, name: str, schema: Schema, text: str = "") -> dict[str, Any]:
    described = {"description": text} if text else {}
    required = {"required": True} if where == "path" else {}
    return {"in": where, "name": name, "schema": schema, **required, **described}


def _answered(
    text: str, content: Mapping[str, Schema], *, predicts: bool = False
) -> dict[str, Any]:
    headers = {name: _component("headers", name) for name in _HEADERS} if predicts else {}
    return {
        "description": text,
        **({"headers": headers} if headers else {}),
        **({"content": _content(content)} if content else {}),
    }


def _refused(text: str) -> dict[str, Any]:
    return {"description": text, "content": _content({JSON: ref("Error")})}


def _content(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    return {kind: {"schema": schema} for kind, schema in schemas.items()}


def _component(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}

"""The gateway's calls and messages, from its own OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

from cli.reference.markdown import code, paragraph, table
from sixgates.gates.card import Feature, ModelCard, Task
from sixgates.gateway.access import Access
from sixgates.gateway.openapi.calls import REFUSALS
from sixgates.gateway.openapi.document import document
from sixgates.gateway.tokens import Tokens

_ABOUT = """How they are used, with examples, is in [the gateway](gateway.md). A gateway that runs
gives the same for programs, with the columns of its model, at `/openapi.json`."""
_ROLES = """The role is what a token needs where the gateway is bound wider than loopback;
see [tokens](gateway.md#tokens) for what is open nevertheless. Errors that any call may end with are
left out: 400, 408, 431 and 503."""
_ANY = {"200", "400", "408", "431", "503"}
_ENDS: dict[tuple[object, object], str] = {(0, 1): ", 0 to 1", (0, None): ", at least 0"}
_CARD = ModelCard("churn", "", Task.BINARY, (Feature("visits"),), "at", "customer")
"""Of an example: a binary model with one feature."""
_ELSEWHERE = {
    "Invocation": "MLflow's four forms", "Table": "the rows as CSV",
    "InferenceRequest": "tensors", "Predictions": "a prediction a row", "Tensor": "tensor",
    "RequestId": "string", "Outcome": "0 or 1, a number, or a class, by the model's task",
}  # fmt: skip
"""Messages that the page of the gateway shows by example: their schema says less to a person."""


def gateway_page() -> str:
    """Return the page of all calls."""
    access = Access(Tokens(()), seeing=True, asking=True)
    found = document(model="churn", card=_CARD, version="1", access=access)
    parts = [
        "# The gateway's calls and messages",
        paragraph(_ABOUT),
        "## Calls",
        paragraph(_ROLES),
        table(["call", "for", "takes", "answers", "role", "errors"], _calls(found)),
        "## Errors",
        table(["status", "means"], [(str(s), text) for s, text in sorted(REFUSALS.items())]),
        "## Messages",
    ]
    for name, schema in found["components"]["schemas"].items():
        if "properties" in schema and name != "Row":
            parts += [f"### {name}", schema.get("description", ""), _fields(schema)]
    return "\n\n".join(part for part in parts if part)


def _calls(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for path, methods in found["paths"].items():
        for method, call in methods.items():
            statuses = [
                s for s in call["responses"] if s not in {"200", "400", "408", "431", "503"}
            ]
            security = call.get("security", [{"token": [""]}])
            yield (
                code(f"{method.upper()} {path}"),
                call["summary"],
                _bodies(call.get("requestBody", {})),
                _bodies(call["responses"]["200"]),
                security[0]["token"][0],
                ", ".join(statuses),
            )


def _bodies(holder: dict[str, Any]) -> str:
    return ", ".join(_type(body["schema"]) for body in holder.get("content", {}).values())


def _fields(schema: dict[str, Any]) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            code(name),
            _type(field) + ("" if name in required else ", optional"),
            field.get("description", ""),
        )
        for name, field in schema["properties"].items()
    ]
    return table(["field", "type", "meaning"], rows)


def _type(schema: dict[str, Any]) -> str:
    """Return a schema in words; a message is a link to its own."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _ELSEWHERE.get(name) or f"[{name}](#{name.lower()})"
    choices = schema.get("anyOf") or [{"type": t} for t in _listed(schema.get("type"))]
    if choices:
        return " or ".join(dict.fromkeys(_type(each) for each in choices))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"array of {_type(schema.get('items', {}))}"
    words = re.fullmatch(r"\^\(?([a-z|]+)\)?\??\$", schema.get("pattern", ""))
    if words:
        return " or ".join(code(f'"{word}"') for word in words[1].split("|"))
    return f"{kind}{_ENDS.get((schema.get('minimum'), schema.get('maximum')), '')}"


def _listed(kind: object) -> list[str]:
    return kind if isinstance(kind, list) else []

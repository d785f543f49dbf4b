"""Every field of a project file: type, default, range and meaning, from the models themselves."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cli.reference.markdown import code, paragraph, sentence, table
from sixgates.gates.draft.comments import duration
from sixgates.gates.policy import Policies, TriggerPolicy
from sixgates.gates.project import Project, Roles

_ABOUT = """A project file ends with `project = Project(…)`. `sixgates init` writes a first one,
`sixgates check` says what is missing in it, and [the gates](../explanation/gates.md) explains what
its limits do. A time may also be written as text, such as `"P7D"` (ISO
8601) or `"7 days"`; a bare number is refused, for it has no unit."""
_DEFAULTS = """`Policies.with_margin(0.01)` gives gates 4 and 5 one margin and leaves all else as
below; what differs is named, as in `Policies.with_margin(0.01, watch={"min_rows": 100})`."""
_SIGNS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
_HEADS = ("field", "type", "default", "range", "meaning")


def project_page() -> str:
    """Return the page of all fields."""
    parts = [
        "# The project file, field by field",
        paragraph(_ABOUT),
        "## Project",
        _fields(Project),
        "## Roles",
        _about(Roles),
        _fields(Roles),
        "## Policies",
        paragraph(_DEFAULTS),
    ]
    for name, field in Policies.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            parts += [f"### `{name}`: {model.__name__}", _about(model), _fields(model)]
    parts += [f"### `watch.trigger`: {TriggerPolicy.__name__}"]
    parts += [_about(TriggerPolicy), _fields(TriggerPolicy)]
    return "\n\n".join(parts)


def _about(model: type[BaseModel]) -> str:
    return " ".join((inspect.getdoc(model) or "").split())


def _fields(model: type[BaseModel]) -> str:
    rows = [
        (code(name), _type(field.annotation), _default(field), _range(field),
         sentence(field.description or ""))
        for name, field in model.model_fields.items()
    ]  # fmt: skip
    return table(_HEADS, rows)


def _type(kind: Any) -> str:  # noqa: ANN401 - any annotation
    """Return a type as a person would say it; choices are their values."""
    origin, inside = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(code(_python(value)) for value in inside)
    if origin in {tuple, dict} or not inside:
        each = f" of {_type(inside[0])}" if origin is tuple else ""
        return _plain(origin or kind) + each
    if origin is Callable:
        return "callable"
    if hasattr(kind, "__metadata__"):
        return _type(inside[0])
    return " or ".join(dict.fromkeys(_type(each) for each in inside))


def _plain(kind: type) -> str:
    if issubclass(kind, Enum):
        return ", ".join(code(_python(each.value)) for each in kind)
    return code("None" if kind is NoneType else kind.__name__)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, BaseModel):
        return "see there"
    return code(_python(value))


def _range(field: FieldInfo) -> str:
    found = []
    for constraint in field.metadata:
        for name, sign in _SIGNS.items():
            value = getattr(constraint, name, None)
            if value is not None:
                found.append(f"{sign} {0 if value == timedelta(0) else _python(value)}")
        if pattern := getattr(constraint, "pattern", None):
            found.append(code(pattern))
    return ", ".join(found)


def _python(value: object) -> str:
    if isinstance(value, timedelta):
        return duration(value)
    return f'"{value}"' if isinstance(value, str) else repr(value)

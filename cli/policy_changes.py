"""Policies as the command line changes them: `canary.margin=0.01` and the like."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project

Changes = Mapping[str, Mapping[str, Any]]
"""Policy to field to the new value, as it was written."""

_JUDGING = tuple(name for name in Policies.model_fields if name not in {"watch", "governor"})
"""Watch and governor judge no gate."""


def read_changes(written: Sequence[str]) -> Changes:
    """Read `<policy>.<field>=<value>`, the last one of each field.

    A value is written as in JSON or as plain text; `none` switches a limit off.

    Raises:
        ConfigurationError: no such policy or field, or the text has another form.
    """
    changes: dict[str, dict[str, Any]] = {}
    for text in written:
        name, sign, value = text.partition("=")
        policy, dot, field = name.strip().partition(".")
        if not (sign and dot and value.strip()):
            raise ConfigurationError(
                f"--policy {text!r} is not <policy>.<field>=<value>: write it like"
                " canary.margin=0.01"
            )
        if policy not in _JUDGING:
            raise ConfigurationError(
                f"--policy {text!r} names no policy of a gate: choose one of {', '.join(_JUDGING)}"
            )
        fields = _fields(policy)
        if field not in fields:
            raise ConfigurationError(
                f"--policy {text!r}: {policy} has no field {field!r}: choose one of"
                f" {', '.join(fields)}"
            )
        changes.setdefault(policy, {})[field] = _value(value.strip())
    return changes


def changed(project: Project, changes: Changes, **others: BaseModel) -> Project:
    """Return a project under changed policies.

    Args:
        project: Whose policies stand where nothing is changed.
        changes: What to change.
        others: Whole policies that stand in for the project's before anything is changed.

    Raises:
        ConfigurationError: a value is not allowed, or does not fit the project.
    """
    policies = {
        name: getattr(project.policies, name).model_dump() for name in Policies.model_fields
    }
    policies |= {name: policy.model_dump() for name, policy in others.items()}
    for name, fields in changes.items():
        policies[name] = policies[name] | fields
    facts = {name: getattr(project, name) for name in Project.model_fields}
    try:
        return Project(**{**facts, "policies": Policies.model_validate(policies)})
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in problem["loc"][:2])
        said = problem["msg"].removeprefix("Value error, ")
        raise ConfigurationError(
            f"--policy{' ' if where else ''}{where} is refused: {said}; give another value"
        ) from None


def told(project: Project, changes: Changes) -> dict[str, Any]:
    """Return the changed fields as `policy.field` with their values, as JSON holds them."""
    return {
        f"{name}.{field}": getattr(project.policies, name).model_dump(mode="json")[field]
        for name, fields in changes.items()
        for field in fields
    }


def _fields(policy: str) -> list[str]:
    kind = Policies.model_fields[policy].annotation
    assert isinstance(kind, type)  # noqa: S101 - for the type checker
    assert issubclass(kind, BaseModel)  # noqa: S101
    return list(kind.model_fields)


def _value(text: str) -> Any:  # noqa: ANN401 - what it must be is the policy's business
    if text.lower() == "none":
        return None
    # Only lists need JSON: pydantic reads numbers and times from text, and then "7" is not taken
    # for seven seconds where a time is meant.
    try:
        return json.loads(text) if text.startswith("[") else text
    except ValueError:
        return text

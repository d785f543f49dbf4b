"""Every command with its arguments and options, as the command itself knows them."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import typer.main

from cli.main import app
from cli.reference.markdown import code, paragraph, table

_ABOUT = """What each command means, how it ends and what it prints as JSON is in
[the command](cli.md), with the environment variables."""
_KINDS = {str: "text", int: "whole number", float: "number", Path: "path"}


def commands_page() -> str:
    """Return the page of all commands."""
    parts = [
        "# Every command and option",
        paragraph(_ABOUT),
    ]
    for name, command in _commands():
        parts += [f"## `sixgates {name}`", _about(command)]
        rows = [_row(parameter) for parameter in command.params if not parameter.hidden]
        if rows:
            parts.append(table(["argument or option", "takes", "default", "meaning"], rows))
    return "\n\n".join(parts)


def _commands() -> Iterator[tuple[str, Any]]:
    """Yield each command with its words, those of a group too."""
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        else:
            yield from ((f"{name} {word}", found) for word, found in inner.items())


def _about(command: Any) -> str:  # noqa: ANN401 - Typer's own click has no types
    first, *rest = (command.help or "").strip().split("\n\n")
    example = [part for part in rest if part.startswith("Example: ")]
    text = " ".join(first.split())
    return text + "".join(f"\n\n    {part.removeprefix('Example: ').strip()}" for part in example)


def _row(parameter: Any) -> tuple[str, str, str, str]:  # noqa: ANN401 - as above
    flag = getattr(parameter, "is_flag", False)
    option = str(parameter.opts[0]).startswith("-")
    names = ", ".join(code(o) for o in parameter.opts) if option else code(parameter.name.upper())
    takes = "" if flag else _takes(parameter)
    default = "required" if parameter.required else "" if flag else _default(parameter.default)
    return names, takes, default, parameter.help or ""


def _takes(parameter: Any) -> str:  # noqa: ANN401 - as above
    kind = parameter.type_descriptor.annotation
    several = parameter.multiple or parameter.nargs == -1
    kind = getattr(kind, "__args__", [kind])[0] if several else kind
    if isinstance(kind, type) and issubclass(kind, Enum):
        return " or ".join(code(str(each.value)) for each in kind)
    text = _KINDS[kind]
    if parameter.min is not None or parameter.max is not None:
        ends = (parameter.min, parameter.max)
        text += (
            f", {ends[0]} to {ends[1]}"
            if None not in ends
            else f", at least {ends[0]}"
            if ends[1] is None
            else f", at most {ends[1]}"
        )
    return f"{text}, again and again" if several else text


def _default(value: object) -> str:
    if value is None or value == "":
        return ""
    return code(str(value.value if isinstance(value, Enum) else value))

"""How the command speaks: JSON alone on stdout, progress on stderr, one sentence an error."""

import errno
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console

from sixgates.gates.errors import ConfigurationError, PipelineError

stdout = Console()
stderr = Console(stderr=True)


class Code(IntEnum):
    """Exit codes, the same for every command."""

    DONE = 0
    UNEXPECTED = 1
    """A rehearsal ended otherwise than it should, or a check or status found a difference."""
    USAGE = 2
    """The command line, a project file, a setting or the data's address needs a person."""
    REFUSED = 3
    """A gate said no. That is a result."""
    UNKNOWN = 4
    """It could not be found out. Nothing was decided; the champion serves."""
    INTERRUPTED = 130


EPILOG = (
    "Exit codes: 0 done, 1 a rehearsal or check did not end as it should, 2 something to correct,"
    " 3 refused by a gate, 4 could not be found out (nothing decided, the champion serves),"
    " 130 interrupted."
)


def show(document: Any, *, as_json: bool, human: Callable[[], None]) -> None:  # noqa: ANN401
    """Print a result: JSON alone on stdout, or for people."""
    if as_json:
        sys.stdout.write(json.dumps(_sayable(document), indent=2, default=str) + "\n")
    else:
        human()


def _sayable(value: Any) -> Any:  # noqa: ANN401 - as JSON has it
    """Put null in place of NaN and infinity, at which a strict reader of JSON stops."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {name: _sayable(part) for name, part in value.items()}
        case list() | tuple():
            return [_sayable(part) for part in value]
    return value


@contextmanager
def sentences() -> Iterator[None]:
    """Turn expected trouble into one sentence and its exit code, without a traceback."""
    try:
        yield
    except ConfigurationError as exc:
        _end(str(exc), Code.USAGE)
    except PipelineError as exc:
        _end(str(exc), Code.UNKNOWN)
    except OSError as exc:
        name = f" ({exc.filename})" if exc.filename else ""
        if exc.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
            said = f"{exc.strerror}{name}: give this user the right to, or choose another place"
            _end(said, Code.USAGE)
        _end(f"{exc.strerror or exc}{name}: free the resource it names and try again", Code.UNKNOWN)
    except KeyboardInterrupt:
        _end("interrupted; everything that was started is stopped", Code.INTERRUPTED)


def _end(sentence: str, code: Code) -> None:
    stderr.print(f"[bold red]error:[/] {_one_line(sentence)}", highlight=False, soft_wrap=True)
    raise typer.Exit(int(code)) from None


def _one_line(text: str) -> str:
    from rich.markup import escape

    return escape(" ".join(text.split()))

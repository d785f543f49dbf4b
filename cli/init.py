"""A first project file, guessed from a parquet file and written for a person to correct."""

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.say import EPILOG, sentences, show, stdout
from sixgates.gates.errors import ConfigurationError

app = typer.Typer()

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


@app.command(epilog=EPILOG)
def init(
    name: Annotated[str, typer.Argument(help="Of the model; the file is <name>.py, here.")],
    data: Annotated[Path, typer.Option("--data", "-d", help="One parquet file to look at.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")
    ] = False,
) -> None:
    """Look at a parquet file, and write a first project file with every guess marked for review.

    It reads at most 50,000 rows, and never overwrites a file.

    Example: sixgates init churn --data churn.parquet
    """
    with sentences():
        found = begun(name, data)
        show(found, as_json=as_json, human=lambda: _show(found))


def begun(name: str, data: Path) -> dict[str, Any]:
    """Write `<name>.py` in the current directory, and return what was guessed.

    Raises:
        ConfigurationError: the name is none for a model, the file exists, or the data cannot be
            used.
    """
    from sixgates.adapters.lake.parquet_sample import sample_parquet
    from sixgates.gates.draft.comments import MARK
    from sixgates.gates.draft.draft import draft_of
    from sixgates.gates.draft.text import text_of

    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no name for a model: begin with a small letter, then small letters,"
            " digits, - or _, 63 at most"
        )
    path = Path(f"{name.replace('-', '_')}.py")
    _require_free(path)
    draft = draft_of(sample_parquet(data), name.replace("_", "-"))
    text = text_of(draft, data.name, str(data.absolute()))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        _require_free(path)
        raise
    source = "" if draft.conversions else f" --data {shlex.quote(str(data))}"
    return {
        "project": draft.name,
        "file": str(path),
        "rows": draft.table.total,
        "looked_at": draft.table.rows.height,
        "open": list(draft.open),
        "guesses": [{"what": what, "value": g.value, "why": g.why} for what, g in draft.guesses],
        "reviews": sum(line.lstrip().startswith(MARK) for line in text.splitlines()),
        "next": [
            f"sixgates check --project {path}{source}",
            f"sixgates explain --project {path}",
        ],
    }


def _require_free(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ConfigurationError(
            f"{path} exists, and is not written over: choose another name, or move it away"
        )


def _show(found: dict[str, Any]) -> None:
    stdout.print(
        f"[bold]{escape(found['file'])}[/] is written, guessed from {found['looked_at']:,} of"
        f" {found['rows']:,} rows. Look first at:",
        soft_wrap=True,
    )
    for guess in found["guesses"]:
        said = escape(f"{guess['what']} = {guess['value']}")
        stdout.print(f"  [bold]{said}[/]: {escape(guess['why'])}", soft_wrap=True, highlight=False)
    stdout.print(
        f"It holds {found['reviews']} guesses, each marked `# review:`. Read them all: only you"
        " know the data.",
        soft_wrap=True,
    )
    if found["open"]:
        roles = " and ".join(found["open"])
        stdout.print(f"[yellow]Not guessed:[/] {roles}. Fill in, else the check refuses it.")
    stdout.print(f"Then: {escape(found['next'][0])}", soft_wrap=True, highlight=False)

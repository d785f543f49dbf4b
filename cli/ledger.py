"""`sixgates ledger`: is the record sound, all of it as JSON lines, and newer tables for it."""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.say import EPILOG, Code, sentences, show, stdout
from sixgates.gates.errors import ConfigurationError

if TYPE_CHECKING:
    from sixgates.ledger.ledger import Ledger

app = typer.Typer(
    help="The record itself: verify it, export it, migrate its tables.",
    epilog=EPILOG,
    no_args_is_help=True,
)

Project = Annotated[
    str | None,
    typer.Option(
        "--project", "-p",
        help="Name of a file in projects/, or the path of a project file; all models if absent.",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")]


@app.command(epilog=EPILOG)
def verify(project: Project = None, as_json: Json = False) -> None:
    """Walk the hash chain of every model, and name what was changed, removed or cut off.

    Example: sixgates ledger verify --json
    """
    with sentences():
        found = verified(project)
        show(found, as_json=as_json, human=lambda: show_verified(found))
        if any(chain["violations"] for chain in found["chains"]):
            raise typer.Exit(Code.UNEXPECTED)


@app.command(epilog=EPILOG)
def export(project: Project = None) -> None:
    """Write every row as one JSON line, in chain order, with position and hash.

    Example: sixgates ledger export > ledger.jsonl
    """
    with sentences():
        ledger, models = _chosen(project)
        for model in models:
            for line in ledger.export(model):
                sys.stdout.write(f"{line}\n")


@app.command(epilog=EPILOG)
def migrate(as_json: Json = False) -> None:
    """Bring a ledger that older code has made to the tables of this code.

    Runs in one transaction. Run again, it changes nothing.
    """
    with sentences():
        from sixgates.adapters.wiring import migrate_ledger

        before, after = migrate_ledger()
        found = {"before": before, "after": after}
        said = (
            f"the ledger has revision {after} already"
            if before == after
            else f"the ledger came from revision {before} to {after}"
        )
        show(found, as_json=as_json, human=lambda: stdout.print(said))


def verified(project: str | None) -> dict[str, Any]:
    """Return the end of each chain, and what is wrong with it."""
    ledger, models = _chosen(project)
    return {"chains": [_chain(ledger, model) for model in models]}


def show_verified(found: dict[str, Any]) -> None:
    """Say for each model whether its record is sound."""
    for chain in found["chains"]:
        for violation in chain["violations"]:
            said = f"[red]{violation['fault']}:[/] {escape(violation['sentence'])}"
            stdout.print(said, soft_wrap=True)
        if not chain["violations"]:
            stdout.print(
                f"[green]{chain['model']} is sound[/]: {chain['position']:,} rows,"
                f" ending in {chain['hash']}",
                soft_wrap=True,
            )


def _chain(ledger: "Ledger", model: str) -> dict[str, Any]:
    head = ledger.head(model)
    return {
        "model": model,
        "position": head.position if head else 0,
        "hash": head.hash if head else None,
        "violations": [asdict(violation) for violation in ledger.verify(model)],
    }


def _chosen(project: str | None) -> "tuple[Ledger, list[str]]":
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    ledger = build().ledger
    models = ledger.models() if project is None else [load_project(project).name]
    if not models:
        raise ConfigurationError(
            "the ledger holds nothing yet: set SIXGATES_HOME or SIXGATES_LEDGER_URL to the one that"
            " you mean"
        )
    return ledger, models

"""The quarantine: which rows gate 1 refused, and why."""

import json
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.say import EPILOG, sentences, show, stdout

app = typer.Typer()


@app.command(epilog=EPILOG)
def quarantine(
    project: Annotated[
        str,
        typer.Option(
            "--project", "-p", help="Name of a file in projects/, or the path of a project file."
        ),
    ],
    run: Annotated[
        str | None,
        typer.Option("--run", help="Which run; the newest that refused anything if absent."),
    ] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="Only rules with this in their name.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")
    ] = False,
) -> None:
    """Say which rows gate 1 refused, by rule: how many, from when to when, and examples.

    Example: sixgates quarantine --project loans --rule age
    """
    with sentences():
        found = looked_at(project, run, rule)
        show(found, as_json=as_json, human=lambda: _show(found))


def looked_at(project: str, run: str | None, rule: str | None) -> dict[str, Any]:
    """Return what a run of a project refused."""
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.quarantine_story import look_at_quarantine
    from sixgates.adapters.wiring import build

    return asdict(look_at_quarantine(build(), load_project(project).name, run, rule))


def _show(found: dict[str, Any]) -> None:
    if not found["run"]:
        stdout.print(f"gate 1 has refused no row of {found['model']}")
        return
    stdout.print(
        f"[bold]{found['model']}[/], run {found['run']}, as of {found['as_of']}: gate 1 refused"
        f" {found['rows']:,} rows ({found['outcome']})",
        soft_wrap=True,
    )
    table = Table()
    for column in ("rule", "rows", "kept", "first", "last"):
        table.add_column(column, overflow="fold")
    for its in found["rules"]:
        table.add_row(
            escape(its["rule"]), f"{its['rows']:,}", f"{its['kept']:,}",
            (its["first"] or "no time")[:19], (its["last"] or "no time")[:19],
        )  # fmt: skip
    stdout.print(table)
    for its in found["rules"]:
        for example in its["examples"]:
            row = json.dumps(example["row"], ensure_ascii=False)
            stdout.print(f"{escape(its['rule'])}: {escape(row)}", soft_wrap=True, highlight=False)
    others = [f"{run} ({rows:,})" for run, rows in found["runs"].items() if run != found["run"]]
    if others:
        stdout.print(f"other runs that refused rows: {', '.join(others[:5])}", soft_wrap=True)

"""The log of predictions and labels: how it is, compaction, and labels from a file."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from cli.say import EPILOG, Code, sentences, show, stdout

app = typer.Typer()

Project = Annotated[
    str,
    typer.Option(
        "--project", "-p", help="Name of a file in projects/, or the path of a project file."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")]


@app.command(epilog=EPILOG)
def log(project: Project, as_json: Json = False) -> None:
    """Say how fresh the log is, what waits for compaction, what its tables hold, what was lost.

    Example: sixgates log --project loans
    """
    with sentences():
        found = looked_at(project)
        show(found, as_json=as_json, human=lambda: _show_state(found))
        if found["problems"]:
            raise typer.Exit(Code.UNEXPECTED)


@app.command(epilog=EPILOG)
def compact(project: Project, as_json: Json = False) -> None:
    """Put what gateways have finished writing into the Delta tables, and keep these in order.

    Run it every few minutes; run twice, it changes nothing.

    Example: sixgates compact --project loans
    """
    with sentences():
        found = compacted(project)
        show(found, as_json=as_json, human=lambda: _show_compacted(found))
        if found["unreadable"]:
            raise typer.Exit(Code.UNEXPECTED)


@app.command(epilog=EPILOG)
def labels(
    project: Project,
    file: Annotated[
        Path, typer.Argument(help="Parquet, CSV or JSON lines: request, row, label, perhaps at.")
    ],
    as_json: Json = False,
) -> None:
    """Take labels from a file, once the whole of it has been checked; the same again adds nothing.

    Example: sixgates labels --project loans outcomes.csv
    """
    with sentences():
        found = taken(project, file)
        show(found, as_json=as_json, human=lambda: _show_taken(found))


def looked_at(project: str) -> dict[str, Any]:
    """Return how the log of a project's model is."""
    from sixgates.adapters.log_state import look_at
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    state = look_at(build(), load_project(project))
    newest = state.predictions.newest
    age = None if newest is None else max(0.0, state.now - newest)
    return {**_dated(asdict(state)), "newest_age_seconds": age}


def compacted(project: str) -> dict[str, Any]:
    """Compact the log of a project's model."""
    from sixgates.adapters.compaction import compact as run
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    done = run(build(), load_project(project))
    return {**asdict(done), "said": done.sentence}


def taken(project: str, file: Path) -> dict[str, Any]:
    """Take the labels of a file."""
    from sixgates.adapters.delta_log import DeltaLog
    from sixgates.adapters.label_file import take_labels
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    loaded, settings = load_project(project), build().settings
    log = DeltaLog(settings.log, settings.tables)
    result = take_labels(log, loaded, file, settings.log_share)
    return {"model": loaded.name, "file": str(file), **asdict(result)}


def _dated(facts: dict[str, Any]) -> dict[str, Any]:
    """Write moments in ISO 8601, UTC."""
    return {
        key: _dated(value) if isinstance(value, dict)
        else _iso(value) if key in {"now", "newest", "oldest"}
        else value
        for key, value in facts.items()
    }  # fmt: skip


def _iso(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


def _show_state(found: dict[str, Any]) -> None:
    table = Table(title=f"The log of {found['model']}", title_justify="left")
    for column in ("", "being written", "sealed", "oldest of these", "in the table", "files"):
        table.add_column(column)
    for stream in ("predictions", "labels"):
        its = found[stream]
        table.add_row(
            stream, _amount(its["written"]), _amount(its["sealed"]),
            (its["sealed"]["oldest"] or "")[:19], _amount(its["table"]),
            f"{its['table']['files']:,}",
        )  # fmt: skip
    stdout.print(table)
    newest = found["predictions"]["newest"]
    if newest is None:
        stdout.print("no prediction yet")
    else:
        age = found["newest_age_seconds"]
        stdout.print(f"newest prediction {newest[:19]} UTC, {age:,.0f} s ago")
    stdout.print(f"labels: {_counts(found['counts'], 'rows have one')}")
    for url, count in found["unlogged"].items():
        stdout.print(f"{escape(url)}: {count:,} answers not logged", soft_wrap=True)
    for url, its in found["samples"].items():
        stdout.print(
            f"{escape(url)}: logs {its['share']:.4g} of the requests; left out so far:"
            f" {its['answers']:,} answers, {its['labels']:,} labels",
            soft_wrap=True,
        )
    for problem in found["problems"]:
        stdout.print(f"[red]problem:[/] {escape(problem)}", soft_wrap=True)
    if not found["problems"]:
        stdout.print("[green]the log is well[/]")


def _show_compacted(found: dict[str, Any]) -> None:
    stdout.print(f"[bold]{found['model']}[/]: {escape(found['said'])}", soft_wrap=True)
    if found["labels"]["rows"]:
        stdout.print(f"labels: {_counts(found['counts'], 'new')}")
    for sentence in found["unreadable"]:
        stdout.print(f"[red]left as it is:[/] {escape(sentence)}", soft_wrap=True)


def _show_taken(found: dict[str, Any]) -> None:
    left_out = found["left_out"]
    stdout.print(
        f"[bold]{found['model']}[/]: {found['rows']:,} labels: {_counts(found['counts'], 'new')};"
        + (f" {left_out:,} left out, of requests that are not logged;" if left_out else "")
        + f" {found['written']:,} written",
        soft_wrap=True,
    )


def _amount(facts: dict[str, Any]) -> str:
    return f"{facts['rows']:,} rows, {facts['bytes'] / 2**20:,.1f} MiB"


def _counts(counts: dict[str, Any], new: str) -> str:
    late = "" if counts["late"] is None else f", {counts['late']:,} late"
    return (
        f"{counts['new']:,} {new}, {counts['duplicates']:,} again,"
        f" {counts['contradictory']:,} contradictory, {counts['unknown']:,} unknown{late}"
    )

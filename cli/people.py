"""Results for people: tables and sentences on the terminal."""

import json
import sys
from typing import Any

from rich.markup import escape
from rich.table import Table

from cli.approval import show_question, show_returns
from cli.line import show_brakes
from cli.say import stderr, stdout
from sixgates.gates.verdict import percent


def ending(ended: dict[str, Any]) -> str:
    """Say how a flow ended."""
    return f"[bold]{ended['project']}[/]: {ended['ending']}. {escape(str(ended['reason'] or ''))}"


def serving(url: str, *, as_json: bool) -> None:
    """Say where a gateway serves, as soon as it does."""
    if as_json:
        sys.stdout.write(json.dumps({"url": url}) + "\n")
        sys.stdout.flush()
    else:
        stderr.print(f"serving at {url}", soft_wrap=True)


def checked(found: dict[str, Any]) -> None:
    """Show what `sixgates check` found."""
    for problem in found["problems"]:
        stdout.print(f"[red]problem:[/] {escape(problem)}")
    for note in found["notes"]:
        stdout.print(f"[yellow]note:[/] {escape(note)}")
    if not found["problems"]:
        source = found["source"]
        rows = "" if source is None else f", {found['rows']:,} rows of {escape(source)}"
        stdout.print(
            f"[green]{found['project']} is complete and consistent[/]{rows}", soft_wrap=True
        )


def status(found: dict[str, Any]) -> None:
    """Show ledger, gateways and aliases side by side."""
    route = found["ledger"]
    table = Table(title=f"Who serves {found['model']}", title_justify="left")
    for column in ("asked", "champion", "beside", "share", "epoch"):
        table.add_column(column, overflow="fold")
    beside = route["beside"]
    table.add_row(
        "ledger",
        route["champion"]["number"],
        beside["version"]["number"] if beside else "",
        percent(beside["share"]) if beside else "",
        str(route["epoch"]),
    )
    for gateway in found["gateways"]:
        table.add_row(
            escape(gateway["url"]), gateway["champion"], gateway["beside"], _share(gateway),
            str(gateway["epoch"]),
        )  # fmt: skip
    aliases = found["aliases"] or {}
    table.add_row("MLflow", aliases.get("champion", ""), aliases.get("challenger", ""), "", "")
    stdout.print(table)
    stdout.print(f"step {route['step']} since {route['at']}: {escape(route['reason'])}")
    show_brakes(found["brakes"])
    show_question(found["approval"])
    flight = found["under_way"]
    for run in found["unanswered"]:
        if flight and flight["run"] == run:
            stdout.print(escape(flight["said"]), soft_wrap=True)
        else:
            stdout.print(
                f"[yellow]run {run} died[/] without an answer: `sixgates retrain` settles it"
            )
    for intent in found["unfinished"]:
        stdout.print(
            f"[yellow]unfinished:[/] {intent['effect']} of {escape(intent['release'])}, since"
            f" {intent['recorded'][:19]}: the next tick settles it"
        )
    for difference in found["differences"]:
        stdout.print(f"[red]differs:[/] {escape(difference)}")
    if not found["differences"]:
        stdout.print("[green]all agree[/]")
    show_returns(found["returns"])


def _share(gateway: dict[str, Any]) -> str:
    """Write the share in force, and why it is not the one that the ledger asks for."""
    held_back = "cut" if gateway["cut"] else "lapsed" if gateway["lapsed"] else ""
    return percent(gateway["share"]) + (f" ({held_back})" if held_back else "")


def history(found: dict[str, Any]) -> None:
    """Show who served when, and why."""
    stdout.print(f"[bold]Who served {found['model']}, since when and why[/]")
    for route in found["routes"]:
        beside = route["beside"]
        also = (
            f", version {beside['version']['number']} beside at {percent(beside['share'])}"
            if beside
            else ""
        )
        stdout.print(
            f"{route['at'][:19]}  epoch {route['epoch']}, {route['step'].replace('_', ' ')}:"
            f" version [bold]{route['champion']['number']}[/]{also} ({route['actor']})"
        )
        stdout.print(f"    {escape(route['reason'])}")
    for entry in found["entries"]:
        stdout.print(f"{entry['at']}  {entry['kind']:<8} {escape(entry['reason'])}")
    show_returns(found["returns"])


def rolled_back(found: dict[str, Any]) -> None:
    """Say what serves after a rollback, and whether that was read back."""
    sure = "[green]proved[/]" if found["proved"] else "[red]not proved[/]"
    already = "" if found["changed"] else " already, and nothing was changed"
    stdout.print(
        f"version {found['champion']} of {found['model']} serves{already}, epoch {found['epoch']}:"
        f" {sure} ({escape(found['answer'])})"
    )

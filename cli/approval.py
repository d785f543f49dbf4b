"""What a person decides about a challenger, and to which champions one may return."""

import shlex
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.line import Json, Project, Reason
from cli.notify import tell_people
from cli.say import EPILOG, sentences, show, stdout

app = typer.Typer()

By = Annotated[
    str | None,
    typer.Option("--by", help="Who decides, for the record; you, or your token's name, if absent."),
]


@app.command(epilog=EPILOG)
def approve(
    project: Project,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")] = "",
    by: By = None,
    override: Annotated[
        str,
        typer.Option("--override", help="Why it should hold although gate 5 has not decided."),
    ] = "",
    as_json: Json = False,
) -> None:
    """Let the challenger that waits for a person become champion.

    The next tick promotes it if gate 5 still passes. It holds for exactly this
    release, share and model. Where SIXGATES_TOKENS names a file, SIXGATES_GATEWAY_TOKEN
    must be a token of it that may approve; its name goes on record.

    Example: sixgates approve --project loans --reason "the figures are plausible"
    """
    with sentences():
        from tasks.approval import approve as task

        _say(asdict(task.fn(project, reason, by, override=override)), as_json=as_json)


@app.command(epilog=EPILOG)
def reject(project: Project, reason: Reason, by: By = None, as_json: Json = False) -> None:
    """Refuse the challenger that is tried: its release ends, and the champion serves alone.

    The same model is not offered again by itself.

    Example: sixgates reject --project loans --reason "the segment north looks odd"
    """
    with sentences():
        from tasks.approval import reject as task

        _say(asdict(task.fn(project, reason, by)), as_json=as_json)
        tell_people(project)


def question_of(project: str) -> dict[str, Any] | None:
    """Return the challenger that waits for a person, why and until when; None where none does."""
    from sixgates.adapters.known_model import project_or_model
    from sixgates.adapters.wiring import build
    from sixgates.ledger.asked import open_question
    from tasks.person import heeded

    world = build()
    ledger = world.ledger
    loaded, model = project_or_model(ledger, project)
    route = ledger.route(model)
    if route is None or (loaded is not None and loaded.policies.approval.need == "off"):
        return None
    entries = heeded(world.settings, ledger.entries(model, release=route.release))
    question = open_question(entries, route)
    if question is None:
        return None
    command = f'sixgates approve --project {shlex.quote(project)} --reason "why"'
    named = {name: question.body[name] for name in ("version", "digest", "why", "until")}
    return {**named, "asked": question.at.isoformat(), "command": command}


def returns_of(project: str) -> list[dict[str, Any]]:
    """Return every former champion with the command that returns to it, the newest first."""
    from sixgates.adapters.known_model import project_or_model
    from sixgates.adapters.wiring import build
    from sixgates.ledger.release import former_champions

    ledger = build().ledger
    _, model = project_or_model(ledger, project)
    command = f"sixgates rollback --project {shlex.quote(project)} --to "
    return [
        {
            "version": former.version.number,
            "since": former.since.isoformat(),
            "rolled_back": former.rolled_back,
            "command": f'{command}{shlex.quote(former.version.number)} --reason "why"',
        }
        for former in former_champions(ledger.routes(model))
    ]


def show_question(question: dict[str, Any] | None) -> None:
    """Show which challenger waits for a person."""
    if question is not None:
        until, why = question["until"][:16], escape(question["why"])
        stdout.print(
            f"[yellow]version {question['version']} waits for approval until {until}:[/] {why};"
            f" {escape(question['command'])}",
            soft_wrap=True,
        )


def show_returns(returns: list[dict[str, Any]]) -> None:
    """Show to which champions one may return, one command each."""
    for former in returns:
        note = ", was rolled back" if former["rolled_back"] else ""
        stdout.print(
            f"return to version {former['version']} (champion on {former['since'][:10]}{note}):"
            f" {escape(former['command'])}",
            soft_wrap=True,
        )


def _say(said: dict[str, Any], *, as_json: bool) -> None:
    show(
        said,
        as_json=as_json,
        human=lambda: stdout.print(f"[bold]{said['model']}[/]: {escape(said['sentence'])}"),
    )

"""What a person says about the line: stop it, let it run again, or that somebody looked."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.say import EPILOG, sentences, show, stdout
from sixgates.gates.errors import ConfigurationError
from sixgates.ledger.entry import Kind

if TYPE_CHECKING:
    from sixgates.adapters.wiring import World
    from sixgates.gates.governor import Standing
    from tasks.person import Person

app = typer.Typer()

Project = Annotated[
    str,
    typer.Option(
        "--project", "-p", help="Name of a file in projects/, or the path of a project file."
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")]
Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")]


@app.command(epilog=EPILOG)
def stop(project: Project, reason: Reason, as_json: Json = False) -> None:
    """Stop the line: until it is resumed no run begins and no release moves up.

    Evidence goes on being gathered. A rollback, by hand or by a gate, and an
    expiry are never stopped.

    Example: sixgates stop --project loans --reason "the feed is being repaired"
    """
    with sentences():
        found = stopped(project, reason)
        show(found, as_json=as_json, human=lambda: _show(found))


@app.command(epilog=EPILOG)
def resume(project: Project, reason: Reason, as_json: Json = False) -> None:
    """Let a stopped line run again. An alert that waited is announced by the next watch.

    Example: sixgates resume --project loans --reason "the feed is whole again"
    """
    with sentences():
        found = resumed(project, reason)
        show(found, as_json=as_json, human=lambda: _show(found))


@app.command(epilog=EPILOG)
def acknowledge(project: Project, reason: Reason, as_json: Json = False) -> None:
    """Say that somebody looked at the rollbacks and refusals so far, and end their pauses.

    Example: sixgates acknowledge --project loans --reason "a bad join, mended"
    """
    with sentences():
        found = acknowledged(project, reason)
        show(found, as_json=as_json, human=lambda: _show(found))


def stopped(project: str, reason: str) -> dict[str, Any]:
    """Stop the line, unless it is stopped already."""
    from sixgates.adapters.known_model import model_of
    from sixgates.adapters.wiring import build
    from sixgates.ledger.standing import read_standing

    # To stop only ever takes a risk away; to let go again needs to be somebody who may, and a
    # project that loads.
    world = build()
    model = model_of(world.ledger, project)
    standing, person = read_standing(world.ledger, model), _person(world, safe=True)
    if standing.stopped is not None:
        at, why = standing.stopped.at, standing.stopped.reason
        sentence = f"the line was stopped already, on {at:%Y-%m-%d %H:%M} UTC ({why})"
        return _outcome(project, model, sentence, changed=False)
    _write(world, model, Kind.STOPPED, reason, person)
    sentence = "the line is stopped; rollback and expiry are not"
    return _outcome(project, model, sentence, changed=True)


def resumed(project: str, reason: str) -> dict[str, Any]:
    """Let the line run again, where it is stopped."""
    world, model, standing = _standing(project)
    person = _person(world, safe=False)
    if standing.stopped is None:
        return _outcome(project, model, "the line was not stopped", changed=False)
    _write(world, model, Kind.RESUMED, reason, person)
    return _outcome(project, model, "the line runs again", changed=True)


def acknowledged(project: str, reason: str) -> dict[str, Any]:
    """Take note that somebody looked at what is on record, where there is anything to look at."""
    world, model, standing = _standing(project)
    person = _person(world, safe=False)
    if standing.rolled_back is None and not standing.refused:
        return _outcome(project, model, "there was nothing to acknowledge", changed=False)
    route = world.ledger.route(model)
    _write(world, model, Kind.ACKNOWLEDGED, reason, person, epoch=route.epoch if route else 0)
    sentence = "rollbacks and refusals so far are acknowledged"
    return _outcome(project, model, sentence, changed=True)


def brakes_of(project: str) -> list[dict[str, Any]]:
    """Return every brake that is on now: its name, why, and until when.

    Of a project that does not load, only a stop is known.
    """
    from sixgates.adapters.known_model import project_or_model
    from sixgates.adapters.wiring import build
    from sixgates.gates.governor import brakes
    from sixgates.ledger.standing import read_standing

    world = build()
    loaded, model = project_or_model(world.ledger, project)
    policy = loaded.policies.governor if loaded else None
    on = brakes(read_standing(world.ledger, model), policy, world.clock.now())
    return [{"brake": b.brake, "reason": b.reason, "until": _iso(b.until)} for b in on]


def show_brakes(brakes: list[dict[str, Any]]) -> None:
    """Show each brake that is on."""
    for on in brakes:
        until = f"until {on['until'][:16]}" if on["until"] else "until a person acts"
        stdout.print(f"[yellow]{on['brake']}, {until}:[/] {escape(on['reason'])}")


def _show(found: dict[str, Any]) -> None:
    stdout.print(f"[bold]{found['model']}[/]: {escape(found['said'])}")
    show_brakes(found["brakes"])


def _standing(project: str) -> "tuple[World, str, Standing]":
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build
    from sixgates.ledger.standing import read_standing

    world, model = build(), load_project(project).name
    return world, model, read_standing(world.ledger, model)


def _person(world: "World", *, safe: bool) -> "Person":
    from sixgates.gateway.tokens import Role
    from tasks.person import acting

    return acting(world.settings, Role.OPERATE, safe=safe)


def _write(
    world: "World", model: str, kind: Kind, reason: str, person: "Person", **body: int
) -> None:
    if not reason.strip():
        raise ConfigurationError(f"nothing is changed for {model}: say why with --reason")
    world.ledger.append(
        model, kind, at=world.clock.now(), reason=reason, actor=person.actor, body=dict(body)
    )


def _outcome(project: str, model: str, said: str, *, changed: bool) -> dict[str, Any]:
    return {"model": model, "said": said, "changed": changed, "brakes": brakes_of(project)}


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()

"""`sixgates notify`: do messages arrive, and what is still to be told?"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from rich.markup import escape

from cli.say import stdout
from sixgates.gates.errors import ConfigurationError


def notified(project: str | None, *, test: bool) -> dict[str, Any]:
    """Send a sample to every channel, or what is owed about a project.

    Raises:
        ConfigurationError: neither or both were asked for.
    """
    from sixgates.adapters.channels import channels_of
    from sixgates.adapters.notifications import deliver, tell_people
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    if test == (project is not None):
        raise ConfigurationError(
            "say what to send: `sixgates notify --test` for a sample, or `sixgates notify --project"
            " NAME` for what nobody has been told yet"
        )
    if project is not None:
        load_project(project)
        done = tell_people(build(), project, at_once=True)
    else:
        done = deliver(channels_of(build().settings), _sample())
    return {"project": project, "deliveries": [asdict(delivery) for delivery in done]}


def tell_people(project: str) -> None:
    """Send what nobody has been told yet; trouble with it is no trouble of the command."""
    from sixgates.adapters.notifications import tell_people as tell
    from sixgates.adapters.wiring import build

    tell(build(), project)


def show_notified(found: dict[str, Any]) -> None:
    """Say which messages arrived, and why the others did not."""
    for one in found["deliveries"]:
        sign = "[green]sent[/]" if one["sent"] else f"[red]not sent[/], {escape(one['why'])}:"
        stdout.print(f"{sign} {escape(one['channel'])}", soft_wrap=True)
    if not found["deliveries"]:
        stdout.print("nothing to send")


def _sample() -> Any:  # noqa: ANN401 - a Message, whose module other commands need not load
    from sixgates.gates.message import Choice, Message

    return Message(
        id=f"test/{uuid4().hex}",
        model="sixgates",
        what="test",
        headline="a test of this channel",
        at=datetime.now(UTC).replace(tzinfo=None),
        happened=("Somebody ran `sixgates notify --test`.",),
        checks=(),
        served=None,
        following=("Nothing: this was a test.",),
        choices=(Choice("see all commands", "sixgates --help"),),
    )

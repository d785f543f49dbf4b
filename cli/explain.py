"""What a project's policies mean, on the terminal and as JSON."""

import math
from dataclasses import asdict
from typing import Any

from rich.markup import escape

from cli.say import stdout


def explained(
    project: str, requests_per_day: float | None, base_rate: float, effect_size: float
) -> dict[str, Any]:
    """Return what the policies of a project mean at a traffic, and why they must not run."""
    from sixgates.adapters.project_files import load_project
    from sixgates.gates.explain.explain import explain
    from sixgates.gates.explain.plan import Traffic

    loaded = load_project(project)
    traffic = Traffic(requests_per_day, base_rate, effect_size)
    found = explain(loaded, traffic)
    return {
        "project": loaded.name,
        "assumed": asdict(traffic),
        "expected": {name: _finite(value) for name, value in asdict(found.plan).items()},
        "sections": {section.title: list(section.sentences) for section in found.sections},
        "problems": list(found.problems),
    }


def show_explained(found: dict[str, Any]) -> None:
    """Show it to a person."""
    for title, lines in found["sections"].items():
        stdout.print(f"[bold]{escape(title)}[/]")
        for line in lines:
            stdout.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    for problem in found["problems"]:
        stdout.print(f"[red]refused:[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if not found["problems"]:
        at = found["assumed"]["requests_per_day"]
        where = "" if at is None else f" at {at:g} requests a day"
        stdout.print(f"[green]{found['project']} can decide{where}[/]", highlight=False)


def _finite(value: Any) -> Any:  # noqa: ANN401 - a figure of the plan
    """JSON has no infinity: a time without end is null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value

"""Play a real history: a user's own rows as traffic, in their order."""

import time
from datetime import datetime
from typing import Any

from cli.rehearsal.periods import newly_matured, periods_of
from cli.rehearsal.play import Play, Say, Stage, end_of_day, first_model
from cli.rehearsal.result import result_of
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import ConfigurationError


def play_history(project_path: str, data: str | None, stage: Stage, say: Say) -> dict[str, Any]:
    """Train on the first fifth of a real history and replay the rest as traffic."""
    began = time.monotonic()
    project = load_project(project_path)
    lake = ProjectLake(project, data)
    lake.check()
    at = project.roles.event_time
    # Nobody knows when a row without an event time would have to be sent.
    frame = lake.as_of(datetime.max).collect().drop_nulls(at)  # noqa: DTZ901 - all of it
    if frame.height < 10 * project.policies.validation.min_rows:
        raise ConfigurationError(
            f"{lake.describe()} has {frame.height:,} rows with an event time: a rehearsal of"
            f" {project.name} needs at least {10 * project.policies.validation.min_rows:,} (ten"
            " times validation.min_rows)"
        )
    theatre = stage(project, project_path, data)
    start = frame[at][frame.height // 5]
    play = Play(theatre, frame, say)
    first_model(play, start)
    days = periods_of(frame, project, start)
    every = max(1, round(project.policies.watch.window / project.period))
    before = start
    with theatre.replay(frame) as replay:
        for n, (until, rows) in enumerate(days, 1):
            play.send(replay, rows)
            theatre.set_clock(until)
            replay.send_labels(*newly_matured(frame, project, before, until))
            before = until
            end_of_day(play, n, len(days), watch_every=every)
    return {
        "project": project.name,
        "rows": frame.height,
        "seconds": round(time.monotonic() - began, 1),
        **result_of(play),
    }

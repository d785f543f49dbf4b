"""What has come in last: rows of the user's data, and labels of what was predicted."""

from datetime import UTC, datetime, timedelta

import polars as pl

from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.wiring import World
from sixgates.gates.maturity import seconds
from sixgates.gates.notices import Unlabelled
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_age

_EVER = datetime.min  # noqa: DTZ901 - naive UTC throughout
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as above


def newest_row(
    project: Project, data: str | None, now: datetime, max_age: timedelta
) -> datetime | None:
    """Return the newest event time up to now, None where there is no row.

    Args:
        project: Whose data.
        data: Address of the data; the project's own source where not given.
        now: Event time, naive UTC.
        max_age: How old it ought to be at most: only where it is older, all rows are read.

    Raises:
        ConfigurationError: the source cannot be read.
        TransientError: it did not answer.
    """
    lake, newest = ProjectLake(project, data), pl.col(project.roles.event_time).max()
    for since in (now - max_age, _EVER):
        with lake.window(since, now) as rows:
            found = rows.frame.select(newest).collect().item()
        if isinstance(found, datetime):
            return found
    return None


def unlabelled(world: World, project: Project, data: str | None, now: datetime) -> Unlabelled:
    """Return which predictions wait for a label since the newest one became known.

    Args:
        world: Whose log.
        project: Whose model. How old its labels are when they become known is the label horizon, or
            with a label time what the data show.
        data: Address of the data; the project's own source where not given.
        now: Event time, naive UTC.

    Raises:
        ContractError: the log cannot be read.
        ConfigurationError: the source cannot be read; without a label time nobody reads it.
        TransientError: it did not answer.
    """
    at, model = pl.col("at"), project.name
    newest = _moment(world.log.newest_label(model, now))
    predictions = world.log.predictions(model, _EPOCH if newest is None else newest)
    later = predictions if newest is None else predictions.filter(at > seconds(newest))
    since = _moment(later["at"].min())
    due = timedelta(0) if since is None else _label_age(project, data, now)
    return Unlabelled(model, newest, since, due)


def _label_age(project: Project, data: str | None, now: datetime) -> timedelta:
    roles = project.roles
    if roles.label_time is None:
        return label_age(pl.DataFrame(), project, now)
    window = project.policies.training.window
    since = _EVER if window is None else now - window
    with ProjectLake(project, data).window(since, now) as rows:
        times = rows.frame.select(roles.event_time, roles.label_time).collect()
    return label_age(times, project, now)


def _moment(at: object) -> datetime | None:
    if not isinstance(at, float):
        return None
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)

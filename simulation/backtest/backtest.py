"""Walk a history forward under every policy at once, period by period."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np

from simulation.backtest.hindsight import Hindsight
from simulation.backtest.history import History, read_history
from simulation.backtest.models import Model, Models
from simulation.backtest.play import Play, Stage, play_of
from simulation.backtest.plays import PLAYS, Policy, triggers_of
from simulation.backtest.present import Present
from simulation.backtest.recommend import choose, gain, recommend
from simulation.backtest.score import METRICS, score
from simulation.backtest.watching import Watching
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project
from sixgates.gates.timesplit import label_present

Told = Callable[[int, int, int], None]
"""Takes periods played, periods in all, and trainings so far."""


@dataclass(eq=False)
class _Spent:
    """What all trainings took."""

    seconds: list[float] = field(default_factory=list)


def backtest(project: Project, data: str | None, told: Told = lambda *_: None) -> dict[str, Any]:
    """Play every policy on a history, and say which to choose.

    Args:
        project: Whose gates and watch judge.
        data: Address of the history; None takes the project's own source.
        told: Is called after each period.

    Raises:
        ConfigurationError: the history cannot be played; the message says why.
    """
    began = time.monotonic()
    history, spent = read_history(project, data), _Spent()
    models = Models(history)
    stage = Stage(history, models, Watching(history, models), triggers_of(history))
    first, now = _first_model(stage, spent)
    if not label_present(history.frame[history.until(now) :], project).any():
        raise ConfigurationError(
            f"no row of {project.name} after its first model, of {now:%Y-%m-%d}, has a label: a"
            " backtest needs what came of the answers; give a history with later labels"
        )
    plays = [play_of(stage, kind, first, now) for kind in PLAYS]
    hindsight, edges = _walk(stage, plays, now, spent, told)
    scores = [score(play, history, edges, hindsight) for play in plays]
    never = next(s for s in scores if s.play.kind.policy is Policy.NEVER)
    scored = np.isfinite(never.play.losses)
    rows = np.array([scored[a:b].sum() for a, b in pairwise(edges)], dtype=np.float64)
    chosen = choose(scores, rows).play.kind
    return {
        "project": project.name,
        "rows": history.rows,
        "played": history.rows - edges[0],
        "loss": project.loss,
        "metric": METRICS[project.task],
        "policies": [s.to_dict() | gain(never, s, rows) for s in scores],
        "windows": [history.moment(row - 1).isoformat() for row in edges[1:]],
        "recommended": {"policy": str(chosen.policy), "gates": chosen.gates},
        "recommendation": recommend(scores, rows),
        "fits": len(spent.seconds),
        "fit_seconds": sum(spent.seconds),
        "seconds": time.monotonic() - began,
    }


def _first_model(stage: Stage, spent: _Spent) -> tuple[Model, datetime]:
    """Return the first model that passes gates 1 to 3, and when; no earlier than a first fifth."""
    history, why = stage.history, ""
    window = history.project.policies.watch.window
    now, last = history.moment(history.rows // 5), history.moment(-1)
    while now < last:
        ran = Present(history, stage.models, now, spent.seconds.append).run(None, ())
        if ran.model is not None:
            return ran.model, now
        why = why or f"refused at gate {ran.gate}: {ran.why}"
        # A stretch without rows changes nothing.
        now = max(now + window, history.moment(history.until(now)))
    raise ConfigurationError(
        f"no first model of {history.project.name} passed gates 1 to 3 on this history (on"
        f" {history.moment(history.rows // 5):%Y-%m-%d}, {why}): mend the data, or the limits that"
        " refuse it"
    )


def _walk(
    stage: Stage, plays: list[Play], start: datetime, spent: _Spent, told: Told
) -> tuple[Hindsight, list[int]]:
    """Play all periods, and return the rows at which the windows of the watch begin and end."""
    history, models = stage.history, stage.models
    row = history.until(start)
    hindsight, edges = Hindsight(history, row), [row]
    hindsight.add(models.kept[plays[0].route.champion.number], row)
    moments = list(_moments(history, start))
    for n, (now, window_ended) in enumerate(moments, 1):
        known, end = len(models.kept), history.until(now)
        present = Present(history, models, now, spent.seconds.append)
        for play in plays:
            if end > row:
                play.serve(row, end)
            if now != moments[-1][0]:
                play.act(present, window_ended=window_ended)
        for model in list(models.kept.values())[known:]:
            hindsight.add(model, end)
        if (window_ended or n == len(moments)) and end > edges[-1]:
            edges.append(end)
        stage.keep(set().union(*(play.serving for play in plays)), end)
        row = end
        told(n, len(moments), len(spent.seconds))
    return hindsight, edges


def _moments(history: History, start: datetime) -> Iterator[tuple[datetime, bool]]:
    """Yield the end of each period, and whether a window of the watch ends with it."""
    project, last = history.project, history.moment(-1)
    every = max(1, round(project.policies.watch.window / project.period))
    n, now = 0, start
    while now < last:
        n, now = n + 1, min(last, now + project.period)
        yield now, n % every == 0

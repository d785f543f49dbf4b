"""Play one scenario, or one real history, and say what came of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cli.rehearsal.processes import Processes
from cli.rehearsal.theatre import Theatre, newly_matured, periods_of
from simulation.scenario import End, Scenario, project_file
from simulation.traffic import SentDay
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.lightgbm_trainer import predict
from sixgates.adapters.project_files import load_project
from sixgates.adapters.story import tell
from sixgates.gates.encoding import label_array
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.losses import row_losses
from sixgates.gates.verdict import Gate
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.route import Route, Step

Say = Callable[[str], None]
"""Takes a line of progress."""

_ENDS = {
    Step.CONFIRMED: End.CONFIRMED,
    Step.EXPIRED: End.EXPIRED,
}
_STOPS = {
    Gate.VALIDATE: End.STOPPED_VALIDATE,
    Gate.RETRAIN: End.STOPPED_RETRAIN,
    Gate.EVALUATE: End.STOPPED_EVALUATE,
    Gate.COMPARE: End.STOPPED_COMPARE,
}


@dataclass(slots=True)
class Play:
    """What happens on stage, as it happens."""

    theatre: Theatre
    frame: pl.DataFrame
    say: Say
    triggered: bool = False
    """Whether Prefect's automation starts the retrain, instead of the play."""
    sent: list[SentDay] = field(default_factory=list)
    alerts: list[Entry] = field(default_factory=list)

    def alert(self) -> None:
        """Let the watch look, and a retrain answer what it raises."""
        if self.triggered:
            self.theatre.await_deployments()
        raised = self.theatre.watch(announce=self.triggered)
        if raised is None:
            return
        self.alerts.append(raised)
        self.say(f"alert: {raised.reason}")
        if self.triggered:
            answer = self.theatre.await_answer(raised)
        else:
            answer = self.theatre.retrain("drift", raised.seq)
        self.say(f"{answer.body['ending']}: {answer.reason}")


def play_scenario(
    scenario: Scenario, home: Path, processes: Processes, say: Say, *, triggered: bool
) -> dict[str, Any]:
    """Play one scenario against real parts and return its result, plain values only."""
    began = time.monotonic()
    path = home / "projects" / f"{scenario.name.replace('-', '_')}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(project_file(scenario))
    data = home / "worlds" / f"{scenario.name}.parquet"
    data.parent.mkdir(parents=True, exist_ok=True)
    frame = scenario.frame()
    scenario.lake(frame).write_parquet(data)
    theatre = Theatre(load_project(str(path)), str(path), str(data), processes)
    start = scenario.world.moment(scenario.live_from_day)
    play = Play(theatre, frame, say, triggered)
    _first_model(play, start)
    end, promoted_on = End.UNDECIDED, None
    with theatre.replay(frame, scenario.sent) as replay:
        for day in range(scenario.live_from_day, scenario.world.days):
            until = scenario.world.moment(day + 1)
            rows = scenario.world.rows_of(play.frame, day)
            play.sent.append(replay.send(rows))
            theatre.set_clock(until)
            replay.send_labels(
                newly_matured(play.frame, theatre.project, until - timedelta(days=1), until)
            )
            end = _day(play, day - scenario.live_from_day + 1, scenario.live_days)
            route = theatre.route()
            if route.step is Step.PROMOTED and promoted_on is None:
                promoted_on = day + 1
                play.frame = scenario.frame(promoted_on)
                scenario.lake(play.frame).write_parquet(data)
            if end is not End.UNDECIDED:
                break
    if end is End.UNDECIDED and not play.alerts:
        end = End.NOTHING
    seen = _result(play)
    return {
        "scenario": scenario.name,
        "teaches": scenario.teaches,
        "expected": scenario.expected,
        "actual": end,
        "ok": end == scenario.expected and seen["proved"] and not seen["failed_requests"],
        "seconds": round(time.monotonic() - began, 1),
        **seen,
    }


def play_history(
    project_path: str, data: str | None, processes: Processes, say: Say
) -> dict[str, Any]:
    """Train on the first fifth of a real history and replay the rest as traffic."""
    began = time.monotonic()
    project = load_project(project_path)
    lake = ProjectLake(project, data)
    lake.check()
    frame = lake.as_of(datetime.max).collect()  # noqa: DTZ901 - all of it
    if frame.height < 10 * project.policies.validation.min_rows:
        raise ConfigurationError(
            f"{lake.describe()} has {frame.height:,} rows: a rehearsal of {project.name} needs at"
            f" least {10 * project.policies.validation.min_rows:,} (ten times validation.min_rows)"
        )
    theatre = Theatre(project, project_path, data, processes)
    start = frame[project.roles.event_time][frame.height // 5]
    play = Play(theatre, frame, say)
    _first_model(play, start)
    days = periods_of(frame, project, start)
    every = max(1, round(project.policies.watch.window / project.period))
    before = start
    with theatre.replay(frame) as replay:
        for n, (until, rows) in enumerate(days, 1):
            play.sent.append(replay.send(rows))
            theatre.set_clock(until)
            replay.send_labels(newly_matured(frame, project, before, until))
            before = until
            _day(play, n, len(days), watch_every=every)
    return {
        "project": project.name,
        "rows": frame.height,
        "seconds": round(time.monotonic() - began, 1),
        **_result(play),
    }


def _first_model(play: Play, start: datetime) -> None:
    theatre = play.theatre
    theatre.set_clock(start)
    play.say("training the first champion")
    answer = theatre.retrain("first model")
    if theatre.world.ledger.route(theatre.project.name) is None:
        raise ConfigurationError(
            f"the first model of {theatre.project.name} was refused: {answer.reason}"
        )
    play.say(f"gateway at {theatre.open_gateway()}")


def _day(play: Play, n: int, of: int, *, watch_every: int = 1) -> End:
    """Let the pipeline act at the end of a day, and return how the first challenger ended."""
    theatre = play.theatre
    before = theatre.route()
    if before.is_open:
        after = theatre.tick()
        play.say(f"day {n} of {of}: {_phase(after)}")
        if not after.is_open:
            play.say(f"{after.step}: {after.reason}")
            if after.step is Step.ROLLED_BACK:
                late = before.step is Step.PROMOTED
                return End.ROLLED_BACK_MONITOR if late else End.ROLLED_BACK_CANARY
            return _ENDS[after.step]
        return End.UNDECIDED
    play.say(f"day {n} of {of}: version {before.champion.number} serves")
    if n % watch_every == 0:
        play.alert()
    answers = theatre.world.ledger.entries(theatre.project.name, kind=Kind.ANSWER)
    ending = str(answers[-1].body["ending"])
    if ending.startswith("refused at "):
        return _STOPS[Gate(ending.removeprefix("refused at "))]
    return End.UNDECIDED


def _phase(route: Route) -> str:
    if route.beside is None:
        return f"version {route.champion.number} serves alone"
    return f"{route.step} {route.beside.share:.0%}, version {route.beside.version.number} beside"


def _result(play: Play) -> dict[str, Any]:
    theatre = play.theatre
    model, ledger = theatre.project.name, theatre.world.ledger
    serving, route = theatre.serving(), theatre.route()
    return {
        **tell(ledger, model),
        **_losses(play, ledger.routes(model)[0]),
        "serving": serving,
        "proved": serving["champion_digest"] == route.champion.digest
        and serving["epoch"] == route.epoch,
        "failed_requests": sum(day.failed for day in play.sent),
    }


def _losses(play: Play, first: Route) -> dict[str, Any]:
    """Loss of what was served, beside what the first model would have lost on the same rows."""
    project = play.theatre.project
    text, card = play.theatre.world.models.get(project.name, first.champion.digest)
    served: list[np.ndarray] = []
    never: list[np.ndarray] = []
    daily: list[dict[str, Any]] = []
    squares: list[np.ndarray] = []
    for day in play.sent:
        usable = day.answered & day.rows[project.roles.label].is_not_null().to_numpy()
        kept = day.rows.filter(usable)
        if kept.is_empty():
            continue
        labels = label_array(project, kept)
        answers, others = day.predictions[usable], predict(text, card, kept)
        a = row_losses(project, labels, answers, card.classes)
        b = row_losses(project, labels, others, card.classes)
        served.append(a)
        never.append(b)
        daily.append(
            {
                "at": str(kept[project.roles.event_time][0]),
                "served": float(np.mean(a)),
                "never": float(np.mean(b)),
                "n": kept.height,
            }
        )
        if project.task == "regression":
            squares.append(
                np.stack([(answers.ravel() - labels) ** 2, (others.ravel() - labels) ** 2])
            )
    result: dict[str, Any] = {
        "loss": project.loss,
        "loss_served": _mean(served),
        "loss_never": _mean(never),
        "daily": daily,
    }
    if squares:
        both = np.sqrt(np.concatenate(squares, axis=1).mean(axis=1))
        result["rmse_served"], result["rmse_never"] = (round(float(x), 3) for x in both)
    return result


def _mean(parts: list[np.ndarray]) -> float | None:
    return round(float(np.concatenate(parts).mean()), 6) if parts else None

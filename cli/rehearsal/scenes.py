"""Play one scenario, and say whether it ended as it must."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cli.rehearsal.periods import newly_matured
from cli.rehearsal.play import Play, Say, Stage, end_of_day, first_model
from cli.rehearsal.result import result_of
from simulation.scenario import End, Scenario, project_file
from simulation.traffic import Replay
from sixgates.adapters.project_files import load_project
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.gateway.split import beside_of
from sixgates.ledger.feed import broken_stretches
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step


def play_scenario(
    scenario: Scenario, home: Path, stage: Stage, say: Say, *, triggered: bool = False
) -> dict[str, Any]:
    """Play one scenario on a stage and return its result, plain values only.

    Args:
        scenario: What is played.
        home: Folder for its project file and its data.
        stage: Opens the theatre: with servers, or a virtual one.
        say: Takes lines of progress.
        triggered: Whether Prefect's automation starts the retrain.

    Raises:
        ConfigurationError: it has no day of traffic, or its first model was refused.
    """
    if scenario.live_days < 1:
        raise ConfigurationError(
            f"{scenario.name} has no day of traffic: let live_from_day, {scenario.live_from_day},"
            f" be less than the days of its world, {scenario.world.days}"
        )
    began = time.monotonic()
    path = home / "projects" / f"{scenario.name.replace('-', '_')}.py"
    data = home / "worlds" / f"{scenario.name}.parquet"
    for file in (path, data):
        file.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(project_file(scenario))
    frame = scenario.frame()
    scenario.lake(frame).write_parquet(data)
    theatre = stage(load_project(str(path)), str(path), str(data))
    play = Play(theatre, frame, say, triggered)
    first_model(play, scenario.world.moment(scenario.live_from_day))
    scenes = _Scenes(scenario, play, path, data)
    with theatre.replay(frame, scenario.sent) as replay:
        end = scenes.play(replay)
    told = result_of(play)
    return {
        "scenario": scenario.name,
        "teaches": scenario.teaches,
        "expected": scenario.expected,
        "actual": end,
        "ok": end == scenario.expected and told["proved"] and not told["failed_requests"],
        "seconds": round(time.monotonic() - began, 1),
        **told,
    }


@dataclass(slots=True)
class _Scenes:
    """The live days of a scenario."""

    scenario: Scenario
    on: Play
    path: Path
    """Of the project file."""
    data: Path
    """What the lake holds."""
    seen: dict[Step, int] = field(default_factory=dict)
    """The day on which a release was first in a step."""
    told: datetime | None = None
    """Up to when labels were sent, and kept by the gateway."""

    def play(self, replay: Replay) -> End:
        """Play day by day until the first challenger has ended, and return how."""
        for day in range(self.scenario.live_from_day, self.scenario.world.days):
            self._pass(day, replay)
            end = self._happen(day, replay)
            if end is End.UNDECIDED:
                end = self._judge(day)
            self._look(day)
            if end is not End.UNDECIDED:
                return end
        if self.on.alerts:
            return End.UNDECIDED
        theatre = self.on.theatre
        notices = theatre.world.ledger.entries(theatre.project.name, kind=Kind.NOTICE)
        return End.TOLD if broken_stretches(notices) else End.NOTHING

    def _pass(self, day: int, replay: Replay) -> None:
        """Let a day of traffic pass, and the labels come that are known by its end."""
        scenario, play = self.scenario, self.on
        until = scenario.world.moment(day + 1)
        rows = scenario.asked(scenario.world.rows_of(play.frame, day), day)
        if not rows.is_empty():
            play.send(replay, rows, self._kept(rows, day))
        play.theatre.set_clock(until)
        if scenario.labels_until_day is None or day < scenario.labels_until_day:
            self._tell(until, replay)

    def _tell(self, until: datetime, replay: Replay) -> None:
        """Send the labels known by a moment; those that are not kept are sent again tomorrow."""
        play, since = self.on, self.told or until - timedelta(days=1)
        try:
            replay.send_labels(*newly_matured(play.frame, play.theatre.project, since, until))
        except TransientError as exc:
            self.told = since
            play.say(f"labels wait: {exc}")
        else:
            self.told = until

    def _kept(self, rows: pl.DataFrame, day: int) -> np.ndarray | None:
        """Return which rows are sent: not all where clients of the canary give up."""
        route, lost = self.on.theatre.route(), self.scenario.lost_in_canary
        if not lost or route.beside is None or route.step is not Step.CANARY:
            return None
        units = rows[self.on.theatre.project.roles.entity or ""].to_list()
        theirs = np.zeros(rows.height, dtype=bool)
        theirs[beside_of(route.release, units, route.beside.share)] = True
        chance = np.random.default_rng([self.scenario.world.seed, day]).random(rows.height)
        return ~(theirs & (chance < lost))

    def _happen(self, day: int, replay: Replay) -> End:
        """Let happen what the scenario has on this day, and return whether that ended a release."""
        scenario, play, end = self.scenario, self.on, End.UNDECIDED
        if any(change.on == day for change in scenario.changes):
            self.path.write_text(project_file(scenario.changed(day)))
            play.theatre.project_changed()
        if scenario.migration is not None and scenario.migration[0] == day:
            self._fill_lake(day)
        for act in scenario.acts:
            if act.is_due(day, self.seen):
                play.say(str(act.deed))
                end = play.perform(act.deed, replay)
        return end

    def _judge(self, day: int) -> End:
        """Let the pipeline act; what somebody broke on purpose does not end the play."""
        scenario = self.scenario
        n, of = day - scenario.live_from_day + 1, scenario.live_days
        if not scenario.acts:
            return end_of_day(self.on, n, of)
        try:
            return end_of_day(self.on, n, of)
        except TransientError as exc:  # its schedule comes again
            self.on.say(f"day {n} of {of}: broke off, to be tried again: {exc}")
            return End.UNDECIDED
        except ContractError as exc:
            self.on.say(f"day {n} of {of}: broken until a person mends it: {exc}")
            return End.BROKEN

    def _look(self, day: int) -> None:
        """Note in which step the release is; the world may change once it is promoted."""
        step = self.on.theatre.route().step
        if step is Step.PROMOTED and step not in self.seen:
            self.on.frame = self.scenario.frame(day + 1)
            self._fill_lake(day)
        self.seen.setdefault(step, day)

    def _fill_lake(self, day: int) -> None:
        self.scenario.lake(self.on.frame, day).write_parquet(self.data)

"""What happens on stage: the first model, days of traffic, and how the pipeline acts after each."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl

from cli.rehearsal.deeds import do
from cli.rehearsal.theatre import Theatre
from simulation.acts import Deed
from simulation.scenario import End
from simulation.traffic import Replay, SentDay
from sixgates.gates.card import ModelCard, Task
from sixgates.gates.errors import ConfigurationError, PipelineError
from sixgates.gates.project import Project
from sixgates.gates.verdict import Gate, percent
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.route import Route, Step

Say = Callable[[str], None]
"""Takes a line of progress."""

Stage = Callable[[Project, str, str | None], Theatre]
"""Opens a theatre: for a project, what the flows load it by, and the address of its data."""

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
    first: tuple[str, ModelCard] | None = None
    """Text and card of the first model, once it is there."""
    address: str = ""
    """Where requests are sent at first, once the first model is served."""
    sent: list[SentDay] = field(default_factory=list)
    classes: list[tuple[str, ...]] = field(default_factory=list)
    """For each of them, in whose order its answers are: the classes of who was champion then."""
    alerts: list[Entry] = field(default_factory=list)

    def send(self, replay: Replay, rows: pl.DataFrame, kept: np.ndarray | None = None) -> None:
        """Send rows of a day; see `Replay.send`."""
        classes: tuple[str, ...] = ()
        if self.theatre.project.task is Task.MULTICLASS:
            route = self.theatre.route()
            _, card = self.theatre.world.models.get(route.model, route.champion.digest)
            classes = card.classes
        self.sent.append(replay.send(rows, kept))
        self.classes.append(classes)

    def alert(self) -> None:
        """Let the watch look, and a retrain answer what it raises."""
        raised = self.theatre.watch(announce=self.triggered)
        if raised is None:
            return
        self.alerts.append(raised)
        self.say(f"alert: {raised.reason}")
        if self.triggered:
            self.tell(self.theatre.await_answer(raised))
        else:
            self.retrain("drift", raised.seq)

    def retrain(self, trigger: str, alert: int | None = None) -> None:
        """Run gates 1 to 4; a run that broke has its answer on record too."""
        ledger, model = self.theatre.world.ledger, self.theatre.project.name
        before = len(ledger.entries(model, kind=Kind.ANSWER))
        try:
            self.theatre.retrain(trigger, alert)
        except PipelineError:
            if len(ledger.entries(model, kind=Kind.ANSWER)) == before:
                raise
        self.tell(ledger.entries(model, kind=Kind.ANSWER)[-1])

    def tell(self, answer: Entry) -> None:
        """Say how a run was answered."""
        self.say(f"{answer.body['ending']}: {answer.reason}")

    def perform(self, deed: Deed, replay: Replay) -> End:
        """Let something be done, and return whether a release ended by it."""
        before = self.theatre.route()
        if deed is Deed.RETRAIN:
            self.retrain("by hand")
        else:
            do(deed, self.theatre, replay)
        after = self.theatre.route()
        if not before.is_open:
            return End.UNDECIDED
        if after.release != before.release:
            return End.SUPERSEDED
        return End.UNDECIDED if after.is_open else End.BY_HAND


def first_model(play: Play, start: datetime) -> None:
    """Train the first champion as of a moment, and let a gateway serve it.

    Raises:
        ConfigurationError: a gate refused it.
    """
    theatre = play.theatre
    theatre.set_clock(start)
    play.say("training the first champion")
    answer = theatre.retrain("first model")
    if theatre.world.ledger.route(theatre.project.name) is None:
        raise ConfigurationError(
            f"the first model of {theatre.project.name} was refused: {answer.reason}"
        )
    route = theatre.route()
    play.first = theatre.world.models.get(route.model, route.champion.digest)
    play.address = theatre.open_gateway()
    play.say(f"answered at {play.address}")


def end_of_day(play: Play, n: int, of: int, *, watch_every: int = 1) -> End:
    """Let the pipeline act at the end of a day, and return how the first challenger ended.

    Args:
        play: So far.
        n: Which day this was, from 1.
        of: How many there are.
        watch_every: The watch looks every so many days.
    """
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
    if ending == "broken" and answers[-1].body["alert"] is not None:
        return End.BROKEN
    if ending.startswith("refused at "):
        return _STOPS[Gate(ending.removeprefix("refused at "))]
    return End.UNDECIDED


def _phase(route: Route) -> str:
    if route.beside is None:
        return f"version {route.champion.number} serves alone"
    return (
        f"{route.step} {percent(route.beside.share)}, version {route.beside.version.number} beside"
    )

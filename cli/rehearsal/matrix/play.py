"""Plays a walk with everything that can happen to it, and collects what was violated."""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import polars as pl

from cli.rehearsal.matrix import whole
from cli.rehearsal.matrix.client import Client, Failure
from cli.rehearsal.matrix.ends import Ends
from cli.rehearsal.matrix.faults import Fault
from cli.rehearsal.matrix.findings import Findings
from cli.rehearsal.matrix.points import Death, deaths
from cli.rehearsal.matrix.scenes import Scene
from cli.rehearsal.matrix.states import EMPTY, reach
from cli.rehearsal.matrix.town import START, Gateway, Town
from cli.rehearsal.matrix.walks import Walk, Walker
from cli.rehearsal.matrix.whole import Facts
from sixgates.adapters.clocks import FileClock
from sixgates.adapters.segment_log import SegmentLog
from sixgates.gates.errors import ContractError
from sixgates.gates.records import Arm
from sixgates.ledger.route import Step

BACK_SECONDS = 2.0
"""Within so long a gateway that was killed must answer again."""
NOTICED_SECONDS = 0.5
PLAIN, PATIENT = "plain", "patient"
"""Names of the client that asks one gateway once, and of the one that tries both again."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A walk that nobody killed."""

    end: Facts
    intents: Counter[str]
    """Effect to how often it was intended."""
    writes: int


@dataclass(slots=True)
class Stage:
    """Where scenes are played."""

    town: Town
    walker: Walker
    say: Callable[[str], None]
    """Takes a line of progress."""
    findings: Findings = field(default_factory=Findings)
    _known: dict[Scene, Undisturbed] = field(default_factory=dict)

    def reach(self, state: str) -> None:
        """Bring the town into a state; no gateway may run."""
        reach(state, self.town, self.walker, self.say)

    def violated(self, place: str, kind: str, sentences: Sequence[str]) -> None:
        """Keep what was violated at a place, and tell it at once."""
        for sentence in sentences:
            self.findings.violations[kind].append(f"{place}: {sentence}")
            self.say(f"VIOLATED at {place}, {kind}: {sentence}")

    def play_deaths(self, scene: Scene, chosen: Callable[[Sequence[Death]], list[Death]]) -> None:
        """Play a scene undisturbed, and then with every death in it that is chosen.

        Args:
            scene: The walk.
            chosen: Takes all places to die at and returns those to play, repeats among them.

        Raises:
            ContractError: the undisturbed walk broke, or rolled nothing back where it should.
        """
        walk = self._undisturbed(scene)
        places = chosen(list(deaths(walk.intents, walk.writes)))
        self.findings.points += len({death.name for death in places})
        for n, death in enumerate(places, 1):
            self.say(f"{scene.name}: {n} of {len(places)}, killed at {death.name}")
            self._die(scene, death, walk.end)

    def play_fault(self, scene: Scene, fault: Fault) -> None:
        """Play a scene undisturbed, and then with a fault around its walk.

        Raises:
            ContractError: the undisturbed walk broke.
        """
        undisturbed = self._undisturbed(scene).end
        place = f"{scene.name}, {fault.name}"
        self.say(place)
        self.findings.plays += 1
        self.reach(scene.state)
        loses = fault.ends is Ends.OTHERWISE
        with self.open(scene, place, gateways=2, loses=loses) as gateway:
            with fault.begin(self.town, gateway) as environment:
                walk = self.walker.act(scene.act, spoilt=scene.spoilt, **environment)
                during = self.walker.look()
                self._require_champion(place, during)
                if scene.is_rollback and fault.leaves_rollback:
                    self.violated(place, "rollback", whole.taken_back(during))
            self._require_sentence(place, walk)
            seen = self._settled(scene, place, undisturbed)
            self._compare(place, seen, seen, undisturbed, fault.ends)

    def play_record(self, scene: Scene, record: str, n: int) -> None:
        """Play a scene while a gateway dies around its n-th record of a kind.

        Args:
            scene: The walk.
            record: Kind and moment; one of `RECORDS`.
            n: At which write of that kind.
        """
        place = f"{record}:{n}"
        self.say(f"{scene.name}, gateway killed at {place}")
        self.findings.plays += 1
        self.reach(scene.state)
        with self.open(scene, place, gateways=2, dies_at=place) as gateway:
            try:
                gateway.rise()
            except subprocess.TimeoutExpired:
                self.violated(place, "unreached", ["the gateway came not so far"])
            self.settle(place)

    def settle(self, place: str) -> Facts:
        """Tick twice; all must agree then, and one champion serve."""
        for _ in range(2):
            self._require_sentence(place, self.walker.act("tick"))
        seen = self.walker.look()
        self._require_champion(place, seen)
        self.violated(place, "disagreement", seen["differences"])
        return seen

    def _undisturbed(self, scene: Scene) -> Undisturbed:
        if scene not in self._known:
            self._known[scene] = self._played(scene)
        return self._known[scene]

    def _played(self, scene: Scene) -> Undisturbed:
        self.reach(scene.state)
        self.say(f"{scene.name}: nobody is killed")
        with self.open(scene, f"{scene.name}, undisturbed"):
            before = self.walker.look()
            walk = self.walker.act(scene.act, spoilt=scene.spoilt)
            if walk.said is None:
                raise ContractError(f"{scene.name} fails undisturbed: {walk.refused or walk.broke}")
            intents = Counter(self.walker.look()["intents"]) - Counter(before["intents"])
            end = self.settle(scene.name)
            if scene.is_rollback and end["routes"][-1]["step"] != Step.ROLLED_BACK:
                raise ContractError(f"{scene.name} rolls nothing back undisturbed: {end['routes']}")
            return Undisturbed(end, intents, walk.writes)

    def _die(self, scene: Scene, death: Death, undisturbed: Facts) -> None:
        place = f"{scene.name}, {death.name}"
        self.reach(scene.state)
        with self.open(scene, place):
            self.findings.plays += 1
            walk = self.walker.act(scene.act, spoilt=scene.spoilt, **death.environment)
            if not walk.killed:
                self.violated(place, "unreached", ["the walk came to its end without it"])
            self.findings.effects[death.name.partition(":")[0]] += walk.killed
            died = self.walker.look()
            self._require_champion(place, died)
            self.violated(place, "champions", whole.unknown(died))
            seen = self._settled(scene, place, undisturbed)
            self._compare(place, died, seen, undisturbed, Ends.ALIKE)

    def _settled(self, scene: Scene, place: str, undisturbed: Facts) -> Facts:
        """Let two ticks settle what was left; who asked for a walk without an end asks again."""
        if scene.by_hand and not _ended(scene, self.walker.look(), undisturbed):
            # A person waits for no tick.
            self._require_sentence(place, self.walker.act(scene.act))
        seen = self.settle(place)
        if not _ended(scene, seen, undisturbed):
            self._require_sentence(place, self.walker.act(scene.act, spoilt=scene.spoilt))
            seen = self.settle(place)
        return seen

    def _compare(
        self, place: str, died: Facts, seen: Facts, undisturbed: Facts, ends: Ends
    ) -> None:
        for kind, said in whole.differences(died, seen, undisturbed, ends).items():
            self.violated(place, kind, said)

    def _require_champion(self, place: str, seen: Facts) -> None:
        self.violated(place, "champions", whole.champions(seen))

    def _require_sentence(self, place: str, walk: Walk) -> None:
        """Whatever went wrong, a walk ends in a sentence that names it."""
        if walk.broke:
            self.violated(place, "unforeseen", [walk.broke.strip().rpartition("\n")[2]])

    @contextmanager
    def open(
        self,
        scene: Scene,
        place: str,
        *,
        gateways: int = 1,
        dies_at: str = "",
        loses: bool = False,
    ) -> Iterator[Gateway]:
        """Lend the first gateway, which a client asks all along, and judge what was seen.

        Args:
            scene: Who must be served is part of its state.
            place: What is played, for what is found.
            gateways: With two, another client has patience, and asks both.
            dies_at: Where the first gateway dies by itself; see `mortal_gateway`.
            loses: Whether a gateway may fail to log answers, as long as it counts them.
        """
        opened = self.town.open_gateways(gateways, dies_at=dies_at)
        urls, given = [gateway.url for gateway in opened], (self.town.project, self._rows())
        clients = [Client(PLAIN, urls[:1], *given, again=False)]
        if gateways > 1:
            clients.append(Client(PATIENT, urls, *given, again=True))
        try:
            for client in clients:
                client.start()
                if scene.state != EMPTY and not client.wait_for_answer():
                    raise ContractError(f"nobody answers in the state {scene.state}")
            yield opened[0]
            for client in clients:
                client.stop()
            self._judge(place, clients, opened, loses=loses)
        finally:
            for client in clients:
                client.stop()
            for gateway in opened:
                gateway.kill()

    def _judge(
        self, place: str, clients: Sequence[Client], gateways: Sequence[Gateway], *, loses: bool
    ) -> None:
        """Judge what clients saw, and whether what they were told is on record."""
        found, away = self.findings, gateways[0].deaths
        for client in clients:
            excused = away if client.name == PLAIN else []
            failures = [f.what for f in client.failures if not _excused(f, excused)]
            found.requests += len(client.acknowledged) + len(client.failures)
            for failure in failures:
                found.failures.append(f"{place}: {failure}")
                self.say(f"FAILED at {place}: {failure}")
        late = [back - died for died, back in away if back - died >= BACK_SECONDS]
        self.violated(place, "late gateways", [f"it was away for {s:.1f} s" for s in late])

        log, model = SegmentLog(self.town.home / "log"), self.town.project.name
        answers = log.predictions(model, START).filter(pl.col("arm") != Arm.SHADOW)
        labels = log.labels(model)
        missing: list[str] = []
        for client in clients:
            theirs = pl.col("request").str.starts_with(client.name)
            answered = answers.filter(theirs)["request"].to_list()
            missing += whole.lost(client.acknowledged, answered)
            if client.name == PLAIN:  # what another asked twice may be there twice: it counts once
                self.violated(place, "predictions", whole.doubled(answered))
            labelled = labels.filter(theirs)["request"].to_list()
            lost = whole.lost(client.labelled, labelled)
            self.violated(place, "labels", [f"{name} is not on record" for name in lost])
            self.violated(place, "labels", whole.doubled(labelled))
        if len(missing) > (sum(gateway.unlogged() for gateway in gateways) if loses else 0):
            self.violated(place, "predictions", [f"{name} is not on record" for name in missing])

    def _rows(self) -> pl.DataFrame:
        """Rows of the day that the clock shows."""
        now = FileClock(self.town.clock).now()
        today = pl.col(self.town.project.roles.event_time).is_between(now - timedelta(days=1), now)
        return self.town.frame.filter(today)


def _ended(scene: Scene, seen: Facts, undisturbed: Facts) -> bool:
    key = "answers" if scene.act == "retrain" else "routes"
    return len(seen[key]) >= len(undisturbed[key])


def _excused(failure: Failure, deaths: Sequence[tuple[float, float]]) -> bool:
    """Whether a request was under way while its gateway was dead; a death is noticed late."""
    return any(
        failure.began <= back and failure.ended >= died - NOTICED_SECONDS for died, back in deaths
    )

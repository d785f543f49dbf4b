"""One rehearsal: a world, what is wrong in it, and how the pipeline must end."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import polars as pl

from projects.loans import project as loans
from simulation.acts import Act, Change
from simulation.drift import ShiftKind
from simulation.faults import Fault, as_stored
from simulation.skew import ServeSkew
from simulation.world import World
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.project import Project


class End(StrEnum):
    """How a scenario ends: what became of the first challenger."""

    NOTHING = "nothing happened"
    STOPPED_VALIDATE = "stopped at gate 1"
    STOPPED_RETRAIN = "stopped at gate 2"
    STOPPED_EVALUATE = "stopped at gate 3"
    STOPPED_COMPARE = "stopped at gate 4"
    ROLLED_BACK_CANARY = "rolled back by gate 5"
    EXPIRED = "expired without enough evidence"
    ROLLED_BACK_MONITOR = "rolled back by gate 6"
    CONFIRMED = "promoted and confirmed"
    TOLD = "not retrained: the owner of the feed was told"
    BROKEN = "broken off, the champion serves on"
    BY_HAND = "ended by a person"
    SUPERSEDED = "gave way to a newer challenger"
    UNDECIDED = "undecided when the days ran out"


@dataclass(frozen=True, slots=True)
class Quiet:
    """Days on which only a part of the requests comes."""

    from_day: int
    share: float
    """Share of a day's rows that are asked for, 0 to 1."""
    until_day: float = float("inf")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One rehearsal: a world, what is wrong in it, and what must come of it."""

    name: str
    teaches: str
    """One sentence for the reader."""
    expected: End
    world: World
    live_from_day: int
    """The first model is trained on what is known on this day; traffic begins with it."""
    truth: tuple[Fault, ...] = ()
    """How the rows that truly come differ from those of the world."""
    faults: tuple[Fault, ...] = ()
    """What the lake holds wrongly; live requests are sound."""
    serve_skew: ServeSkew | None = None
    """What live requests carry wrongly; the lake is sound."""
    revert_after_promotion_days: int | None = None
    """So many days after the promotion what the features mean is as before the drift."""
    migration: tuple[int, Fault] | None = None
    """A day, and what from then on every row of the lake is like, old ones included."""
    quiet: tuple[Quiet, ...] = ()
    """When fewer requests come."""
    lost_in_canary: float = 0.0
    """Share of the requests that a canary should answer and that never come: clients gave up."""
    labels_until_day: int | None = None
    """The day on which labels no longer reach the gateway; the lake still has them."""
    acts: tuple[Act, ...] = ()
    """What people and machines do meanwhile."""
    changes: tuple[Change, ...] = ()
    """What becomes of the project meanwhile."""
    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Changes of the loans project: `trainer`, or the name of a policy, to its new entries."""

    def __post_init__(self) -> None:
        """Refuse a story that cannot be told as it stands: what never happens proves nothing."""
        live, days = range(self.live_from_day, self.world.days), range(self.world.days)
        told = (*self.world.shifts, *self.truth, *self.faults, *self.quiet, self.serve_skew)
        begun: list[tuple[object, float, range]] = [
            (what, getattr(what, "from_day", 0), days) for what in told
        ]
        begun += [(act, act.on + act.after, live) for act in self.acts if isinstance(act.on, int)]
        begun += [(change, change.on, live) for change in self.changes]
        if self.migration is not None:
            begun.append((self.migration[1], self.migration[0], live))
        for what, day, within in begun:
            if day >= within.stop or (within is live and day < live.start):
                raise ConfigurationError(
                    f"{what} never happens in {self.name}: its traffic is of the days"
                    f" {live.start} to {live.stop - 1}"
                )
        if self.changes:
            self.changed(self.world.days)
        _ = self.project  # whose fields refuse what they do not know

    @property
    def live_days(self) -> int:
        """Days of live traffic."""
        return self.world.days - self.live_from_day

    def changed(self, day: int) -> "Scenario":
        """Return this scenario with the overrides as they are on a day of the world."""
        merged = dict(self.overrides)
        for change in self.changes:
            if change.on <= day:
                for name, entries in change.overrides.items():
                    merged[name] = {**merged.get(name, {}), **entries}
        later = tuple(change for change in self.changes if change.on > day)
        return replace(self, overrides=merged, changes=later)

    @property
    def project(self) -> Project:
        """The loans project under the scenario's name, with the overrides, validated."""
        policies = loans.policies.model_dump()
        for name, changes in self.overrides.items():
            if name != "trainer":
                policies[name] = policies.get(name, {}) | changes
        own = {
            "name": f"loans-{self.name}",
            "trainer": loans.trainer | self.overrides.get("trainer", {}),
            "policies": policies,
        }
        return Project.model_validate(dict(loans) | own)

    def frame(self, promoted_on_day: int | None = None) -> pl.DataFrame:
        """Return what truly happens, given the day of the promotion, or None before there is one.

        Rows before the reversal are the same either way.
        """
        world = self.world
        if promoted_on_day is None or self.revert_after_promotion_days is None:
            frame = world.frame()
        else:
            day = promoted_on_day + self.revert_after_promotion_days
            frame = world.spliced(world.reverted(day, ShiftKind.CONCEPT), day)
        return as_stored(frame, world.start, self.truth, seed=world.seed)

    def lake(self, frame: pl.DataFrame, day: int = 0) -> pl.DataFrame:
        """Return the rows of `frame` as the lake holds them on a day of the world."""
        faults = self.faults
        if self.migration is not None and day >= self.migration[0]:
            faults = (*faults, self.migration[1])
        return as_stored(frame, self.world.start, faults, seed=self.world.seed)

    def asked(self, rows: pl.DataFrame, day: int) -> pl.DataFrame:
        """Return those rows of a day that requests come for: the first ones."""
        shares = [q.share for q in self.quiet if q.from_day <= day < q.until_day]
        return rows.head(round(rows.height * min(shares, default=1.0)))

    def sent(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return what live requests carry of the rows: the `serve_skew` of a `Replay`."""
        if self.serve_skew is None:
            return rows
        return self.serve_skew.since(self.world.moment(self.serve_skew.from_day))(rows)


def project_file(scenario: Scenario) -> str:
    """Return the source of a project file, so that other processes can load the project by path."""
    lines = [
        repr(f"Loans, as rehearsed in the scenario {scenario.name}: {scenario.teaches}"),
        "",
        *(["import datetime", ""] if "datetime." in repr(scenario.overrides) else []),
        "from projects.loans import project as base",
        "from sixgates.gates.policy import Policies",
        "",
        "policies = base.policies.model_dump()",
    ]
    for name, changes in scenario.overrides.items():
        if name != "trainer":
            lines.append(f'policies["{name}"] |= {changes!r}')
    trainer = loans.trainer | scenario.overrides.get("trainer", {})
    lines += [
        "project = base.model_copy(",
        "    update={",
        f'        "name": "loans-{scenario.name}",',
        f'        "trainer": {trainer!r},',
        '        "policies": Policies.model_validate(policies),',
        "    }",
        ")",
    ]
    return "\n".join(lines) + "\n"

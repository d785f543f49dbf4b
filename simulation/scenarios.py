"""The core scenarios: six worlds that teach one thing each, and how each must end.

Days count from the start of the world. All share one seed and one clock: forty days of history,
then live traffic of 400 rows a day. The drift of most is one story in two acts. First inquiries at
the credit bureau, which meant nothing, begin to mean risk: no input looks different. A week later
they also grow more frequent, which the watch sees; by then the lake holds enough of the new world
to learn it, even though the newest fifth is kept for the holdout.
"""

from datetime import datetime, timedelta

from simulation.drift import Shift, ShiftKind
from simulation.faults import Garbage, WrongLabels
from simulation.scenario import End, Scenario, project_file
from simulation.skew import ServeSkew
from simulation.world import World

__all__ = ["CORE", "End", "Scenario", "project_file"]

START = datetime(2026, 1, 5)  # noqa: DTZ001 - naive UTC throughout; a Monday
SEED = 2
LIVE = 40
"""The first model is trained on this day."""
MEANING = 41
"""Inquiries begin to mean risk."""
INPUTS = 48
"""Inquiries grow more frequent: what the watch can see."""

TWO_ACTS = (
    Shift(ShiftKind.CONCEPT, MEANING, size=1.2, feature="inquiries"),
    Shift(ShiftKind.COVARIATE, INPUTS, size=1.2, feature="inquiries"),
)


def _world(live_days: int, *shifts: Shift) -> World:
    return World(seed=SEED, start=START, days=LIVE + live_days, rows_per_day=400, shifts=shifts)


CORE: tuple[Scenario, ...] = (
    Scenario(
        name="healthy-drift",
        teaches="The world moves for good, and a model that learnt the new world takes over.",
        expected=End.CONFIRMED,
        world=_world(45, *TWO_ACTS),
        live_from_day=LIVE,
    ),
    Scenario(
        name="garbage-data",
        teaches="The world moves while the lake fills with impossible values: nothing is trained.",
        expected=End.STOPPED_VALIDATE,
        world=_world(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(Garbage(from_day=INPUTS, share=0.6),),
    ),
    Scenario(
        name="worse-model",
        teaches="A broken join spoilt the training labels, so the retrained model is worse.",
        expected=End.STOPPED_COMPARE,
        # What the inputs mean stays, so the champion is as good as ever when they move.
        world=_world(
            28,
            Shift(ShiftKind.COVARIATE, 58, size=1.5, feature="income"),
            Shift(ShiftKind.COVARIATE, 58, size=1.0, feature="utilisation"),
        ),
        live_from_day=LIVE,
        # After the champion's last known label (day 38), and mended before the holdout begins.
        faults=(WrongLabels(from_day=38, until_day=53, share=0.75),),
        # Long enough that the spoilt stretch is most of what is learnt from.
        overrides={"training": {"window": timedelta(days=20)}},
    ),
    Scenario(
        name="canary-regression",
        teaches="Good on stored rows, bad on live ones: the service never fills a column it uses.",
        expected=End.ROLLED_BACK_CANARY,
        world=_world(45, *TWO_ACTS),
        live_from_day=LIVE,
        # The champion learnt to ignore inquiries, so nobody noticed until a model needed them.
        serve_skew=ServeSkew("no-inquiries", from_day=LIVE),
        # Gate 1 would stop it: even a champion that hardly uses the column answered otherwise.
        # Without that check the canary has to find it.
        overrides={"validation": {"max_skew": None}},
    ),
    Scenario(
        name="late-regression",
        teaches="Rightly promoted, then inquiries mean nothing again: the old model returns.",
        expected=End.ROLLED_BACK_MONITOR,
        world=_world(45, *TWO_ACTS),
        live_from_day=LIVE,
        revert_after_promotion_days=2,
    ),
    Scenario(
        name="no-drift",
        teaches="Nothing moves, and nothing happens.",
        expected=End.NOTHING,
        world=_world(25),
        live_from_day=LIVE,
    ),
)
"""In the order in which they are best shown."""

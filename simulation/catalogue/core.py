"""The core scenarios: six worlds that teach one thing each, and how each must end."""

from datetime import timedelta

from simulation.catalogue.common import INPUTS, LIVE, TWO_ACTS, live
from simulation.drift import Shift, ShiftKind
from simulation.faults import Garbage, WrongLabels
from simulation.scenario import End, Scenario
from simulation.skew import ServeSkew

CORE: tuple[Scenario, ...] = (
    Scenario(
        name="healthy-drift",
        teaches="The world moves for good, and a model that learnt the new world takes over.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
    ),
    Scenario(
        name="garbage-data",
        teaches="The world moves while the lake fills with impossible values: nothing is trained.",
        expected=End.STOPPED_VALIDATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(Garbage(from_day=INPUTS, share=0.6),),
    ),
    Scenario(
        name="worse-model",
        teaches="A broken join spoilt the training labels, so the retrained model is worse.",
        expected=End.STOPPED_COMPARE,
        # What the inputs mean stays, so the champion is as good as ever when they move.
        world=live(
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
        world=live(45, *TWO_ACTS),
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
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        revert_after_promotion_days=2,
    ),
    Scenario(
        name="no-drift",
        teaches="Nothing moves, and nothing happens.",
        expected=End.NOTHING,
        world=live(25),
        live_from_day=LIVE,
    ),
)
"""In the order in which they are best shown."""

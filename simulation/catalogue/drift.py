"""How the world moves: each kind of drift once."""

from datetime import timedelta

from simulation.catalogue.common import INPUTS, LIVE, live
from simulation.drift import Shift, ShiftKind
from simulation.scenario import End, Scenario

_CONCEPT, _COVARIATE, _PRIOR = ShiftKind.CONCEPT, ShiftKind.COVARIATE, ShiftKind.PRIOR

DRIFT: tuple[Scenario, ...] = (
    Scenario(
        name="sudden-drift",
        teaches="All changes overnight: three days of a new world are too few to learn from.",
        expected=End.STOPPED_EVALUATE,
        world=live(
            20,
            Shift(_CONCEPT, 46, size=1.2, feature="inquiries"),
            Shift(_COVARIATE, 46, size=1.2, feature="inquiries"),
        ),
        live_from_day=LIVE,
    ),
    Scenario(
        name="gradual-drift",
        teaches="The same change over two weeks: the watch finds it on the way.",
        expected=End.CONFIRMED,
        world=live(
            50,
            Shift(_CONCEPT, 41, size=1.2, feature="inquiries", ramp_days=14),
            Shift(_COVARIATE, 44, size=1.2, feature="inquiries", ramp_days=14),
        ),
        live_from_day=LIVE,
    ),
    Scenario(
        name="incremental-drift",
        teaches="The world moves in three steps: a model of the second is better than the first's.",
        expected=End.CONFIRMED,
        world=live(
            50,
            *(Shift(_CONCEPT, day, size=0.5, feature="inquiries") for day in (41, 46, 51)),
            *(Shift(_COVARIATE, day, size=0.5, feature="inquiries") for day in (44, 49, 54)),
        ),
        live_from_day=LIVE,
    ),
    Scenario(
        name="recurring-drift",
        teaches="What came for two weeks goes again before the new model may answer anybody.",
        expected=End.ROLLED_BACK_CANARY,
        world=live(
            45,
            Shift(_CONCEPT, 41, size=1.2, feature="inquiries", until_day=55),
            Shift(_COVARIATE, INPUTS, size=1.2, feature="inquiries"),
        ),
        live_from_day=LIVE,
    ),
    Scenario(
        name="seasonal-drift",
        teaches="An input swings with a season that training never saw, and means nothing.",
        expected=End.CONFIRMED,
        world=live(45, Shift(_COVARIATE, 44, size=1.2, feature="inquiries", period_days=28)),
        live_from_day=LIVE,
    ),
    Scenario(
        name="prior-shift",
        teaches="Twice as many default, whoever asks: the loss tells, and a new model knows.",
        expected=End.CONFIRMED,
        world=live(45, Shift(_PRIOR, 44, size=1.0)),
        live_from_day=LIVE,
    ),
    Scenario(
        name="harmless-shift",
        teaches="An input moves that costs nothing; a trigger on the loss asks for no retrain.",
        expected=End.NOTHING,
        world=live(16, Shift(_COVARIATE, 44, size=1.2, feature="inquiries")),
        live_from_day=LIVE,
        overrides={"watch": {"trigger": {"on": "loss"}}},
    ),
    Scenario(
        name="hidden-concept",
        teaches="What inputs mean changes and no input moves: the labels tell, days later.",
        expected=End.CONFIRMED,
        world=live(50, Shift(_CONCEPT, 42, size=-1.8, feature="debt_ratio")),
        live_from_day=LIVE,
    ),
    Scenario(
        name="one-region-drift",
        teaches="Only one region moves, and the model that learnt it costs the others nothing.",
        expected=End.CONFIRMED,
        world=live(
            50,
            Shift(_CONCEPT, 41, size=2.0, feature="inquiries", region="south"),
            Shift(_COVARIATE, INPUTS, size=2.0, feature="inquiries", region="south"),
        ),
        live_from_day=LIVE,
    ),
    Scenario(
        name="world-without-rules",
        teaches="What used to tell defaulters no longer does, and no challenger is good enough.",
        expected=End.STOPPED_EVALUATE,
        world=live(
            30,
            Shift(_CONCEPT, 42, size=0.7, feature="income"),
            Shift(_CONCEPT, 42, size=-0.9, feature="debt_ratio"),
            Shift(_CONCEPT, 42, size=-0.9, feature="utilisation"),
            Shift(_CONCEPT, 42, size=0.35, feature="age"),
        ),
        live_from_day=LIVE,
        overrides={"training": {"window": timedelta(days=6)}},
    ),
)

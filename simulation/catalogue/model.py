"""What is wrong with a model, and which gate finds it."""

from simulation.acts import Act, Change, Deed
from simulation.catalogue.common import LIVE, TWO_ACTS, live
from simulation.faults import Poisoned
from simulation.scenario import End, Scenario
from simulation.skew import ServeSkew
from sixgates.ledger.route import Step

CHANGE = 45
"""The day on which somebody changes how models are made."""

MODEL: tuple[Scenario, ...] = (
    Scenario(
        name="overfit-model",
        teaches="Trees that learn each row by heart are worse than the base rate on other rows.",
        expected=End.STOPPED_RETRAIN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(
            Change(
                CHANGE,
                {
                    "trainer": {"num_leaves": 500, "min_data_in_leaf": 1, "learning_rate": 1.0},
                    "training": {"early_stopping": 300},
                },
            ),
        ),
    ),
    Scenario(
        name="serve-skew",
        teaches="The service never fills a column that the lake has: gate 1 sees it in the log.",
        expected=End.STOPPED_VALIDATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        serve_skew=ServeSkew("income-in-thousands", from_day=LIVE),
    ),
    Scenario(
        name="slow-model",
        teaches="A model slower than it may be is refused before it meets anybody.",
        expected=End.STOPPED_EVALUATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        # A microsecond a row: no model of trees is that quick, on whatever machine.
        changes=(Change(CHANGE, {"evaluation": {"max_latency_ms": 1e-6}}),),
    ),
    Scenario(
        name="large-model",
        teaches="A model larger than it may be is refused.",
        expected=End.STOPPED_EVALUATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"evaluation": {"max_size_mb": 0.001}}),),
    ),
    Scenario(
        name="hungry-training",
        teaches="Training that takes more memory than it may is stopped.",
        expected=End.STOPPED_RETRAIN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"training": {"max_memory_mb": 1.0}}),),
    ),
    Scenario(
        name="endless-training",
        teaches="Training that takes longer than it may is stopped.",
        expected=End.STOPPED_RETRAIN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"training": {"max_seconds": 1e-6}}),),
    ),
    Scenario(
        name="wrong-in-one-region",
        teaches="A branch never reported its defaults: right elsewhere, and wrong in the north.",
        expected=End.STOPPED_EVALUATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(Poisoned(LIVE - 2, "region", "north", until_day=47),),
    ),
    Scenario(
        name="miscalibrated-model",
        teaches="Defaults weigh ten times: the order is right, and the Brier score sees the rest.",
        expected=End.STOPPED_COMPARE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"trainer": {"scale_pos_weight": 10.0}}),),
    ),
    Scenario(
        name="wild-training",
        teaches="A learning rate beyond reason: one look at other rows is enough.",
        expected=End.STOPPED_RETRAIN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"trainer": {"learning_rate": 1e308}}),),
    ),
    Scenario(
        name="non-finite-answers",
        teaches="A training as if of counts answers infinity here and there: that is no answer.",
        expected=End.STOPPED_RETRAIN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        changes=(Change(CHANGE, {"trainer": {"objective": "poisson", "learning_rate": 1e4}}),),
    ),
    Scenario(
        name="spoilt-champion",
        teaches="The champion's file was changed: no comparison is better than a wrong one.",
        expected=End.BROKEN,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.SPOIL_CHAMPION, CHANGE),),
    ),
    Scenario(
        name="spoilt-challenger",
        teaches="The challenger's file was changed: nobody judges by it, and no gateway loads it.",
        expected=End.BROKEN,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(
            Act(Deed.SPOIL_CHALLENGER, Step.SHADOW),
            Act(Deed.RESTART_GATEWAY, Step.SHADOW),
        ),
    ),
)

"""How data goes wrong on its way into the lake, and labels on theirs."""

from datetime import timedelta

from simulation.catalogue.common import INPUTS, LIVE, TWO_ACTS, live
from simulation.faults import LateDefaults, Leak, Poisoned, WrongLabels
from simulation.feeds import (
    Broken,
    CategoryExplosion,
    ColumnSwap,
    DuplicateBatch,
    NullBurst,
    Recoding,
    SchemaBreak,
    StaleBatch,
    StuckColumn,
    UnitChange,
    VolumeCollapse,
)
from simulation.scenario import End, Scenario

FAULT = 46
"""The day on which a feed breaks."""

DATA: tuple[Scenario, ...] = (
    Scenario(
        name="null-burst",
        teaches="A join finds nothing and income is null: its owner is told, nothing is retrained.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(NullBurst(("income",), FAULT, share=0.6),),
    ),
    Scenario(
        name="unit-change",
        teaches="Income comes in thousands: that is a broken feed, and no poorer world.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(UnitChange("income", FAULT, factor=0.001),),
    ),
    Scenario(
        name="swapped-columns",
        teaches="Two columns change places: each looks like the other, which no drift does.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(ColumnSwap("age", "inquiries", FAULT),),
    ),
    Scenario(
        name="swapped-look-alikes",
        teaches="Two much alike change places: the watch takes it for drift, gate 1 asks the log.",
        expected=End.STOPPED_VALIDATE,
        world=live(12),
        live_from_day=LIVE,
        faults=(ColumnSwap("debt_ratio", "utilisation", FAULT),),
    ),
    Scenario(
        name="duplicate-batch",
        teaches="Every delivery is loaded twice: rows that come again teach nothing.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(DuplicateBatch(FAULT),),
    ),
    Scenario(
        name="stale-batch",
        teaches="Yesterday's rows come again under today's date.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(StaleBatch("ts", FAULT),),
    ),
    Scenario(
        name="stuck-column",
        teaches="A look-up repeats its last value: utilisation is the same for everybody.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(StuckColumn("utilisation", FAULT),),
    ),
    Scenario(
        name="schema-break",
        teaches="A migration renames a column of the lake: the watch says which one is missing.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        migration=(FAULT, SchemaBreak(("income",), Broken.RENAMED)),
    ),
    Scenario(
        name="exploded-category",
        teaches="A column of four products suddenly holds thousands.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(CategoryExplosion("product", FAULT, Recoding.IDS),),
    ),
    Scenario(
        name="volume-collapse",
        teaches="One row in twenty arrives: too few to say anything about the world.",
        expected=End.TOLD,
        world=live(12),
        live_from_day=LIVE,
        faults=(VolumeCollapse(FAULT, share=0.05),),
    ),
    Scenario(
        name="label-leak",
        teaches="A column is filled once the outcome is known: too good to be learnt from.",
        expected=End.STOPPED_VALIDATE,
        world=live(20),
        live_from_day=LIVE,
        faults=(Leak(FAULT),),
    ),
    Scenario(
        name="late-defaults",
        teaches="Who pays is known at once, who does not only later: no world got that good.",
        expected=End.STOPPED_VALIDATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(LateDefaults(FAULT, share=0.9),),
    ),
    Scenario(
        name="no-more-labels",
        teaches="Outcomes are no longer reported: without them nobody is promoted.",
        expected=End.EXPIRED,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        labels_until_day=INPUTS,
        overrides={"canary": {"deadline": timedelta(days=10)}},
    ),
    Scenario(
        name="label-noise",
        teaches="A fifth of the labels was always another row's: that is no drift.",
        expected=End.NOTHING,
        world=live(15),
        live_from_day=LIVE,
        faults=(WrongLabels(from_day=0, until_day=float("inf"), share=0.2),),
    ),
    Scenario(
        name="poisoned-labels",
        teaches="Somebody erases the defaults of one product: live labels tell otherwise.",
        expected=End.ROLLED_BACK_CANARY,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(Poisoned(LIVE - 2, "product", "cash"),),
    ),
    Scenario(
        name="drift-in-a-broken-feed",
        teaches="The world moves while half of a column is null: first the feed, then the model.",
        expected=End.TOLD,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(NullBurst(("income", "age"), INPUTS, share=0.5),),
    ),
)

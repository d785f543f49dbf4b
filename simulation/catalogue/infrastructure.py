"""What breaks below the pipeline, and what it does then."""

from datetime import timedelta

from simulation.acts import Act, Deed
from simulation.catalogue.common import INPUTS, LIVE, TWO_ACTS, live
from simulation.faults import Garbage
from simulation.scenario import End, Scenario
from sixgates.ledger.route import Step

INFRASTRUCTURE: tuple[Scenario, ...] = (
    Scenario(
        name="gateway-restarted",
        teaches="The gateway restarts in mid-canary: everybody meets the arm they met before.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.RESTART_GATEWAY, Step.CANARY),),
    ),
    Scenario(
        name="gateway-killed",
        teaches="The gateway is killed in mid-canary: what it acknowledged is in the log.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.KILL_GATEWAY, Step.CANARY),),
    ),
    Scenario(
        name="clock-jump",
        teaches="The clock jumps back a day and forth again: what was judged stays judged.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.SET_CLOCK_BACK, 50), Act(Deed.SET_CLOCK_BACK, Step.CANARY, after=1)),
    ),
    Scenario(
        name="registry-down-at-retrain",
        teaches="The registry is away when the alert comes: it is answered once it is back.",
        expected=End.CONFIRMED,
        world=live(50, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.LOSE_REGISTRY, 47), Act(Deed.RESTORE_REGISTRY, 52)),
    ),
    Scenario(
        name="registry-down-in-canary",
        teaches="The registry is away while a release goes on: aliases follow when it is back.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(
            Act(Deed.LOSE_REGISTRY, Step.CANARY),
            Act(Deed.RESTORE_REGISTRY, Step.CANARY, after=4),
        ),
    ),
    Scenario(
        name="ledger-locked",
        teaches="A backup locks the ledger meanwhile: who writes waits, and nothing is lost.",
        expected=End.STOPPED_VALIDATE,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        faults=(Garbage(from_day=INPUTS, share=0.6),),
        acts=tuple(Act(Deed.LOCK_LEDGER, day) for day in (49, 50, 51)),
    ),
    Scenario(
        name="disk-full",
        teaches="The log finds no room: a canary that nobody wrote down is never promoted.",
        expected=End.EXPIRED,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.FILL_DISK, Step.CANARY), Act(Deed.FREE_DISK, Step.CANARY, after=3)),
        overrides={"canary": {"deadline": timedelta(days=12)}},
    ),
)

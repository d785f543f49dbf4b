"""What happens to a release on its way: traffic, people, and other challengers."""

from datetime import timedelta

from simulation.acts import Act, Deed
from simulation.catalogue.common import LIVE, TWO_ACTS, live
from simulation.faults import OneCustomer
from simulation.scenario import End, Quiet, Scenario
from sixgates.ledger.route import Step

_DEADLINE = {"canary": {"deadline": timedelta(days=10)}}

RELEASE: tuple[Scenario, ...] = (
    Scenario(
        name="no-traffic",
        teaches="Nobody asks any more: without evidence the champion stays.",
        expected=End.EXPIRED,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        quiet=(Quiet(from_day=50, share=0.0),),
        overrides=_DEADLINE,
    ),
    Scenario(
        name="little-traffic",
        teaches="Twenty requests a day are too few for a verdict by the deadline.",
        expected=End.EXPIRED,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        quiet=(Quiet(from_day=LIVE, share=0.05),),
        overrides=_DEADLINE,
    ),
    Scenario(
        name="one-busy-customer",
        teaches="Half of all requests are one customer's, who counts as the one customer he is.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        truth=(OneCustomer(from_day=LIVE - 20, share=0.5),),
    ),
    Scenario(
        name="sample-ratio-mismatch",
        teaches="Half of those who meet the canary give up: such arms cannot be compared.",
        expected=End.ROLLED_BACK_CANARY,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        lost_in_canary=0.5,
    ),
    Scenario(
        name="traffic-stops",
        teaches="Requests end in the middle of the canary: the release ends, and nobody is harmed.",
        expected=End.EXPIRED,
        world=live(40, *TWO_ACTS),
        live_from_day=LIVE,
        quiet=(Quiet(from_day=57, share=0.0),),
        overrides=_DEADLINE,
    ),
    Scenario(
        name="approval-expires",
        teaches="A person must say yes, and nobody answers: that is a no.",
        expected=End.EXPIRED,
        world=live(40, *TWO_ACTS),
        live_from_day=LIVE,
        overrides={"approval": {"need": "required", "expires": timedelta(days=2)}},
    ),
    Scenario(
        name="approved-by-a-person",
        teaches="A person must say yes, and does: the challenger that waited is promoted.",
        expected=End.CONFIRMED,
        world=live(50, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.APPROVE, Step.CANARY, after=8),),
        overrides={"approval": {"need": "required", "expires": timedelta(days=10)}},
    ),
    Scenario(
        name="rejected-by-a-person",
        teaches="A person says no to a canary that no gate faults: the champion serves at once.",
        expected=End.BY_HAND,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.REJECT, Step.CANARY),),
    ),
    Scenario(
        name="rolled-back-while-watched",
        teaches="Complaints come in under a new champion: a person takes the old one back.",
        expected=End.BY_HAND,
        world=live(40, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.ROLL_BACK, Step.PROMOTED, after=2),),
    ),
    Scenario(
        name="freeze",
        teaches="The world moves in a freeze: the alert is kept, and nothing begins.",
        expected=End.UNDECIDED,
        world=live(20, *TWO_ACTS),
        live_from_day=LIVE,
        overrides={"governor": {"freeze": ("2026-02-20 - 2026-04-01",)}},
    ),
    Scenario(
        name="stop-the-line",
        teaches="A person stops the line in mid-canary and lets it run again: it goes on.",
        expected=End.CONFIRMED,
        world=live(50, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(
            Act(Deed.STOP, Step.CANARY),
            Act(Deed.RESUME, Step.CANARY, after=4),
        ),
    ),
    Scenario(
        name="newer-candidate",
        teaches="A newer challenger takes the place of one that is still tried.",
        expected=End.SUPERSEDED,
        world=live(30, *TWO_ACTS),
        live_from_day=LIVE,
        overrides={"governor": {"newer": "replace"}},
        acts=(Act(Deed.RETRAIN, Step.CANARY),),
    ),
    Scenario(
        name="competing-release",
        teaches="A retrain beside an open release is answered busy, and the release goes on.",
        expected=End.CONFIRMED,
        world=live(45, *TWO_ACTS),
        live_from_day=LIVE,
        acts=(Act(Deed.RETRAIN, Step.CANARY),),
    ),
)

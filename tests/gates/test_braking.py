from datetime import timedelta

from sixgates.gates.explain.braking import braking
from sixgates.gates.policy import GovernorPolicy


def test_the_brakes_are_told_with_their_figures():
    assert braking(GovernorPolicy()) == (
        (
            "After a rollback nothing automatic begins or moves up for 1 day, unless a person"
            " acknowledges it; rollback and expiry are never held."
        ),
        "Automatic runs begin at least 1 hour apart and no more than 6 times in 24 hours.",
        "After 5 refused in a row they pause for 3 days, unless a person acknowledges it.",
        "No time is frozen.",
        "A notice is written when nobody answered an alert for 1 hour.",
    )


def test_freezes_and_schedules_are_told_where_there_are_any():
    policy = GovernorPolicy(
        freeze=("Fri 16:00 - Mon 08:00", "2026-12-24 - 2027-01-02"),
        retrain_every=timedelta(days=7),
    )
    text = " ".join(braking(policy))
    assert "Frozen, in UTC: Fri 16:00 - Mon 08:00, 2026-12-24 - 2027-01-02." in text
    assert "no run began for 7 days" in text

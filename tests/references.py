"""References of the watch, for tests that need one and do not look at what is in it."""

from sixgates.gates.drift.expected_loss import LossEstimator
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.reference import Reference


def reference_of(rows, numeric, categorical, until):
    """A reference without a window."""
    profile = profile_frame(rows, numeric, categorical)
    answers = profile_frame(rows, numeric[:1], [])
    estimator = LossEstimator(invalid="nothing was learnt")
    return Reference(profile, answers, (), ((0.5, None),), (), estimator, 0.2, until)

"""How alike two ends of a walk must be: with something that went wrong, and without."""

from enum import StrEnum


class Ends(StrEnum):
    """How a walk that met a fault must have ended once all is well again."""

    ALIKE = "as it ends without the fault"
    WITH_OTHER_MODELS = "in the same step, but it may have seen other data"
    OTHERWISE = "whole, but evidence was lost, so that it may rightly wait"

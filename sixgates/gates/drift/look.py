"""What the watch keeps of one window of time: small enough to keep for every one."""

from dataclasses import dataclass
from enum import StrEnum

from sixgates.gates.drift.expected_loss import NOT_ASKED, ExpectedLoss
from sixgates.gates.profile.groups import Window


class Fault(StrEnum):
    """How a feed breaks."""

    SCHEMA = "schema break"
    VOLUME = "volume collapse"
    NULLS = "null burst"
    CATEGORIES = "category explosion"
    UNIT = "unit change"
    SWAP = "column swap"
    DUPLICATES = "duplicate batch"
    STALE = "stale batch"


@dataclass(frozen=True, slots=True)
class Finding:
    """A sign that the feed is broken, and not the world moved."""

    fault: Fault
    features: tuple[str, ...]
    """Those it shows in; empty where it is the table as a whole."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Look:
    """One window, as the watch saw it."""

    inputs: Window
    answers: tuple[tuple[int, ...], ...] = ()
    """The champion's answers to some of its rows, by group; empty where it was not asked."""
    expected: ExpectedLoss = NOT_ASKED
    """Mean loss that these answers lead one to expect."""
    apart: float | None = None
    """How well a classifier tells its rows from those of the training: area under the curve."""
    telling: tuple[str, ...] = ()
    """Features by which it tells them, the most telling first; empty where it hardly can."""
    faults: tuple[Finding, ...] = ()
    """With any of them the window is no evidence, and its rows are quarantined."""

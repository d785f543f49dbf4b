"""What the page shows of the ledger, read so that looking at it costs the database next to nothing.

The record is read anew only when it has grown; each look asks for its end, the newest judgement and
the lease. Whatever the age of a model, a reading is bounded: the newest entries, those of one
release, and the routes, which are small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sixgates.ledger.chain import Head
from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.holder import is_held, what_of
from sixgates.ledger.judgement import Judgement
from sixgates.ledger.leases import Lease, canary_lease, run_lease
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Route

SHOWN = 20
"""So many of the last events are shown."""
_LOOKED_BACK = 100
"""So many of the newest acts may say how the governor stands to the next run."""

_EVENTS = frozenset(Kind) - {
    Kind.RELEASE,  # its first route says the same
    Kind.INTENT, Kind.CLOSED, Kind.PROOF, Kind.NOTIFICATION,  # for programs
}  # fmt: skip
_ACTS = (Kind.RUN, Kind.ANSWER, Kind.RESUMED, Kind.ACKNOWLEDGED)
_DECIDED = ("refused at ", "released")
_OF_RELEASE = (Kind.VERDICT, Kind.HELD, Kind.ASKED, Kind.APPROVED, Kind.BREAKER)


class Dated(NamedTuple):
    """A route and when it was recorded."""

    route: Route
    recorded: datetime
    """Wall clock, naive UTC."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the ledger holds of a model, as far as the page shows it."""

    routes: tuple[Dated, ...] = ()
    """All of them, oldest first."""
    events: tuple[Entry, ...] = ()
    """The newest of those that people want to see, newest first."""
    release: tuple[Entry, ...] = ()
    """What gates, governor, people and breakers said of the newest release, oldest first."""
    line: Entry | None = None
    """Who stopped the line, or let it run again, last."""
    acknowledged: Entry | None = None
    """The newest acknowledgement of a rollback."""
    run: Entry | None = None
    """The newest run that began, where nobody has answered it."""
    refused: bool = False
    """Whether the newest challenger was refused at a gate, and nobody has acknowledged it."""
    held: Entry | None = None
    """By what answer the governor put off the run that was asked for last, where it did."""
    at_work: str = ""
    """The run that is under way; empty where none shows that it lives."""
    proof: Entry | None = None
    """What the gateways said last."""
    judgement: Judgement | None = None
    lease: Lease | None = None
    """Of the canary."""

    @property
    def newest(self) -> Dated | None:
        """The route that the ledger says serves."""
        return self.routes[-1] if self.routes else None


class Reader:
    """Reads the record of one model; for one thread at a time."""

    def __init__(self, ledger: Ledger, model: str) -> None:
        """Read nothing yet."""
        self._ledger = ledger
        self._model = model
        self._head: Head | None = None
        self._known = Record()

    def read(self) -> Record:
        """Return what the ledger holds now.

        Raises:
            TransientError: the ledger did not answer.
        """
        ledger, model = self._ledger, self._model
        # Asked first: what is appended meanwhile is read again at the next look.
        head = ledger.head(model)
        known = self._known if head == self._head else self._grown()
        # Kept only once all of it was read.
        judgement, lease = ledger.judgement(model), ledger.lease(canary_lease(model))
        held = ledger.lease(run_lease(model))
        at_work = what_of(held.owner) if is_held(held) else ""
        self._head, self._known = head, known
        return replace(known, judgement=judgement, lease=lease, at_work=at_work)

    def _grown(self) -> Record:
        ledger, model = self._ledger, self._model
        routes = tuple(Dated(*found) for found in ledger.dated_routes(model))
        release = routes[-1].route.release if routes else ""
        of_release = [
            e for k in _OF_RELEASE for e in ledger.entries(model, kind=k, release=release)
        ]
        acts = ledger.newest(model, _ACTS, _LOOKED_BACK)
        return Record(
            routes=routes,
            events=tuple(ledger.newest(model, _EVENTS, SHOWN)),
            release=tuple(sorted(of_release, key=lambda entry: entry.seq)),
            line=self._last(Kind.STOPPED, Kind.RESUMED),
            acknowledged=self._last(Kind.ACKNOWLEDGED),
            run=self._unanswered(),
            refused=_refused(acts),
            held=_held(acts),
            proof=self._last(Kind.PROOF),
        )

    def _unanswered(self) -> Entry | None:
        run = self._last(Kind.RUN)
        if run is None:
            return None
        answers = self._ledger.entries(self._model, kind=Kind.ANSWER, release=run.release)
        return None if answers else run

    def _last(self, *kinds: Kind) -> Entry | None:
        return next(iter(self._ledger.newest(self._model, kinds)), None)


def _held(acts: Sequence[Entry]) -> Entry | None:
    """Return the governor's last word, where neither a run nor a person came after it."""
    last = next((act for act in acts if _ending(act) != "busy"), None)
    return last if last is not None and _ending(last) == "held" else None


def _refused(acts: Sequence[Entry]) -> bool:
    decided = (a for a in acts if a.kind is Kind.ACKNOWLEDGED or _ending(a).startswith(_DECIDED))
    newest = next(decided, None)
    return newest is not None and _ending(newest).startswith("refused")


def _ending(act: Entry) -> str:
    return str(act.body["ending"]) if act.kind is Kind.ANSWER else ""

"""Answers that are not in the log: counted here, and told to the ledger, which outlives a process.

A release whose evidence has gaps holds. The count of a process ends with it, and a restart after
making room must not end the hold.
"""

from collections import deque

from sixgates.gateway.canary.incident import Incident
from sixgates.ledger.entry import Kind
from sixgates.ledger.route import Route


class Losses:
    """What one process lost. To be used from the event loop's thread."""

    def __init__(self, incidents: deque[Incident]) -> None:
        """Tell by way of these, which the ledger takes in their order."""
        self.total = 0
        """Answers given without being logged, since the start."""
        self._incidents = incidents
        self._route: Route | None = None
        self._lost = 0
        self._told = 0
        self._reason = ""

    def add(self, route: Route, answers: int, reason: str) -> None:
        """Count answers that were given under a route and could not be logged."""
        if route != self._route:
            self.settle()
            self._route, self._lost, self._told = route, 0, 0
        self.total += answers
        self._lost += answers
        self._reason = reason
        # The first at once; then few entries, however long the disk is full, and never less than
        # half on record.
        if self._lost >= 2 * self._told:
            self.settle()

    def settle(self) -> None:
        """Have the ledger told of all that are not told yet."""
        answers = self._lost - self._told
        if self._route is None or not answers:
            return
        self._told = self._lost
        reason = f"{answers:,} answers could not be logged: {self._reason}"
        body = {"epoch": self._route.epoch, "answers": answers}
        self._incidents.append(Incident(Kind.UNLOGGED, self._route, reason, body))

"""May the canary answer right now? Its lease must run, and its breaker must not have tripped.

Both only ever take its share away, in memory and at once; the champion then answers everybody, and
the canary goes on in shadow. What happened is kept until it is in the ledger.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from sixgates.gates.records import Arm
from sixgates.gateway.canary.breaker import LAST, CanaryAnswer, answer_of, trip
from sixgates.gateway.canary.countdown import Countdown, hear
from sixgates.gateway.canary.incident import Incident, Lapse, cut_off
from sixgates.gateway.scoring import Part
from sixgates.gateway.served import Served
from sixgates.ledger.leases import Lease
from sixgates.ledger.route import Route

_CANARY = Arm.CANARY


def guarded(route: Route) -> bool:
    """Whether a route gives a share to a canary; a hold-back is no canary.

    The hold-back is the previous champion, known to be good: it needs no permission to answer.
    """
    beside = route.beside
    return beside is not None and beside.arm is Arm.CANARY and beside.share > 0


class Guard:
    """Asked by every request; told by the follower what the ledger says, and by answers."""

    def __init__(self) -> None:
        """Let no canary answer before the ledger was heard."""
        self.incidents: deque[Incident] = deque()
        """What the ledger has not been told yet, oldest first."""
        self.telling = threading.Lock()
        """Held by who tells it: a gateway that stops does not wait for one that hangs."""
        self._lock = threading.Lock()
        self._countdown: Countdown | None = None
        self._route: Route | None = None
        self._lapse: Lapse | None = None
        self._meanwhile = 0
        self._last: deque[CanaryAnswer] = deque(maxlen=LAST)
        self._watched = 0
        self._stalled_until = 0.0
        """Monotonic seconds at which the newest stall ended that was counted."""
        self._cut: tuple[int, str] = (0, "")

    def share(self, served: Served | None) -> float:
        """Return the share of units that the model beside the champion answers now."""
        beside = None if served is None else served.beside
        if served is None or beside is None:
            return 0.0
        if beside.guarded and (self.lapsed(served) or self._cut[0] == served.route.epoch):
            return 0.0
        return beside.share

    def lapsed(self, served: Served | None) -> bool:
        """Whether there is a canary whose lease has run out."""
        if served is None or served.beside is None or not served.beside.guarded:
            return False
        countdown = self._countdown
        return countdown is None or time.monotonic() >= countdown.deadline

    def lease_left(self, served: Served | None) -> float:
        """Return the seconds until the canary's lease runs out; 0 where there is none."""
        countdown = self._countdown
        if served is None or served.beside is None or not served.beside.guarded or not countdown:
            return 0.0
        return max(0.0, countdown.deadline - time.monotonic())

    def cut(self, served: Served | None) -> str:
        """Return why the canary was cut off in this epoch; empty where it was not."""
        epoch, reason = self._cut
        return reason if served is not None and served.route.epoch == epoch else ""

    def trouble(self, served: Served | None) -> str:
        """Say why the canary is held back, empty where it is not."""
        if reason := self.cut(served):
            return f"the canary is cut off until the next tick: {reason}"
        if self.lapsed(served):
            return "no tick renewed the canary's lease: the champion answers everybody until one"
        return ""

    def hear(self, route: Route | None, lease: Lease | None, asked: float) -> None:
        """Take in what the ledger says.

        Args:
            route: The newest one.
            lease: Of the canary.
            asked: Monotonic seconds just before the ledger was asked.
        """
        before, known = self._countdown, self._route
        canary = route if route is not None and guarded(route) else None
        after = hear(before, lease, asked) if canary is not None else None
        now = time.monotonic()
        if known is not None and before is not None and before.deadline <= now:
            # Also one that began and ended between two looks.
            self._begin(known, before, now)
            if after is None or after.deadline > now:
                self._end(now)
        elif canary is not None and after is not None and after.deadline <= now:
            self._begin(canary, after, now)
        self._countdown, self._route = after, canary

    def recall(self, route: Route, reason: str) -> None:
        """Hold a canary back under a route, because the ledger says that it was cut off."""
        self._cut = (route.epoch, reason)

    def leave(self) -> None:
        """End a lapse that still lasts, because the gateway stops."""
        self.hear(None, None, time.monotonic())

    def saw(self, served: Served, share: float, parts: Sequence[Part]) -> None:
        """Take in one request's answer; cut a canary that fails or stalls.

        Args:
            served: The models.
            share: Share of units that the one beside the champion answered.
            parts: What each model did with its rows.
        """
        if served.beside is None or not served.beside.guarded:
            return
        if share <= 0:
            self._count_meanwhile(served)
            return
        own, epoch = parts[0], served.route.epoch  # the one beside is asked first
        if own.arm is not _CANARY or epoch < self._watched:
            return
        if epoch > self._watched:
            self._watched = epoch
            self._last.clear()
        newest = answer_of(own.rows, own.failed, own.seconds)
        if newest.stalled and self._was_held_up_before(own.seconds):
            if not newest.failed:
                return  # nor does it push out of sight what was counted
            newest = newest._replace(stalled=False)
        self._last.append(newest)
        if not (newest.failed or newest.stalled):
            return  # the usual answer, which every request pays for
        tripped = trip(self._last)
        if tripped is not None and not self.cut(served):
            self._cut = (epoch, tripped.reason)
            self.incidents.append(cut_off(served.route, tripped))

    def _was_held_up_before(self, seconds: float) -> bool:
        """Whether a stall that ends now began within the one before: one pause explains both."""
        now = time.monotonic()
        if now - seconds < self._stalled_until:
            return True
        self._stalled_until = now
        return False

    def _count_meanwhile(self, served: Served) -> None:
        if self.lapsed(served):
            with self._lock:
                self._meanwhile += 1

    def _begin(self, route: Route, countdown: Countdown, now: float) -> None:
        """Note a lapse as soon as it is known, unless it lasts already."""
        if self._lapse is not None:
            return
        lease = countdown.renewal[1] if countdown.renewal else None
        self._lapse = Lapse(route, lease, countdown.deadline)
        self.incidents.append(self._lapse.begun(now))

    def _end(self, now: float) -> None:
        if self._lapse is None:
            return
        with self._lock:
            requests, self._meanwhile = self._meanwhile, 0
        self.incidents.append(self._lapse.ended(now, requests))
        self._lapse = None

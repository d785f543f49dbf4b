"""A release that lives through its stages in a ledger, judged by the real gates."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from sixgates.gates.canary import Phase, judge_canary
from sixgates.gates.decision import Move
from sixgates.gates.monitor import judge_monitor
from sixgates.gates.statistics.counts import ArmCounts
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.release import first_route, next_route, open_release, return_by_hand
from sixgates.ledger.route import Version
from tests.fakes import tiny_project
from tests.gates.releases import BETTER, WORSE, counted, evidence, in_shadow, stage

MODEL = "churn"
SHARES = (0.01, 0.05, 0.25, 0.5)
PROJECT = tiny_project()


def now():
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class Story:
    """Appends what ticks, runs and people do; everything happens now."""

    ledger: Ledger
    champion: str
    """Digest of version 1."""
    challenger: str
    """Digest of version 2."""

    def route(self):
        return self.ledger.route(MODEL)

    def note(self, kind, why, actor="sixgates", **body):
        route = self.route()
        release = route.release if route else ""
        self.ledger.append(
            MODEL, kind, at=now(), release=release, actor=actor, reason=why, body=body
        )

    def first_model(self):
        first = first_route(
            MODEL, Version("1", self.champion), release="churn-r1", at=now(), actor="sixgates",
            reason="there was no champion, and the project serves a first model",
        )  # fmt: skip
        self.ledger.append_route(first)

    def shadow(self, release="churn-r2"):
        """An alert, a run that passes gates 1 to 4, and version 2 in shadow."""
        self.note(Kind.ALERT, "the inputs moved: visits by PSI 0.31 of 0.1, for 2 looks in a row")
        self.ledger.append(
            MODEL, Kind.RUN, at=now(), release=release, reason="drift, alert 1",
            body={"trigger": "drift", "alert": 1},
        )  # fmt: skip
        self.ledger.append_route(open_release(
            self.route(), Version("2", self.challenger), release=release, at=now(),
            actor="sixgates", reason="gates 1 to 4 passed: brier 0.131 < limit 0.14 (n = 8,210)",
        ))  # fmt: skip

    def judge(self, found, *, lease=300.0):
        """Let the gate of the present stage judge what was found, and keep what it says."""
        route = self.route()
        if route.step == "promoted":
            decision = judge_monitor(found, PROJECT)
        else:
            phase = Phase.SHADOW if route.step == "shadow" else Phase.SPLIT
            at = stage(phase, share=route.beside.share, is_last=route.beside.share >= SHARES[-1])
            decision = judge_canary(found, at, PROJECT)
        self.ledger.take(f"canary:{MODEL}", "ticks", lease)
        self.ledger.judge(route, now(), decision, SHARES)
        return decision

    def tick(self, found, *, lease=300.0, on_record=True):
        """Judge, and move as the gate says."""
        route, decision = self.route(), self.judge(found, lease=lease)
        following = next_route(
            route, decision.move, shares=SHARES, holdback=0.05, at=now(), actor="sixgates",
            reason=decision.reason,
        )  # fmt: skip
        if following is not None:
            self.ledger.append_route(following)
        if following is not None or on_record:
            body = {**decision.verdict.to_dict(), "epoch": route.epoch, "move": decision.move}
            self.note(Kind.VERDICT, decision.verdict.reason, **body)
        return decision

    def canary(self, *, until):
        """Let it grow until it has a share."""
        self.tick(in_shadow(pair_means=BETTER[:2]))
        self.tick(in_shadow())
        while self.route().beside.share < until:
            self.tick(evidence(stage_requests=40))

    def promoted(self):
        self.canary(until=SHARES[-1])
        assert self.tick(evidence()).move is Move.PROMOTE

    def put_back(self):
        """A person returns to the former champion."""
        routes = self.ledger.routes(MODEL)
        self.ledger.append_route(
            return_by_hand(routes, None, at=now(), actor="by otto", reason="clients complain")
        )


GROWING = evidence(
    pair_means=BETTER[:6], errors=counted(ArmCounts(1, 60, 18, 900)), stage_requests=12,
    slow=counted(ArmCounts(0, 60, 2, 900)),
)  # fmt: skip
"""A canary on its way: nothing wrong, not enough of anything."""
HARMFUL = evidence(pair_means=WORSE)
WATCHED = evidence(pair_means=np.array([-0.004, 0.002, -0.003]))
"""Three quiet periods after a promotion."""
QUIET = replace(WATCHED, pair_means=np.array([-0.004, 0.002, -0.003, 0.003, -0.001, -0.003, 0.002]))

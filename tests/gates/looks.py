"""Looks at windows of a small made-up feed, as the watch keeps them."""

from datetime import datetime, timedelta

import numpy as np

from sixgates.gates.drift.expected_loss import ExpectedLoss
from sixgates.gates.drift.look import Look
from sixgates.gates.profile.groups import Window
from sixgates.gates.watch import WatchEvidence

START = datetime(2026, 1, 1)  # noqa: DTZ001 - event times are naive UTC
DAY = timedelta(days=1)
GROUPS, ROWS = 12, 500


def counts_of(rng, shift, rows=ROWS):
    weights = np.exp(shift * np.linspace(-1, 1, GROUPS))
    return (*rng.multinomial(rows, weights / weights.sum()).tolist(), 0, 0)


def look(rng, day, *, price=0.0, answers=0.0, apart=0.5, loss=0.2, rows=ROWS, faults=()):
    """One day of `price` and `region`, moved by so much; None for what was not measured."""
    counts = (counts_of(rng, price, rows), counts_of(rng, 0.0, rows))
    return Look(
        Window(START + day * DAY, START + (day + 1) * DAY, rows, counts),
        answers=() if answers is None else (counts_of(rng, answers),),
        expected=ExpectedLoss(None, "too few rows" if loss is None else "")
        if loss is None
        else ExpectedLoss(loss + rng.normal(0, 0.005)),
        apart=None if apart is None else apart + rng.normal(0, 0.02),
        faults=faults,
    )


def days(rng, n, first=0, **how):
    return tuple(look(rng, first + i, **how) for i in range(n))


def losses(mean, periods=12, seed=0):
    return np.random.default_rng(seed).normal(mean, 0.01, periods)


def evidence(past=40, live=6, *, of_loss=None, holdout=0.2, since_run=None, seed=0, **moved):
    """Quiet training windows, and live ones that moved; a period is a day of the live ones."""
    rng = np.random.default_rng(seed)
    of_loss = losses(0.2) if of_loss is None else of_loss
    return WatchEvidence(
        past=days(rng, past),
        live=days(rng, live, past, **moved),
        features=("price", "region"),
        calendar=(),
        period_losses=of_loss,
        holdout_loss=holdout,
        margin=0.02,
        since_run=since_run,
        period_begins=tuple(START + (past + i) * DAY for i in range(len(of_loss))),
    )

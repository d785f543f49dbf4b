"""The worlds of the sweep: seeded traffic of both arms, many worlds at once, without servers.

Every world has a true effect: how much worse the canary is, in bad outcomes per request. A tick is
one look at the evidence; each of the 200 ticks brings 200 requests over both arms.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from sixgates.gates.statistics.counts import Counts, Floats

TICKS = 200
ROWS = 200
BASE = 0.10
HISTORY = 1_000
"""Requests of the champion before the split, as shadow brings them."""
ICC = 0.2
"""Correlation of the outcomes of one user."""
HORIZON = 20
"""Ticks until every label is known, in the world of delayed labels."""
SEGMENT_SHARE = 0.1
"""Share of the requests of the segment that a bug hits."""
SEGMENT_BASE = 0.2
"""Bad rate of the champion in that segment; the other requests make the mean `BASE`."""
_VISITS = 5
"""Requests of a user in one period."""
_POOL = 1_000
"""Users that come back again and again, in the world of returning users."""
DAY = 10
"""Ticks of one day where a day matters."""
_DAY_SD = 0.02
"""How far the effect strays from day to day, where it does."""


@dataclass(frozen=True, slots=True)
class Units:
    """Users in place of requests: one mean loss each and period; arrays (worlds, ticks, users)."""

    assigned: np.ndarray
    losses: Floats
    share: float
    counted: np.ndarray
    """False where a user was there before: evidence counts a user once."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a block of worlds shows, tick by tick; arrays of shape (worlds, ticks)."""

    matured: Counts
    """New good and bad rows whose labels have all arrived: what the gate is given."""
    seen: Counts
    """Everything labelled so far, in all: what a dashboard shows."""
    requests: Floats
    """Requests served so far, both arms."""
    canary: Floats
    """Requests that the canary served so far."""
    history: tuple[Floats, Floats]
    """The champion before the split: bad rows and rows of each world."""
    batch: int = 1
    """Ticks of one batch of evidence: above 1, the gate also looks into batches still open."""
    units: Units | None = None


def world_of(name: str, worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    """Play one block of a named world.

    Args:
        name: One of `WORLDS`.
        worlds: How many worlds.
        effect: True difference of the bad rates, canary minus champion.
        rng: The only source of chance.
    """
    return WORLDS[name](worlds, effect, rng)


def reach_of(name: str) -> tuple[float, float]:
    """Return the lowest and the highest true effect that a world can have; rates stay in [0, 1].

    >>> [round(end, 6) for end in reach_of("segment-bug")]
    [-0.02, 0.08]
    """
    if name == "segment-bug":
        return -SEGMENT_BASE * SEGMENT_SHARE, (1 - SEGMENT_BASE) * SEGMENT_SHARE
    lowest, highest = float(bases_of(name).min()), float(bases_of(name).max())
    stray = 4 * _DAY_SD if name == "daily" else 0.0
    return stray - lowest, 1 - highest - stray


def shares_of(name: str) -> Floats:
    """Return the canary's share at every tick."""
    ramp = np.repeat([0.01, 0.05, 0.25], DAY * 2)
    if name in {"ramp", "delayed"}:
        return np.concatenate([ramp, np.full(TICKS - ramp.size, 0.5)])
    return np.full(TICKS, 0.5)


def bases_of(name: str) -> Floats:
    """Return the champion's bad rate at every tick."""
    swing = 0.06 * np.sin(2 * np.pi * np.arange(TICKS) / 48)
    return BASE + (swing if name == "ramp" else 0.0 * swing)


def spread_of_users(name: str) -> float:
    """Return how much correlated requests of one user inflate the variance of a mean."""
    return 1 + (_VISITS - 1) * ICC if name in {"intra-user", "returning-users"} else 1.0


def _plain(name: str) -> Callable[[int, float, np.random.Generator], Traffic]:
    def play(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
        batch = DAY if name == "open-day" else 1
        return _traffic(_counts(name, worlds, np.array(effect), rng), rng, batch=batch)

    return play


def _daily(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    days = rng.normal(effect, _DAY_SD, (worlds, TICKS // DAY))
    by_tick = np.repeat(days, DAY, axis=1)
    return _traffic(_counts("daily", worlds, by_tick, rng), rng, batch=DAY)


def _stops(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    counts = _counts("stops", worlds, np.array(effect), rng)
    runs = np.arange(TICKS) < rng.integers(5, 80, worlds)[:, None]
    return _traffic(Counts(*(column * runs for column in counts)), rng)


def _delayed(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    """Bad outcomes are known after the whole horizon, good ones at the next tick."""
    served = _counts("delayed", worlds, np.array(effect), rng)
    matured = Counts(*(_later(column, HORIZON) for column in served))
    so_far = []
    for bad, n in ((served.canary_bad, served.canary_n), (served.control_bad, served.control_n)):
        late = _later(bad, HORIZON).cumsum(axis=1)
        so_far += [late, late + _later(n - bad, 1).cumsum(axis=1)]
    return replace(_traffic(served, rng), matured=matured, seen=Counts(*so_far))


def _segment_bug(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    """The whole effect falls on one segment, where it is ten times as large."""
    shape = (worlds, TICKS)
    other_base = (BASE - SEGMENT_SHARE * SEGMENT_BASE) / (1 - SEGMENT_SHARE)
    canary_n = rng.binomial(ROWS, shares_of("segment-bug"), shape)
    arms = []
    for n, moved in ((canary_n, effect / SEGMENT_SHARE), (ROWS - canary_n, 0.0)):
        hit = rng.binomial(n, SEGMENT_SHARE)
        rate = min(max(SEGMENT_BASE + moved, 0.0), 1.0)  # off by rounding at the ends of the reach
        bad = rng.binomial(hit, rate) + rng.binomial(n - hit, other_base)
        arms += [bad.astype(np.float64), n.astype(np.float64)]
    return _traffic(Counts(*arms), rng)


def _new_users(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    users = ROWS // _VISITS
    shape = (worlds, TICKS, users)
    assigned = rng.random(shape) < 0.5  # noqa: PLR2004 - an even split
    fresh = np.ones(shape, dtype=bool)
    return _user_traffic(assigned, _user_rates(shape, rng), fresh, effect, rng)


def _returning_users(worlds: int, effect: float, rng: np.random.Generator) -> Traffic:
    users = ROWS // _VISITS
    arm, rate = rng.random((worlds, _POOL)) < 0.5, _user_rates((worlds, _POOL), rng)  # noqa: PLR2004
    who = rng.integers(0, _POOL, (worlds, TICKS * users))
    shape = (worlds, TICKS, users)
    assigned = np.take_along_axis(arm, who, axis=1).reshape(shape)
    rates = np.take_along_axis(rate, who, axis=1).reshape(shape)
    return _user_traffic(assigned, rates, _first_visits(who).reshape(shape), effect, rng)


WORLDS: dict[str, Callable[[int, float, np.random.Generator], Traffic]] = {
    "iid": _plain("iid"),
    "open-day": _plain("open-day"),
    "ramp": _plain("ramp"),
    "intra-user": _new_users,
    "returning-users": _returning_users,
    "delayed": _delayed,
    "stops": _stops,
    "daily": _daily,
    "segment-bug": _segment_bug,
}


def _counts(name: str, worlds: int, effect: Floats, rng: np.random.Generator) -> Counts:
    shape = (worlds, TICKS)
    canary_n = rng.binomial(ROWS, shares_of(name), shape)
    control_n = ROWS - canary_n
    base = np.broadcast_to(bases_of(name), shape)
    canary_bad = rng.binomial(canary_n, np.clip(base + effect, 0, 1))
    control_bad = rng.binomial(control_n, base)
    made = (canary_bad, canary_n, control_bad, control_n)
    return Counts(*(column.astype(np.float64) for column in made))


def _traffic(counts: Counts, rng: np.random.Generator, *, batch: int = 1) -> Traffic:
    worlds = len(counts.canary_n)
    return Traffic(
        matured=counts,
        seen=Counts(*(column.cumsum(axis=1) for column in counts)),
        requests=(counts.canary_n + counts.control_n).cumsum(axis=1),
        canary=counts.canary_n.cumsum(axis=1),
        history=(
            rng.binomial(HISTORY, BASE, worlds).astype(np.float64),
            np.full(worlds, HISTORY, dtype=np.float64),
        ),
        batch=batch,
    )


def _user_rates(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    odds = (1 - ICC) / ICC
    return rng.beta(BASE * odds, (1 - BASE) * odds, shape)


def _user_traffic(
    assigned: np.ndarray,
    rates: Floats,
    fresh: np.ndarray,
    effect: float,
    rng: np.random.Generator,
) -> Traffic:
    """Let the effect turn outcomes bad (or good) at random, so that the mean moves by `effect`."""
    bad = rng.binomial(_VISITS, rates)
    if effect > 0:
        moved = rng.binomial(_VISITS - bad, effect / (1 - BASE))
    else:
        moved = -rng.binomial(bad, -effect / BASE)
    bad = (bad + np.where(assigned, moved, 0)).astype(np.float64)
    counts = Counts(
        (bad * assigned).sum(axis=2), _VISITS * assigned.sum(axis=2) * 1.0,
        (bad * ~assigned).sum(axis=2), _VISITS * (~assigned).sum(axis=2) * 1.0,
    )  # fmt: skip
    return replace(_traffic(counts, rng), units=Units(assigned, bad / _VISITS, 0.5, fresh))


def _first_visits(who: np.ndarray) -> np.ndarray:
    """Mark the first time each user comes in each world; `who` has shape (worlds, visits)."""
    first = np.zeros(who.shape, dtype=bool)
    for world, users in enumerate(who):
        first[world, np.unique(users, return_index=True)[1]] = True
    return first


def _later(column: Floats, ticks: int) -> Floats:
    moved = np.zeros_like(column)
    moved[:, ticks:] = column[:, :-ticks]
    return moved

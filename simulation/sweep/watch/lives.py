"""Many lives of one world: how long until a false alert, how long until a true one?"""

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from simulation.sweep.watch.alerts import BARE, DEFAULT, alerts, first_alert
from simulation.sweep.watch.worlds import WORLDS, stream_of
from sixgates.gates.drift.signals import SignalName, limit_of
from sixgates.gates.statistics.ranks import windows_to_alarm

LIVE = 200
"""Live windows of a quiet life, unless it alerts before."""
AFTER = 20
"""Windows after a shift for which an alert is waited for."""
_LEVEL = 0.95
_FLOORS = {"default": DEFAULT, "none": BARE}

First = tuple[int, tuple[SignalName, ...]] | None
"""First alert of a life: its window, from 0, and the signals that gave it; None without one."""


class Shift(NamedTuple):
    """Three of fifty features move for good."""

    world: str
    stability_index: float
    """Of each that moves."""
    quiet_before: int
    """Live windows before it."""


@dataclass(frozen=True, slots=True)
class Quietness:
    """Quiet lives of one world under one policy."""

    world: str
    floors: str
    """"default", or "none" where every effect is large enough."""
    lives: int
    windows: int
    """Watched in all of them, each until its first alert."""
    alerts: int
    """Lives that ended in one."""
    run_length: float
    """Windows to a false alert: all windows over all alerts, over one where there is none."""
    low: float
    """One-sided bounds of it at 95 %, with alerts taken for a Poisson process."""
    high: float | None
    """None without any alert."""
    by: dict[str, int]
    """False alerts that each signal gave, alone or with others."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Lives of one world after one shift."""

    world: str
    stability_index: float
    quiet_before: int
    lives: int
    early: int
    """Lives that alerted before the shift; they are left out."""
    unseen: int
    """Lives without an alert in twenty windows."""
    median: float | None
    """Windows from the first that moved to the alert, both counted; None beyond twenty."""
    quarter: float | None
    """The delay that a quarter of the lives exceeds."""
    needed: int
    """Windows that ranks need after so short a history, however large the shift."""


def quiet_lives(world: str, block: range, seed: int) -> list[list[First]]:
    """Return the first alerts of some quiet lives, by policy: with floors and without."""
    found: list[list[First]] = [[] for _ in _FLOORS]
    for life in block:
        stream = stream_of(WORLDS[world], LIVE, _rng(seed, world, "quiet", life))
        for firsts, seen in zip(found, alerts(stream, list(_FLOORS.values())), strict=True):
            firsts.append(first_alert(seen))
    return found


def moved_lives(shift: Shift, block: range, seed: int) -> list[First]:
    """Return the first alerts of some lives with a shift, by the default policy."""
    world, stability, quiet = shift
    firsts = []
    for life in block:
        rng = _rng(seed, world, f"{stability} after {quiet}", life)
        stream = stream_of(WORLDS[world], quiet + AFTER, rng, moves=quiet, stability=stability)
        firsts.append(first_alert(alerts(stream, [DEFAULT])[0]))
    return firsts


def quietness_of(world: str, blocks: Sequence[list[list[First]]]) -> list[Quietness]:
    """Sum up what `quiet_lives` found, block by block."""
    found = []
    for place, floors in enumerate(_FLOORS):
        firsts = [first for block in blocks for first in block[place]]
        seen = [first for first in firsts if first is not None]
        windows = sum(at + 1 for at, _ in seen) + LIVE * (len(firsts) - len(seen))
        low, high = run_length_bounds(len(seen), windows)
        by = Counter(str(name) for _, names in seen for name in names)
        found.append(
            Quietness(world, floors, len(firsts), windows, len(seen),
                      windows / max(1, len(seen)), low, high, dict(by))
        )  # fmt: skip
    return found


def delay_of(shift: Shift, firsts: Sequence[First]) -> Delay:
    """Sum up what `moved_lives` found."""
    world, stability, quiet = shift
    late = [first for first in firsts if first is None or first[0] >= quiet]
    delays = [AFTER + 1 if first is None else first[0] - quiet + 1 for first in late]
    limit = limit_of(SignalName.INPUTS, DEFAULT)
    return Delay(
        world, stability, quiet, len(firsts),
        early=len(firsts) - len(late),
        unseen=sum(first is None for first in late),
        median=_quantile(delays, 0.5),
        quarter=_quantile(delays, 0.75),
        needed=int(windows_to_alarm(WORLDS[world].past + quiet, limit)),
    )  # fmt: skip


def run_length_bounds(alerts: int, windows: int) -> tuple[float, float | None]:
    """Return one-sided bounds of the run length at 95 %, below and above.

    With k alerts in n windows there is one in at least `2n / chi2(.95; 2k + 2)` and in at most
    `2n / chi2(.05; 2k)` windows (Garwood, Biometrika 1936).

    >>> [round(bound) for bound in run_length_bounds(10, 3650)]
    [215, 673]
    """
    low = 2 * windows / float(chi2.ppf(_LEVEL, 2 * alerts + 2))
    high = 2 * windows / float(chi2.ppf(1 - _LEVEL, 2 * alerts)) if alerts else None
    return low, high


def _quantile(delays: list[int], share: float) -> float | None:
    """Return a quantile of the delays; None without any, and beyond what was waited for."""
    if not delays:
        return None
    found = float(np.quantile(delays, share, method="higher"))
    return found if found <= AFTER else None


def _rng(seed: int, world: str, what: str, life: int) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{world} {what}".encode()), life])

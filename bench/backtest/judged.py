"""What the backtests of all histories come to, as figures with their bounds."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from bench.figures import TIMES, Figure, at_least, at_most
from bench.spent import Spent

GAIN = {"bikes": 0.8, "weather": 0.6, "electricity": 0.6}
"""Least part of the best schedule's gain that drift with gates must have."""
RETRAINS, TIME, MEMORY = 0.5, 1.2, 1.5
NOISE = 2.0
"""Standard errors within which two losses count as alike."""
FORGETS = "intrusions"
"""The history whose training window forgets classes."""
_EVERY, _DRIFT, _NEVER = "every 5 %", "drift", "never"


def of_history(name: str, spent: Spent, data_mib: float) -> Iterator[Figure]:
    """Judge one history, whose rows take so much memory, in MiB."""
    found = spent.result
    plays = {(p["policy"], p["gates"]): p for p in found["policies"]}
    drift = plays[_DRIFT, True]
    yield at_most(
        f"{name}: loss of drift with gates, above never retraining", _loss(drift), NOISE, " se",
        f"{drift['mean_loss']:.4g} against {plays[_NEVER, True]['mean_loss']:.4g}",
    )  # fmt: skip
    if name in GAIN:
        yield _gain(name, plays)
    yield _worst(name, plays)
    if name == FORGETS:
        yield _forgotten(name, found)
    yield at_most(
        f"{name}: processor time over all fits of LightGBM", spent.cpu / found["fits_cpu"], TIME,
        TIMES, f"{spent.cpu:.0f} s, of which {found['fits_cpu']:.0f} s were fits",
    )  # fmt: skip
    beyond = spent.peak - found["imported_mib"]
    yield at_most(
        f"{name}: memory beyond what is imported, over the data", beyond / data_mib,
        MEMORY, TIMES,
        f"{spent.peak:.0f} MiB, of which {found['imported_mib']:.0f} are imports;"
        f" {data_mib:.1f} MiB of data",
    )  # fmt: skip


def retrains(spent: Mapping[str, Spent]) -> Figure:
    """Judge how often drift trains on all of them."""
    shares, notes = [], []
    for name, of in spent.items():
        plays = {(p["policy"], p["gates"]): p["retrains"] for p in of.result["policies"]}
        drift, every = plays[_DRIFT, True], plays[_EVERY, True]
        shares.append(drift / every if every else math.nan)
        notes.append(f"{name} {drift} of {every}")
    mean = sum(shares) / len(shares) if shares else math.nan
    name = "trainings of drift over those of every 5 %, with gates, mean of the histories"
    return at_most(name, mean, RETRAINS, TIMES, ", ".join(notes))


def _loss(play: Mapping[str, Any]) -> float:
    if not play["gain"]:
        return 0.0
    return -play["gain"] / play["gain_se"] if play["gain_se"] else math.nan


def _gain(name: str, plays: Mapping[tuple[str, bool], Any]) -> Figure:
    drift = plays[_DRIFT, True]["gain"]
    schedule = max(plays[_EVERY, gates]["gain"] for gates in (True, False))
    part = drift / schedule if schedule > 0 else math.nan  # of a loss there is no part to have
    return at_least(
        f"{name}: gain of drift with gates, of the best schedule's", part, GAIN[name], "",
        f"{drift:.4g} of {schedule:.4g}",
    )  # fmt: skip


def _worst(name: str, plays: Mapping[tuple[str, bool], Any]) -> Figure:
    """Compare the worst windows of each policy with gates and without."""
    apart = {}
    for policy in dict.fromkeys(policy for policy, _ in plays if policy != _NEVER):
        on, off = plays[policy, True], plays[policy, False]
        error = math.hypot(*(p["worst_window_se"] or math.nan for p in (on, off)))
        above = on["worst_window"] - off["worst_window"]
        apart[policy] = above / error if error else math.nan
    notes = [f"{policy} {z:.1f}" for policy, z in apart.items()]
    largest = math.nan if any(map(math.isnan, apart.values())) else max(apart.values())
    title = f"{name}: worst window with gates, above that without"
    return at_most(title, largest, NOISE, " se", ", ".join(notes))


def _forgotten(name: str, found: Mapping[str, Any]) -> Figure:
    told = [
        event["why"]
        for play in found["policies"]
        for event in play["events"]
        if event["what"] == "refused at compare" and "never saw" in event["why"]
    ]
    return at_least(
        f"{name}: challengers refused for classes they forgot", len(told), 1, "",
        told[0].partition(":")[0] if told else "none",
    )  # fmt: skip

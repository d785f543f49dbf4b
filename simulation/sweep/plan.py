"""Which cells a sweep plays: every world at every true effect, less what cannot be played."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulation.sweep import guardrails
from simulation.sweep.pairs import DAYS, PAIRED_WORLDS, ROWS_A_DAY
from simulation.sweep.rules import Limits
from simulation.sweep.runs import ALL_WORLDS, wald_of
from simulation.sweep.worlds import ROWS, TICKS, reach_of
from sixgates.gates.errors import ConfigurationError

EFFECTS = (0.0, 0.5, 1.0, 2.0, 4.0, -1.0)
"""True effects of the full table, in margins."""
TOLD: Mapping[str, str] = {
    "iid": "An even split of steady traffic.",
    "open-day": "An even split of steady traffic, looked at ten times within each day.",
    "ramp": "Shares of 1, 5, 25 and 50 %, while the base rate swings between .04 and .16.",
    "intra-user": "Sticky users whose five requests go together (correlation .2), each once.",
    "returning-users": "The same users again and again, each with habits of its own.",
    "delayed": "A ramp whose bad outcomes are known 20 looks later, good ones at once.",
    "stops": "Traffic that ends without notice.",
    "daily": "An effect that strays from day to day, by as much as the margin.",
    "segment-bug": "A bug that hits one segment of 10 % of the requests, ten times as hard.",
    "guardrails": "Six guardrails on the same requests; the effect hits the first one alone.",
    "paired-iid": "Both models answer each request, and the differences are independent.",
    "paired-wave": "Both models answer each request, with a wave within each day.",
    "paired-day": "Both models answer each request, with a random effect of the day.",
    "paired-ar": "Both models answer each request, each difference close to the last (AR .98).",
}
"""What each world is."""

_LIKE = {"daily": "iid", guardrails.NAME: "iid", "returning-users": "intra-user"}
"""Worlds without a limit of Wald's, and those whose limit they cannot beat."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of a sweep."""

    cells: tuple[tuple[str, float], ...]
    """World and true effect in margins."""
    left_out: tuple[str, ...]
    """One sentence about each world, or world and effect, that cannot be played."""


def plan(names: Sequence[str], effects: Sequence[float], limits: Limits) -> Plan:
    """Choose the cells.

    Args:
        names: Worlds to play; none means all.
        effects: True effects in margins.
        limits: What every rule is asked for.

    Raises:
        ConfigurationError: A world of an unknown name, or nothing that can be played.
    """
    if unknown := [name for name in names if name not in ALL_WORLDS]:
        raise ConfigurationError(
            f"no scenario is called {unknown[0]!r}: choose from {', '.join(ALL_WORLDS)}"
        )
    cells: list[tuple[str, float]] = []
    left_out: list[str] = []
    for name in dict.fromkeys(names or ALL_WORLDS):
        if sentence := _too_small(name, limits) or _too_large(name, limits):
            left_out.append(sentence)
            continue
        low, high = _reach(name)
        for effect in dict.fromkeys(effects):
            if low - 1e-9 <= effect * limits.margin <= high + 1e-9:
                cells.append((name, effect))
            else:
                left_out.append(
                    f"{name} cannot have an effect of {effect:g} margins:"
                    f" choose from {low / limits.margin:.3g} to {high / limits.margin:.3g}"
                )
    if not cells:
        raise ConfigurationError(f"nothing can be played: {left_out[0]}")
    return Plan(tuple(cells), tuple(left_out))


def _too_small(name: str, limits: Limits) -> str | None:
    """Say where even Wald's test, which knows everything, ends after the world does."""
    like = _LIKE.get(name, name)
    if wald_of(like, limits.margin, limits) is not None:
        return None
    most = DAYS * ROWS_A_DAY if name in PAIRED_WORLDS else TICKS * ROWS
    return (
        f"{name} holds {most:,} requests, too few to decide about a margin of {limits.margin:.3g}"
        " of the largest loss: widen the margin, or loosen alpha and beta"
    )


def _too_large(name: str, limits: Limits) -> str | None:
    """Say where no challenger can be worse by the margin."""
    _, high = _reach(name)
    if limits.margin <= high:
        return None
    return (
        f"{name} cannot be worse by a margin of {limits.margin:.3g} of the largest loss:"
        f" narrow the margin to {high:.3g}"
    )


def _reach(name: str) -> tuple[float, float]:
    if name in PAIRED_WORLDS:
        return -1.0, 1.0
    return guardrails.REACH if name == guardrails.NAME else reach_of(name)

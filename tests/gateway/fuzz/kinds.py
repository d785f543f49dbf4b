"""All kinds of cases there are, and which of them is the nth of a seed."""

import importlib
from random import Random

from tests.gateway.fuzz.case import MAKES

for _name in ("json", "row", "csv", "tensor", "label", "header", "http"):
    importlib.import_module(f"tests.gateway.fuzz.{_name}_faults")
importlib.import_module("tests.gateway.fuzz.mutations")

LARGE = 0.1
"""Kinds with a smaller weight are those that take megabytes."""

_NAMES = list(MAKES)
_WEIGHTS = [weight for weight, _ in MAKES.values()]


def draw(seed, number):
    """Return the name of a case and the case: always the same for a seed and a number."""
    name, rng = name_of(seed, number)
    return name, MAKES[name][1](rng)


def name_of(seed, number):
    """Return the name of a case, and the generator that makes the case."""
    rng = Random(f"{seed}/{number}")
    (name,) = rng.choices(_NAMES, _WEIGHTS)
    return name, rng


def draw_large(seed, number):
    """Return a case of one of the kinds that are drawn seldom, because they are large."""
    rng = Random(f"large/{seed}/{number}")
    name = rng.choice([name for name, (weight, _) in MAKES.items() if weight < LARGE])
    return name, MAKES[name][1](rng)

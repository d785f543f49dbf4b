"""The page of a backtest: which policy to choose, and what each lost over time.

The page stands alone: no outside asset, no script, light and dark, on paper and on a telephone.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sixgates.adapters.backtest_figure import averaged, draw_policy, windows_per_point
from sixgates.adapters.standalone_page import environment

_NEVER = "never"


def write_backtest(path: Path, found: Mapping[str, Any]) -> None:
    """Write the page.

    Args:
        path: Where to.
        found: What `sixgates backtest --json` prints.
    """
    named = dict.fromkeys(play["policy"] for play in found["policies"])
    never = next((play for play in found["policies"] if play["policy"] == _NEVER), None)
    beside = {} if never is None else {_NEVER: never}
    policies = [
        _Policy(f"policy-{n}", name, found, _by_gates(found, name) | beside)
        for n, name in enumerate(named)
        if name != _NEVER
    ]
    page = environment().get_template("backtest.html.j2").render(
        found=found, policies=policies, per_point=windows_per_point(found["windows"]),
        loss=str(found["loss"]).replace("_", " "),
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Policy:
    """One policy, as the page tells it."""

    id: str
    name: str
    found: Mapping[str, Any]
    plays: dict[str, dict[str, Any]]
    """By `on`, `off` and `never`."""

    @property
    def events(self) -> list[dict[str, Any]]:
        """What happened with gates on, oldest first."""
        events: list[dict[str, Any]] = self.plays.get("on", {"events": []})["events"]
        return events

    def draw(self) -> Markup:
        """Draw what it lost, and what it did."""
        return draw_policy(self.plays, self.found["windows"], _reach(self.found), self.id)


def _by_gates(found: Mapping[str, Any], name: str) -> dict[str, dict[str, Any]]:
    own = (play for play in found["policies"] if play["policy"] == name)
    return {"on" if play["gates"] else "off": play for play in own}


def _reach(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return between which losses all policies lie, with a little room."""
    drawn = [x for play in found["policies"] for x in averaged(play["loss_by_window"])]
    known = [x for x in drawn if math.isfinite(x)]
    if not known:
        return 0.0, 1.0
    room = (max(known) - min(known)) * 0.08 or abs(known[0]) * 0.1 or 1.0
    return min(known) - room, max(known) + room

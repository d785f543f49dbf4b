"""What a death may never leave behind: pure comparisons of what was seen, in sentences."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from cli.rehearsal.matrix.ends import Ends

Facts = dict[str, Any]
"""What `cli.rehearsal.matrix.look.look` returns."""

KINDS = (
    "unreached", "disagreement", "champions", "verdicts", "answers", "left open", "chain", "ending",
    "predictions", "labels", "late gateways", "lease", "rollback", "unforeseen",
)  # fmt: skip
"""What can be violated."""


def champions(seen: Facts) -> list[str]:
    """Say where at this moment there is none, or another than the ledger's newest two.

    A gateway and an alias may lag by one route, for the ledger comes first.
    """
    routes = seen["routes"]
    if not routes:
        return []
    said = []
    digests = {route["champion"] for route in routes[-2:]}
    said += [
        f"gateway {g['url']} serves {g['champion_digest'] or 'nothing'}"
        for g in seen["gateways"]
        if g["champion_digest"] not in digests
    ]
    numbers = {route["versions"][0] for route in routes[-2:]}
    if seen["aliases"] is not None and len(routes) > 1:
        alias = seen["aliases"].get("champion")
        if alias not in numbers:
            said.append(f"the alias champion is {alias}, not one of {sorted(numbers)}")
    return said


def unknown(seen: Facts) -> list[str]:
    """Say what could not be found out of the champion, which is no proof that there is one."""
    said = [] if seen["gateways"] else ["no gateway said what it serves"]
    return said if seen["aliases"] is not None else [*said, "the registry did not say who it is"]


def taken_back(seen: Facts) -> list[str]:
    """Say where a rollback did not take the traffic back."""
    route = seen["routes"][-1]
    if route["step"] != "rolled_back":
        return [f"the newest route is {route['step']}"]
    return unknown(seen) or [
        f"gateway {g['url']} serves {g['champion_digest']} with a share of {g['share']} beside it"
        for g in seen["gateways"]
        if (g["champion_digest"], g["share"]) != (route["champion"], 0.0)
    ]


def differences(died: Facts, end: Facts, undisturbed: Facts, ends: Ends) -> dict[str, list[str]]:
    """Compare how it ended after a death with how it ends without one.

    Args:
        died: What was seen just after the death.
        end: What was seen at the end.
        undisturbed: The same of a walk that nobody killed.
        ends: How alike the two must be.

    Returns:
        Kind to sentences; see `KINDS`.
    """
    whole = {
        "verdicts": _verdicts(died, end),
        "answers": _answers(end),
        "left open": _left_open(end),
        "chain": [str(problem) for problem in end["chain"]],
    }
    if ends is Ends.OTHERWISE:
        return whole
    return {**whole, "ending": _ending(end, undisturbed, ends)}


def lost(acknowledged: Iterable[str], recorded: Iterable[str]) -> list[str]:
    """Return what was acknowledged and is not on record."""
    known = set(recorded)
    return [name for name in acknowledged if name not in known]


def doubled(recorded: Iterable[str]) -> list[str]:
    """Say what is on record more than once."""
    return [f"{name} is on record {n} times" for name, n in Counter(recorded).items() if n > 1]


def _verdicts(died: Facts, end: Facts) -> list[str]:
    said = []
    spoken = Counter((release, gate, epoch) for release, gate, epoch, *_ in end["verdicts"])
    said += [f"{what} was judged {n} times" for what, n in spoken.items() if n > 1]
    before = died["verdicts"]
    if end["verdicts"][: len(before)] != before:
        said.append("a verdict that was on record is gone or another one")
    epochs = {(release, epoch) for release, _, epoch, *_ in end["verdicts"]}
    said += [
        f"the {route['step']} of epoch {route['epoch']} has no verdict"
        for route in end["routes"]
        if route["actor"] == "sixgates"
        and route["step"] not in {"cold_start", "shadow"}
        and (route["release"], route["epoch"] - 1) not in epochs
    ]
    return said


def _answers(end: Facts) -> list[str]:
    times = Counter(release for release, _ in end["answers"])
    return [f"run {run} was answered {n} times" for run, n in times.items() if n > 1]


def _left_open(end: Facts) -> list[str]:
    named = {"unfinished": "intent", "unanswered": "run", "tracked": "tracking run"}
    said = [f"{word} {what} is open" for key, word in named.items() for what in end[key]]
    return [*said, *(["a dead run holds its lease"] if end["live"] else [])]


def _ending(end: Facts, undisturbed: Facts, ends: Ends) -> list[str]:
    said = []
    keys = ("epoch", "step", "share", *(("champion", "beside") if ends is Ends.ALIKE else ()))
    for what, seen in (
        ("ended as", lambda facts: _newest(facts, keys)),
        ("judged", _judged),
        ("answered", lambda facts: [ending for _, ending in facts["answers"]]),
    ):
        ended, expected = seen(end), seen(undisturbed)
        if ended != expected:
            said.append(f"{what} {ended}, undisturbed {expected}")
    return said


def _newest(seen: Facts, keys: Iterable[str]) -> dict[str, Any]:
    return {key: seen["routes"][-1][key] for key in keys} if seen["routes"] else {}


def _judged(seen: Facts) -> list[str]:
    return [f"{gate}: {outcome}, {move}" for _, gate, _, outcome, move in seen["verdicts"]]

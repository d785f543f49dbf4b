"""How an outcome is told to a person who has no dashboard open: a title, a text and a JSON form.

One page answers what happened, by which figures, what serves now, what happens next and when, and
what can be done about it, one command a choice.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sixgates.gates.verdict import Check, numbers

TITLE_LENGTH = 79
"""Most characters of a title."""
_DIGEST_START = 12


@dataclass(frozen=True, slots=True)
class Served:
    """What serves a model at the moment of telling."""

    version: str
    digest: str
    """SHA-256 of the model's text."""
    since: datetime
    """Event time since when it is champion without a break, naive UTC."""
    beside: str
    """What runs beside it, in words; empty where nothing does."""
    confirmed: str
    """Whether the gateways confirm it, in words."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something a person may do, and the command that does it."""

    purpose: str
    command: str


@dataclass(frozen=True, slots=True)
class Message:
    """One outcome, told."""

    id: str
    """The same whenever and wherever this outcome is told: a receiver knows a repeat by it."""
    model: str
    what: str
    """Kind of outcome, in one word."""
    headline: str
    """What happened, in a few words, without the model's name."""
    at: datetime
    """Event time, naive UTC."""
    happened: tuple[str, ...]
    """What happened, in sentences."""
    checks: tuple[Check, ...]
    """The checks that decided; empty where no gate did."""
    served: Served | None
    """None where nothing serves."""
    following: tuple[str, ...]
    """What happens next and when, in sentences."""
    choices: tuple[Choice, ...]
    report: str = ""
    """Address of the page of the run it is about; empty where there is none."""


def title(message: Message) -> str:
    """Return one line of at most `TITLE_LENGTH` characters; a long model name gives way first."""
    headline = _one_line(message.headline)
    room = max(TITLE_LENGTH - len(headline) - 2, 8)
    return _cut(f"{_cut(_one_line(message.model), room)}: {headline}", TITLE_LENGTH)


def text(message: Message) -> str:
    """Return the whole message as plain text that reads well in a chat and in a mail."""
    parts = [
        f"{_one_line(' '.join(message.happened))} ({moment(message.at)})",
        _listed("What decided", map(checked, message.checks)),
        f"Serving now: {_serving(message.served)}",
        _listed("What happens next", map(_one_line, message.following)),
        _listed("What you can do", (f"{c.purpose}:\n  {c.command}" for c in message.choices)),
        f"The whole story: {message.report}" if message.report else "",
        f"Message {message.id}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def document(message: Message) -> dict[str, Any]:
    """Return the message with all its figures, as plain JSON values; what is no number is None."""
    served = message.served
    return {
        "id": message.id,
        "model": message.model,
        "outcome": message.what,
        "at": message.at.isoformat(),
        "title": title(message),
        "text": text(message),
        "checks": [
            {"name": c.name, "outcome": str(c.outcome), "seen": _finite(c.seen),
             "required": _finite(c.required), "n": c.n, "sentence": c.sentence}
            for c in message.checks
        ],
        "serving": served and {
            "version": served.version, "digest": served.digest, "since": served.since.isoformat(),
            "beside": served.beside, "confirmed": served.confirmed,
        },
        "next": list(message.following),
        "choices": [{"purpose": c.purpose, "command": c.command} for c in message.choices],
        "report": message.report,
    }  # fmt: skip


def checked(check: Check) -> str:
    """Return a check with its value, limit and n, each of them said once.

    >>> from sixgates.gates.verdict import Outcome, at_most
    >>> checked(at_most("brier", 0.412, 0.4, 8210))
    'brier 0.412 > limit 0.4 (n = 8,210)'
    >>> checked(Check("loss", Outcome.FAIL, 0.03, 0.02, 70, "harm is likely"))
    'harm is likely [loss 0.03, limit 0.02, n = 70]'
    """
    seen, limit = numbers(_finite(check.seen), _finite(check.required))
    figures = {seen, limit, f"n = {check.n:,}"} - {"none"}
    nothing_measured = seen == limit == "none" and check.n == 0
    if nothing_measured or all(figure in check.sentence for figure in figures):
        return _one_line(check.sentence)
    return f"{_one_line(check.sentence)} [{check.name} {seen}, limit {limit}, n = {check.n:,}]"


def moment(at: datetime, now: datetime | None = None) -> str:
    """Write an event time, and how far away it is where `now` is given.

    >>> moment(datetime(2026, 1, 19, 12), datetime(2026, 1, 5, 12))
    '2026-01-19 12:00 UTC, in 14 days'
    >>> moment(datetime(2026, 1, 5, 11, 20), datetime(2026, 1, 5, 12))
    '2026-01-05 11:20 UTC, 40 minutes ago'
    """
    written = f"{at:%Y-%m-%d %H:%M} UTC"
    if now is None:
        return written
    away = abs((at - now).total_seconds())
    spans = (("day", 86_400), ("hour", 3_600), ("minute", 60))
    unit, seconds = next(((u, s) for u, s in spans if away >= 2 * s), spans[-1])
    count = round(away / seconds)
    if count == 0:
        return f"{written}, now"
    span = f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{written}, in {span}" if at > now else f"{written}, {span} ago"


def _serving(served: Served | None) -> str:
    if served is None:
        return "nothing. No model of this project serves yet."
    beside = f", {served.beside} beside it" if served.beside else ", alone"
    return (
        f"version {served.version} (digest {served.digest[:_DIGEST_START]}…),"
        f" since {moment(served.since)}{beside}. {_one_line(served.confirmed)}"
    )


def _listed(heading: str, lines: Any) -> str:  # noqa: ANN401 - any iterable of text
    items = "\n".join(f"- {line}" for line in lines)
    return f"{heading}:\n{items}" if items else ""


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None


def _one_line(words: str) -> str:
    """A name or a reason may come from outside: no line of it may pass for one of ours."""
    return " ".join("".join(c if c.isprintable() else " " for c in words).split())


def _cut(words: str, length: int) -> str:
    return words if len(words) <= length else f"{words[: length - 1]}…"

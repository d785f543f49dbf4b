"""The roles of the draft as Python."""

from collections.abc import Iterator, Sequence

from sixgates.gates.draft.comments import duration, quoted, review
from sixgates.gates.draft.draft import Draft
from sixgates.gates.draft.guess import Guess

_IN = " " * 4


def roles_text(draft: Draft) -> Iterator[str]:
    """Yield the lines of the roles."""
    yield "roles = Roles("
    yield from _one("event_time", draft.event_time, "when the row happened")
    yield from _one("label", draft.label, "what is to be predicted")
    if draft.label_time is not None:
        yield from _one("label_time", draft.label_time, "when the label became known")
    if draft.label_horizon is not None:
        horizon, why = draft.label_horizon
        yield from review(f"age at which every label is known. {why}", _IN)
        yield f"{_IN}label_horizon={duration(horizon)},"
    if draft.entity is not None:
        yield from _one("entity", draft.entity, "who the row is about, and always meets one model")
    else:
        yield from review(
            "no column says who a row is about. Where the same one comes again, add entity=", _IN
        )
    yield from _several(
        "numeric",
        draft.parts.numeric,
        "quantities. Take out what is not known yet at the moment of the prediction",
    )
    yield from _several("categorical", draft.parts.categorical, "names of things")
    yield from _several("ignored", draft.parts.ignored, "no features")
    yield ")"


def _one(role: str, guess: Guess, what: str) -> Iterator[str]:
    yield from review(f"{what}. {guess.why}", _IN)
    yield f"{_IN}{role}={quoted(guess.value)},"


def _several(role: str, guesses: Sequence[Guess], what: str) -> Iterator[str]:
    if not guesses:
        return
    yield from review(what, _IN)
    yield f"{_IN}{role}=("
    for guess in guesses:
        if guess.why:
            yield from review(guess.why, _IN * 2)
        yield f"{_IN * 2}{quoted(guess.value)},"
    yield f"{_IN}),"

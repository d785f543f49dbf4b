"""Models that were sent away: what the same text may not be offered again for. Pure."""

from collections.abc import Sequence

from sixgates.ledger.entry import Entry, Kind
from sixgates.ledger.route import Route, Step

_SENT_BACK = {Step.ROLLED_BACK: "rolled back", Step.EXPIRED: "not decided by its deadline"}


def refused_before(
    entries: Sequence[Entry], routes: Sequence[Route], digest: str, *, run: str
) -> str | None:
    """Return why a model was refused, rolled back or expired before; None where it never was.

    Args:
        entries: All that is on record of the model, oldest first.
        routes: All its routes, oldest first.
        digest: SHA-256 of the text that is offered.
        run: The run that offers it, which does not count.
    """
    for answer in entries:
        if answer.kind is Kind.ANSWER and str(answer.body["ending"]).startswith("refused at "):
            own = [e for e in entries if e.release == answer.release != run]
            if any(_judged(e) == digest for e in own):
                return f"{answer.body['ending']} in run {answer.release}: {answer.reason}"
    for last in routes:
        if last.step in _SENT_BACK and last.release != run and digest in _tried(last, routes):
            return f"{_SENT_BACK[last.step]} in release {last.release}: {last.reason}"
    return None


def _judged(entry: Entry) -> str | None:
    """Return the digest of the model that a verdict was about."""
    inputs = entry.body.get("inputs") if entry.kind is Kind.VERDICT else None
    return inputs.get("model") if inputs else None


def _tried(last: Route, routes: Sequence[Route]) -> set[str]:
    """Return the digests that a release tried, but for the one that it left in service."""
    own = [r for r in routes if r.release == last.release and r.epoch < last.epoch]
    beside = {r.beside.version.digest for r in own if r.beside}
    return (beside | {r.champion.digest for r in own}) - {last.champion.digest}

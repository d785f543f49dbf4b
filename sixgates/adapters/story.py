"""What the ledger tells of a model, or of one run of it, as plain values for reports and JSON."""

from datetime import datetime
from typing import Any

from sixgates.adapters.drift_story import drifted
from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Entry, Kind, Ledger
from sixgates.ledger.route import Route
from sixgates.ledger.telling import confirmed


def tell(world: World, model: str, run: str | None = None) -> dict[str, Any]:
    """Return alerts, retrains with the verdict of each gate, and every step of the route.

    Args:
        world: What happened, and what the watch keeps with each model.
        model: Of which model.
        run: One run alone, with the alert that it answered; None for all there is.
    """
    ledger = world.ledger
    entries = [e for e in ledger.entries(model) if e.kind not in {Kind.INTENT, Kind.CLOSED}]
    every = routes = ledger.routes(model)
    alerts = [e for e in entries if e.kind is Kind.ALERT]
    if run is not None:
        asked = {e.body["alert"] for e in entries if e.kind is Kind.RUN and e.release == run}
        alerts = [a for a in alerts if a.seq in asked]
        entries = [e for e in entries if e.release == run]
        routes = [r for r in routes if r.release == run]
    moments = [e.at for e in (*alerts, *entries)] + [r.at for r in routes]
    return {
        "alerts": [
            {"at": a.at.isoformat(), "entry": a.seq, "reason": a.reason, **a.body,
             **drifted(world.references, every, a)}
            for a in alerts
        ],
        "retrains": _retrains(entries, routes),
        "timeline": [
            {"at": r.at.isoformat(), "epoch": r.epoch, "step": r.step, "reason": r.reason,
             "champion": r.champion.number, "share": r.beside.share if r.beside else 0.0}
            for r in routes
        ],
        "verdicts": [
            {"at": e.at.isoformat(), "run": e.release, **e.body}
            for e in entries if e.kind is Kind.VERDICT
        ],
        "alert_to_verdict_seconds": _alert_to_verdict(alerts, entries),
        "began": min(moments, default=datetime.min).isoformat(),  # noqa: DTZ901 - naive UTC
        "reason": routes[-1].reason if routes else entries[-1].reason if entries else "",
    }  # fmt: skip


def served(ledger: Ledger, model: str) -> dict[str, Any]:
    """Return what the gateways say they serve by the newest route, and whether that is so.

    `denied` is where one was asked and does not; that nobody was there to ask is no trouble.
    """
    route = ledger.route(model)
    if route is None:
        return {"serving": {"champion": ""}, "proved": False, "denied": False, "confirmed": ""}
    proofs = [p for p in ledger.entries(model, kind=Kind.PROOF) if p.body["epoch"] == route.epoch]
    proof = proofs[-1] if proofs else None
    answers = proof.body["answers"] if proof else []
    proved = proof is not None and bool(proof.body["proved"])
    return {
        "serving": answers[0] if answers else {"champion": ""},
        "by_ledger": route.champion.number,
        "proved": proved,
        "denied": proof is not None and not proved and bool(answers or proof.body["trouble"]),
        "confirmed": confirmed(proof, route),
    }


def _retrains(entries: list[Entry], routes: list[Route]) -> list[dict[str, Any]]:
    """One item a retrain: the verdict of each gate it met, and how it ended."""
    retrains = []
    for run in (e for e in entries if e.kind is Kind.RUN):
        own = [e for e in entries if e.release == run.release]
        gates = {e.body["gate"]: e.body["outcome"] for e in own if e.kind is Kind.VERDICT}
        last = next((r for r in reversed(routes) if r.release == run.release), None)
        ending = next((e.body["ending"] for e in own if e.kind is Kind.ANSWER), "under way")
        retrains.append(
            {
                "run": run.release,
                "at": run.at.isoformat(),
                "trigger": run.reason,
                "verdicts": gates,
                "ending": last.step if last else ending,
                "reason": last.reason if last else own[-1].reason,
            }
        )
    return retrains


def _alert_to_verdict(alerts: list[Entry], entries: list[Entry]) -> float | None:
    """Wall seconds from the first alert to the end of what it brought about."""
    if not alerts:
        return None
    runs = {e.release for e in entries if e.kind is Kind.RUN and e.body["alert"] == alerts[0].seq}
    ends = [e.recorded for e in entries if e.release in runs]
    return round((max(ends) - alerts[0].recorded).total_seconds(), 1) if ends else None

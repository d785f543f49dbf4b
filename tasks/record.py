"""Write a verdict where people and programs look for it: ledger, registry and Prefect's UI."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from prefect.artifacts import create_markdown_artifact

from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.wiring import World
from sixgates.gates.decision import Move
from sixgates.gates.differences import Difference
from sixgates.gates.verdict import Gate, Outcome, Verdict
from sixgates.ledger.ledger import Entry, Kind

_SIGNS = {Outcome.PASS: "passed", Outcome.FAIL: "refused", Outcome.INCONCLUSIVE: "open"}


def record(
    world: World,
    *,
    model: str,
    release: str,
    verdict: Verdict,
    tracking: str,
    epoch: int = 0,
    move: Move | None = None,
    inputs: Mapping[str, Any] | None = None,
    summary: Sequence[str] = (),
    differences: Sequence[Difference] = (),
    page: str = "",
) -> None:
    """Record a verdict of a run or release; a retry of the same task records it once.

    Args:
        world: Where to.
        model: Registered name.
        release: The run or release that was judged.
        verdict: What to record.
        tracking: Tracking run in the registry, empty where there is none.
        epoch: Epoch of the route that was judged; 0 before there is a release.
        move: The move that followed; None before there is a release.
        inputs: Plain values by which `sixgates replay` finds again what the gate looked at.
        summary: Sentences for whoever has to act on a refusal; they go out with its message.
        differences: Between both models, for the picture of gate 4.
        page: Markdown that is shown below the verdict.
    """
    body = {**verdict.to_dict(), "epoch": epoch, "move": move, "inputs": dict(inputs or {})}
    if summary:
        body["summary"] = list(summary)
    if differences:
        body["differences"] = [asdict(difference) for difference in differences]
    given = {"gate": verdict.gate, "epoch": epoch, "tracking": tracking}
    with intended(world, Effect.LOG_VERDICT, model, release=release, given=given):
        _append_once(world, model, release, verdict, body)
        if tracking:
            world.registry.log_verdict(tracking, verdict)
    show(model, verdict, page)


def said(world: World, model: str, run: str, gate: Gate) -> Entry | None:
    """Return the verdict of a gate on a run, None where it has not spoken: it speaks once."""
    verdicts = world.ledger.entries(model, kind=Kind.VERDICT, release=run)
    before_release = (v for v in verdicts if not v.body.get("epoch"))
    return next((v for v in before_release if v.body["gate"] == gate), None)


def mark_refused(world: World, *, model: str, release: str, version: str, reason: str) -> None:
    """Tag a version as refused, with the reason."""
    tags = {"refused": reason[:500]}
    given = {"version": version, "tags": tags}
    with intended(world, Effect.MARK_VERSION, model, release=release, given=given):
        world.registry.mark(model, version, tags)


def show(model: str, verdict: Verdict, page: str = "") -> None:
    """Publish a verdict as an artifact that a person can read in Prefect's UI."""
    gate = verdict.gate
    create_markdown_artifact(
        key=f"{model}-gate-{gate.number}-{gate}",
        description=f"Gate {gate.number}, {gate}, of {model}",
        markdown="\n\n".join(filter(None, (as_markdown(model, verdict), page))),
    )


def show_report(model: str, run: str, address: str) -> None:
    """Publish where the page of a run is as an artifact, so that a click opens it.

    Args:
        model: Registered name.
        run: Of the ledger.
        address: As `report_address` returns it.
    """
    create_markdown_artifact(
        key=f"{model}-report",
        description=f"Report of the newest run of {model}",
        markdown=f"# {model}: run {run}\n\n[What happened, when and why]({address})\n\n`{address}`",
    )


def _append_once(
    world: World, model: str, release: str, verdict: Verdict, body: dict[str, Any]
) -> None:
    known = world.ledger.entries(model, kind=Kind.VERDICT, release=release)
    if body["move"] == Move.HOLD:
        known = known[-1:]  # one that moves nothing may come again, after another one
    if not any(
        Verdict.from_dict(e.body) == verdict
        and (e.body.get("epoch"), e.body.get("move")) == (body["epoch"], body["move"])
        for e in known
    ):
        world.ledger.append(
            model, Kind.VERDICT, at=world.clock.now(), release=release, reason=verdict.reason,
            body=body,
        )  # fmt: skip


def as_markdown(model: str, verdict: Verdict) -> str:
    """Write a verdict as a table of its checks."""
    gate = verdict.gate
    lines = [
        f"# {model}: gate {gate.number}, {gate}: {_SIGNS[verdict.outcome]}",
        "",
        verdict.reason,
        "",
        "| check | outcome | seen | required | n | in words |",
        "|---|---|---|---|---|---|",
    ]
    for c in verdict.checks:
        seen = "" if c.seen is None else f"{c.seen:.6g}"
        required = "" if c.required is None else f"{c.required:.6g}"
        name, sentence = (text.replace("|", "\\|") for text in (c.name, c.sentence))
        sign = f"muted, {_SIGNS[c.outcome]}" if c.muted else _SIGNS[c.outcome]
        lines.append(f"| {name} | {sign} | {seen} | {required} | {c.n:,} | {sentence} |")
    return "\n".join(lines)

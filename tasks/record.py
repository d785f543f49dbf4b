"""Write a verdict where people and programs look for it: ledger, registry and Prefect's UI."""

from prefect.artifacts import create_markdown_artifact

from sixgates.adapters.wiring import World
from sixgates.gates.verdict import Outcome, Verdict
from sixgates.ledger.ledger import Kind

_SIGNS = {Outcome.PASS: "passed", Outcome.FAIL: "refused", Outcome.INCONCLUSIVE: "open"}


def record(
    world: World, *, model: str, release: str, verdict: Verdict, tracking: str, epoch: int = 0
) -> None:
    """Record a verdict of a run or release; a retry of the same task records it once.

    Args:
        world: Where to.
        model: Registered name.
        release: The run or release that was judged.
        verdict: What to record.
        tracking: Tracking run in the registry, empty where there is none.
        epoch: Epoch of the route that was judged; 0 before there is a release.
    """
    known = world.ledger.entries(model, kind=Kind.VERDICT, release=release)[-1:]
    if not any(
        Verdict.from_dict(e.body) == verdict and e.body.get("epoch") == epoch for e in known
    ):
        world.ledger.append(
            model, Kind.VERDICT, at=world.clock.now(), release=release,
            reason=verdict.reason, body={**verdict.to_dict(), "epoch": epoch},
        )  # fmt: skip
    if tracking:
        world.registry.log_verdict(tracking, verdict)
    show(model, verdict)


def show(model: str, verdict: Verdict) -> None:
    """Publish a verdict as an artifact that a person can read in Prefect's UI."""
    gate = verdict.gate
    create_markdown_artifact(
        key=f"{model}-gate-{gate.number}-{gate}",
        description=f"Gate {gate.number}, {gate}, of {model}",
        markdown=as_markdown(model, verdict),
    )


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
        lines.append(
            f"| {name} | {_SIGNS[c.outcome]} | {seen} | {required} | {c.n:,} | {sentence} |"
        )
    return "\n".join(lines)

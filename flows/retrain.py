"""Gates 1 to 4: from the reason for a retrain to a challenger in shadow, or a refusal."""

from typing import Any

from prefect import flow
from prefect.states import Completed

from flows.hooks import note_broken_flow, notify, record_breakdown
from flows.naming import run_name
from sixgates.gates.ports import ModelRef
from sixgates.gates.verdict import Verdict
from tasks.answer import Broken, answer
from tasks.compare import compare
from tasks.evaluate import evaluate
from tasks.release import prove, release
from tasks.retrain import train_challenger
from tasks.run import Busy, Held, Run, begin
from tasks.validate import validate


@flow(
    name="retrain",
    flow_run_name=run_name,
    on_completion=[notify],
    on_failure=[record_breakdown, notify],
    on_crashed=[note_broken_flow, notify],  # its run goes on when the next one is asked for
)
def retrain(
    project: str,
    data: str | None = None,
    alert: int | None = None,
    trigger: str = "by hand",
    *,
    override: str = "",
    by: str = "",
) -> Any:  # noqa: ANN401 - Prefect's state
    """Take the newest data through gates 1 to 4 and open a release.

    Args:
        project: Name or path of a project file.
        data: Address of the data; the project's own source where not given.
        alert: Ledger entry of the alert that asked for this run.
        trigger: Who or what asked, in words; by default a person.
        override: Why a person wants the run in a freeze all the same; empty for no.
        by: Name of that person; where tokens are, the worker's own says whose word it is.
    """
    run = begin(project, data, alert, trigger, override=override, by=by)
    if isinstance(run, Busy | Held):
        return Completed(name=type(run).__name__, message=run.reason)
    validated = validate(run)
    if not validated.verdict.passed:
        return _refuse(run, validated.verdict)
    trained = train_challenger(run, validated.dataset)
    if trained.model is None:
        return _refuse(run, trained.verdict)
    for gate in (evaluate, compare):
        verdict = gate(run, validated.dataset, trained.model)
        if not verdict.passed:
            return _refuse(run, verdict, trained.model)
    proof = prove(run, trained.model)
    if not proof.passed:
        return _refuse(run, proof, trained.model)
    return _open(run, trained.model, verdict.reason)


def _open(run: Run, model: ModelRef, reason: str) -> Any:  # noqa: ANN401 - Prefect's state
    route = release(run, model, reason)
    if isinstance(route, Held | Broken):
        return Completed(name=type(route).__name__, message=route.reason)
    answer(run, "released", f"version {model.version} is in step {route.step}")
    return Completed(name="Released", message=f"version {model.version}: {route.step}")


def _refuse(run: Run, verdict: Verdict, model: ModelRef | None = None) -> Any:  # noqa: ANN401
    reason = f"gate {verdict.gate.number}, {verdict.gate}: {verdict.reason}"
    answer(run, f"refused at {verdict.gate}", reason, model)
    return Completed(name="Rejected", message=reason)

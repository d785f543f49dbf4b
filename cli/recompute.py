"""One stored verdict, judged again: by the same gates, from what was stored of that moment.

Models, rows, log and routes are read as they were. What belongs to the moment alone comes from the
record: latency and size as measured then, time and memory of the training, answers that could not
be logged. The model stays the one that was trained, so the training policy of its run holds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
from polars.exceptions import PolarsError
from pydantic import ValidationError

from cli.policy_changes import Changes, changed
from sixgates.adapters.dataset_store import read_rows, stored_rows
from sixgates.adapters.wiring import World
from sixgates.gates.data.evidence import DataEvidence
from sixgates.gates.data.rows import rule_column, split_rows
from sixgates.gates.decision import Move
from sixgates.gates.errors import ContractError
from sixgates.gates.evaluate import judge_holdout
from sixgates.gates.footprint import Footprint
from sixgates.gates.policy import TrainingPolicy
from sixgates.gates.project import Project
from sixgates.gates.retrain import TrainingEvidence, judge_training
from sixgates.gates.timesplit import TimeSplit, time_split
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.ledger import Entry, Kind
from sixgates.ledger.route import Route

_LIMITS = frozenset({"max_seconds", "max_memory_mb"})
"""Fields of the training policy that judge a training; the others make the model what it is."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What a gate says now of what it saw then."""

    verdict: Verdict
    move: Move | None
    """The move that follows; None before there is a release."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is known of one model today."""

    world: World
    project: Project
    """As its file says today."""
    changes: Changes

    def recompute(self, entry: Entry) -> Rejudged:
        """Judge again what a stored verdict judged.

        Raises:
            PipelineError: it cannot be computed; the message says why.
        """
        stored = Verdict.from_dict(entry.body)
        if stored.gate is Gate.CANARY and not entry.body.get("epoch"):
            # The gateways' own probes, which no policy judges.
            return Rejudged(Verdict.of(stored.gate, list(stored.checks)), None)
        if (entry.body.get("inputs") or {}).get("refused_before"):
            # What was sent away before stays so, whatever the policy.
            return Rejudged(Verdict.of(stored.gate, list(stored.checks)), None)
        project = self._project_of(entry, stored.gate)
        if stored.gate in {Gate.CANARY, Gate.MONITOR}:
            return self._release(entry, stored, project)
        try:
            return Rejudged(self._run(entry, stored, project), None)
        except PolarsError as exc:
            said = str(exc).splitlines()[0]
            raise ContractError(
                f"the stored rows do not fit the project as it is today ({said})"
            ) from exc

    def _run(self, entry: Entry, stored: Verdict, project: Project) -> Verdict:
        """Judge one of the gates of a run, 1 to 4."""
        inputs = _inputs(entry)
        match stored.gate:
            case Gate.VALIDATE:
                return self._validation(entry.release, inputs, project)
            case Gate.RETRAIN:
                return _training(stored, inputs, project)
            case Gate.EVALUATE:
                return self._evaluation(entry.release, inputs, project)
            case _:
                return self._comparison(entry.release, inputs, project)

    def _project_of(self, entry: Entry, gate: Gate) -> Project:
        """Return the project under the changed policies, with what shaped the model of the run."""
        training = self.project.policies.training
        runs = self.world.ledger.entries(entry.model, kind=Kind.RUN, release=entry.release)
        if runs and "training" in runs[0].body:
            limits = training.model_dump(include=set(_LIMITS))
            try:
                training = TrainingPolicy.model_validate(runs[0].body["training"] | limits)
            except ValidationError as exc:
                raise ContractError("the training policy of its run cannot be read") from exc
        project = changed(self.project, self.changes, training=training)
        for name in self.changes.get("training", {}):
            was, now = getattr(training, name), getattr(project.policies.training, name)
            shapes_rows = gate is not Gate.VALIDATE or name == "window"
            if name not in _LIMITS and was != now and shapes_rows:
                raise ContractError(
                    f"training.{name} was {was} for this run: with {now} another model would have"
                    " been trained"
                )
        return project

    def _validation(self, run: str, inputs: dict[str, Any], project: Project) -> Verdict:
        if "data" not in inputs:
            raise ContractError("it was recorded before gate 1 kept what it measured of the data")
        accepted, quarantined = stored_rows(self.world.settings.runs, run)
        refused = read_rows(quarantined, inputs["quarantined"])
        its = refused.drop(rule_column(refused))
        rows = pl.concat([read_rows(accepted, inputs["accepted"]), its])
        at, after = datetime.fromisoformat(inputs["as_of"]), inputs["new_after"]
        # Older verdicts know of no broken feed.
        broken = [
            (datetime.fromisoformat(start), datetime.fromisoformat(end))
            for start, end in inputs.get("broken", ())
        ]
        ordered = rows.sort(project.roles.event_time, maintain_order=True)
        return judge_validation(
            split_rows(ordered, project, at, broken),
            DataEvidence.from_dict(inputs["data"]),
            project,
            at,
            new_after=datetime.fromisoformat(after) if after else None,
        )

    def _evaluation(self, run: str, inputs: dict[str, Any], project: Project) -> Verdict:
        from sixgates.adapters.holdout_answers import holdout_evidence

        split = self._split(run, inputs, project)
        text, card = self.world.models.get(project.name, inputs["model"])
        footprint = Footprint(**inputs["footprint"])
        evidence = holdout_evidence(project, split, (text, card), footprint)
        return judge_holdout(evidence, project.policies.evaluation, project.loss)

    def _comparison(self, run: str, inputs: dict[str, Any], project: Project) -> Verdict:
        from tasks.compare import judge

        holdout = self._split(run, inputs, project).holdout
        return judge(
            self.world, project, holdout, champion=inputs["champion"], challenger=inputs["model"]
        )

    def _split(self, run: str, inputs: dict[str, Any], project: Project) -> TimeSplit:
        accepted, _ = stored_rows(self.world.settings.runs, run)
        rows = read_rows(accepted, inputs["accepted"])
        return time_split(rows, project, datetime.fromisoformat(inputs["as_of"]))

    def _release(self, entry: Entry, stored: Verdict, project: Project) -> Rejudged:
        from tasks import canary, monitor
        from tasks.tick import scene_at

        # Verdicts from before these were kept have the moment of the record, a little later.
        inputs = entry.body.get("inputs") or {}
        at, read = (
            datetime.fromisoformat(inputs[name]) if name in inputs else moment
            for name, moment in (("as_of", entry.at), ("read", entry.recorded))
        )
        scene = scene_at(self.world, project, self._route(entry), at, read)
        if stored.gate is Gate.MONITOR:
            judged = monitor.judge(scene)
        else:
            lost = next((c.seen for c in stored.checks if c.name == "complete log"), None)
            # Whether a breaker was on record by then, only the verdict tells: clocks may differ.
            cut = any(c.name == "breaker" for c in stored.checks)
            breaker = canary.breaker_of(scene) if cut else None
            judged = canary.judge(scene, unlogged=int(lost or 0), breaker=breaker)
        return Rejudged(judged.decision.verdict, judged.decision.move)

    def _route(self, entry: Entry) -> Route:
        routes = self.world.ledger.routes(entry.model)
        route = next((r for r in routes if r.epoch == entry.body.get("epoch")), None)
        if route is None:
            raise ContractError("the ledger has no route of its epoch")
        return route


def _training(stored: Verdict, inputs: dict[str, Any], project: Project) -> Verdict:
    policy = project.policies.training
    evidence = TrainingEvidence.from_dict(inputs["evidence"])
    limits = {c.name: c.required for c in stored.checks}
    then, now = {
        "time": (limits["training seconds"], policy.max_seconds),
        "memory": (limits["training memory in MB"], policy.max_memory_mb),
    }.get(evidence.stopped, (None, 0.0))
    if then is not None and now > then:
        raise ContractError(
            f"training was stopped by its limit on {evidence.stopped}: what more of it would have"
            " given is not known"
        )
    return judge_training(evidence, policy)


def _inputs(entry: Entry) -> dict[str, Any]:
    inputs: dict[str, Any] = entry.body.get("inputs") or {}
    if not inputs:
        raise ContractError("it was recorded before verdicts kept what they were judged on")
    return inputs

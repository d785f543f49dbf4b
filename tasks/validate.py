"""Gate 1: read the data as of now, keep what may be trusted, quarantine the rest."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from sixgates.adapters.atomic_files import write_atomically
from sixgates.adapters.dataset_store import read_rows, rows_digest, stored_rows
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.engine.check import Asked
from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.quarantine_rows import count_refusals
from sixgates.adapters.wiring import World
from sixgates.gates.data.summary import as_page, in_sentences, summarise
from sixgates.gates.ports import DatasetRef
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured
from sixgates.gates.validate import judge_counts
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.feed import broken_stretches
from sixgates.ledger.ledger import Entry, Kind
from tasks.quarantine import quarantine
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of
from tasks.service import said_in_service, skew_of_service


@dataclass(frozen=True, slots=True)
class Validated:
    """What gate 1 leaves: the stored rows, and its verdict on them."""

    dataset: DatasetRef
    verdict: Verdict


@task(**TRANSIENT, cache_policy=NO_CACHE)
def validate(run: Run) -> Validated:
    """Judge the rows of the training window, and above all those the champion has not seen."""
    world, project = world_of(run)
    event_time = project.roles.event_time
    if known := said(world, run.model, run.id, Gate.VALIDATE):
        verdict = Verdict.from_dict(known.body)
        dataset = _stored(world, project, run, known)
        quarantine(world, run.model, run.id, event_time=event_time, inputs=known.body["inputs"])
        return Validated(dataset, verdict)
    lake = ProjectLake(project, run.data)
    notices = world.ledger.entries(run.model, kind=Kind.NOTICE)
    broken = [(stretch.start, stretch.end) for stretch in broken_stretches(notices)]
    route = world.ledger.route(run.model)
    seen_until = world.references.until(route)
    said_lately = said_in_service(world, project, route, run.at)
    engine = engine_of(world.settings.engine)
    checked = engine.check(Asked(
        project, run.project, lake, run.at, world.settings.runs, run.id, broken, seen_until,
        said_lately,
    ))  # fmt: skip
    skew = skew_of_service(world, project, route, said_lately, checked.pairs)
    data = replace(checked.data, skew=skew)
    verdict = judge_counts(checked.counts, data, project, run.at)
    summary = summarise(checked.refusals, checked.counts.problems, verdict, project)
    page = as_page(summary, run.model, verdict) if summary.to_tell else ""
    with intended(world, Effect.STORE_ROWS, run.model, release=run.id, given={}):
        dataset = checked.store()
        told = world.settings.runs / run.id / "summary.md"
        if page:
            write_atomically(told, page.encode())
    if checked.engine != engine.name:
        get_run_logger().info("gate 1 reads its rows in this process: they do not lie in files")
    inputs = {
        "engine": checked.engine,
        "as_of": run.at.isoformat(),
        "source": dataset.source,
        "new_after": seen_until and seen_until.isoformat(),
        "broken": [[start.isoformat(), end.isoformat()] for start, end in broken],
        "accepted": dataset.digest,
        "quarantined": rows_digest(Path(dataset.quarantine)),
        "refused": [r._asdict() for r in count_refusals(checked.refusals)],
        "data": data.to_dict(),
    }
    sentences = [*in_sentences(summary), *_where(run, dataset, told)]
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs=inputs, summary=() if verdict.passed else sentences, page=page,
    )  # fmt: skip
    quarantine(
        world, run.model, run.id, event_time=event_time, inputs=inputs, refused=checked.refused
    )
    return Validated(dataset, verdict)


def _where(run: Run, dataset: DatasetRef, page: Path) -> Iterator[str]:
    """Say where more is told of a refusal, values of rows included."""
    if dataset.quarantined:
        asked = shlex.quote(run.project)
        yield f"Look at the rows: `sixgates quarantine --project {asked} --run {run.id}`."
    yield f"All of it on one page: {page}."


def _stored(world: World, project: Project, run: Run, verdict: Entry) -> DatasetRef:
    """Return the rows that a former try of this run stored and judged.

    Raises:
        ContractError: a file is gone, or is not the one that was judged.
    """
    path, quarantine = stored_rows(world.settings.runs, run.id)
    inputs, roles = verdict.body["inputs"], project.roles
    times = [name for name in (roles.event_time, roles.label, roles.label_time) if name]
    accepted = read_rows(path, inputs["accepted"], times)
    return DatasetRef(
        path=str(path),
        digest=inputs["accepted"],
        # Asked again, a table might name a later version. Older verdicts do not have it.
        source=inputs.get("source") or ProjectLake(project, run.data).describe(),
        as_of=run.at,
        rows=accepted.height,
        matured=int(is_matured(accepted, project, run.at).sum()),
        quarantine=str(quarantine),
        quarantined=read_rows(quarantine, inputs["quarantined"], times[:1]).height,
    )

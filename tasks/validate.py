"""Gate 1: read the data as of now, keep what may be trusted, quarantine the rest."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from sixgates.adapters.atomic_files import write_atomically
from sixgates.adapters.dataset_store import file_digest, read_rows, stored_rows, write_dataset
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.engine.choose import LOCAL
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.quarantine_rows import count_refusals
from sixgates.adapters.wiring import World
from sixgates.gates.data.evidence import measure_data
from sixgates.gates.data.refusals import refusals_of
from sixgates.gates.data.rows import RowSplit, split_rows
from sixgates.gates.data.summary import as_page, in_sentences, summarise
from sixgates.gates.ports import DatasetRef
from sixgates.gates.project import Project
from sixgates.gates.timesplit import is_matured, matured
from sixgates.gates.validate import judge_validation
from sixgates.gates.verdict import Gate, Verdict
from sixgates.ledger.feed import broken_stretches
from sixgates.ledger.ledger import Entry, Kind
from tasks.newest_weeks import newest_weeks, order_of_source, skew_of_service
from tasks.quarantine import quarantine
from tasks.record import record, said
from tasks.retry import TRANSIENT
from tasks.run import Run, world_of


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
    window = project.policies.training.window
    # A row without a time is no older than the window: gate 1 refuses it by name.
    rows = lake.as_of(run.at, None if window is None else run.at - window).collect()
    notices = world.ledger.entries(run.model, kind=Kind.NOTICE)
    broken = [(stretch.start, stretch.end) for stretch in broken_stretches(notices)]
    split = split_rows(rows, project, run.at, broken)
    route = world.ledger.route(run.model)
    seen_until = world.references.until(route)
    data = measure_data(
        newest_weeks(lake, project, rows, run.at),
        split,
        project,
        run.at,
        new_after=seen_until,
        broken=broken,
        order=order_of_source(lake, project, run.at, seen_until),
        skew=skew_of_service(world, project, route, split.accepted, run.at),
    )
    verdict = judge_validation(split, data, project, run.at, new_after=seen_until)
    refusals = refusals_of(split, project)
    summary = summarise(refusals, split.problems, verdict, project)
    page = as_page(summary, run.model, verdict) if summary.to_tell else ""
    with intended(world, Effect.STORE_ROWS, run.model, release=run.id, given={}):
        dataset = write_dataset(
            world.settings.runs,
            run.id,
            accepted=split.accepted,
            quarantined=split.quarantined,
            source=lake.pin(),
            as_of=run.at,
            matured=int(is_matured(split.accepted, project, run.at).sum()),
        )
        told = world.settings.runs / run.id / "summary.md"
        if page:
            write_atomically(told, page.encode())
    if world.settings.engine != LOCAL:
        get_run_logger().info("gate 1 reads its rows in this process: Dask does not do that yet")
    inputs = {
        "engine": LOCAL,
        "as_of": run.at.isoformat(),
        "source": dataset.source,
        "new_after": seen_until and seen_until.isoformat(),
        "broken": [[start.isoformat(), end.isoformat()] for start, end in broken],
        "accepted": dataset.digest,
        "quarantined": file_digest(Path(dataset.quarantine)),
        "refused": [r._asdict() for r in count_refusals(refusals)],
        "data": data.to_dict(),
    }
    sentences = [*in_sentences(summary), *_where(run, split, told)]
    record(
        world, model=run.model, release=run.id, verdict=verdict, tracking=run.tracking,
        inputs=inputs, summary=() if verdict.passed else sentences, page=page,
    )  # fmt: skip
    quarantine(
        world, run.model, run.id, event_time=event_time, inputs=inputs, refused=split.quarantined
    )
    return Validated(dataset, verdict)


def _where(run: Run, split: RowSplit, page: Path) -> Iterator[str]:
    """Say where more is told of a refusal, values of rows included."""
    if split.quarantined.height:
        asked = shlex.quote(run.project)
        yield f"Look at the rows: `sixgates quarantine --project {asked} --run {run.id}`."
    yield f"All of it on one page: {page}."


def _stored(world: World, project: Project, run: Run, verdict: Entry) -> DatasetRef:
    """Return the rows that a former try of this run stored and judged.

    Raises:
        ContractError: a file is gone, or is not the one that was judged.
    """
    path, quarantine = stored_rows(world.settings.runs, run.id)
    inputs = verdict.body["inputs"]
    accepted = read_rows(path, inputs["accepted"])
    return DatasetRef(
        path=str(path),
        digest=inputs["accepted"],
        # Asked again, a table might name a later version. Older verdicts do not have it.
        source=inputs.get("source") or ProjectLake(project, run.data).describe(),
        as_of=run.at,
        rows=accepted.height,
        matured=matured(accepted, project, run.at).height,
        quarantine=str(quarantine),
        quarantined=read_rows(quarantine, inputs["quarantined"]).height,
    )

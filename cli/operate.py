"""What each command does, returning plain values; how they are shown is another file's business."""

import atexit
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli.approval import question_of, returns_of
from cli.line import brakes_of
from sixgates.gates.errors import PipelineError, TransientError

if TYPE_CHECKING:
    import polars as pl

    from sixgates.gates.project import Project
    from sixgates.ledger.leases import Lease


def check(project: str, data: str | None) -> dict[str, Any]:
    """Return what is wrong with a project and its data, and what its policies mean."""
    from sixgates.adapters.lake.project_lake import ProjectLake
    from sixgates.adapters.project_files import load_project
    from sixgates.gates.data.contract import table_problems

    loaded = load_project(project)
    problems: list[str] = []
    notes: list[str] = []
    rows: int | None = None
    source: str | None = None
    if data is not None or loaded.source is not None:
        lake = ProjectLake(loaded, data)
        try:
            lake.check()
            frame = lake.as_of(datetime.max).collect()  # noqa: DTZ901 - every row
            rows, source = frame.height, lake.pin()
            problems += list(table_problems(frame, loaded))
            if rows < loaded.policies.validation.min_rows:
                problems.append(
                    f"{rows:,} rows are fewer than validation.min_rows"
                    f" ({loaded.policies.validation.min_rows:,}): gate 1 would refuse"
                )
            if not problems:
                problems, notes = _said_of_rows(frame, loaded)
        except PipelineError as exc:
            problems.append(str(exc))
    problems += _refused_by_lightgbm(loaded)
    if loaded.policies.comparison.cold_start == "refuse":
        notes.append("no first model can serve: comparison.cold_start is 'refuse'")
    if loaded.prediction_changes_outcome != "no":
        notes.append("the loss is judged by the random split alone: shadow pairs do not count")
    if loaded.roles.entity is None:
        notes.append("no entity: every request is split for itself")
    return {
        "project": loaded.name, "rows": rows, "source": source, "problems": problems,
        "notes": notes,
    }  # fmt: skip


def _refused_by_lightgbm(project: "Project") -> list[str]:
    from sixgates.adapters.lightgbm_trainer import require_trainer

    try:
        require_trainer(project)
    except PipelineError as exc:
        return [str(exc)]
    return []


def _said_of_rows(rows: "pl.DataFrame", project: "Project") -> tuple[list[str], list[str]]:
    """Return problems and notes of rows that have all columns."""
    from sixgates.adapters.wiring import present
    from sixgates.gates.timesplit import naive_utc

    now, at = present(), naive_utc(rows, project.roles.event_time)
    ahead, notes = at.filter(at > now), []
    if not ahead.is_empty():
        newest: datetime = ahead.max()  # type: ignore[assignment]
        which = "all" if len(ahead) == rows.height else f"{len(ahead):,} of {rows.height:,}"
        said = (
            f"{which} rows lie after the present, {now:%Y-%m-%d %H:%M}, up to"
            f" {newest:%Y-%m-%d %H:%M}: no run reads a row before its {at.name!r}"
        )
        rows = rows.filter((at <= now).fill_null(value=True))
        if rows.is_empty():
            return [said], []
        notes = [said]
    if problems := _refused_by_gate_1(rows, project):
        return problems, notes
    return [], notes + _too_few_clusters(rows, project)


def _refused_by_gate_1(rows: "pl.DataFrame", project: "Project") -> list[str]:
    """Say what of single rows gate 1 would refuse if it looked when the newest one comes."""
    from sixgates.gates.data.counts import count_split
    from sixgates.gates.data.rows import split_rows
    from sixgates.gates.timesplit import naive_utc
    from sixgates.gates.validate import row_checks
    from sixgates.gates.verdict import Outcome

    at = naive_utc(rows, project.roles.event_time)
    now: datetime = at.max()  # type: ignore[assignment]
    if (window := project.policies.training.window) is not None:
        rows = rows.filter(at.is_null() | (at > now - window))
    counts = count_split(split_rows(rows, project, now), project, now)
    if counts.problems:
        return list(counts.problems)
    checks = row_checks(counts, project, now)
    return [f"gate 1 would refuse: {c.sentence}" for c in checks if c.outcome is Outcome.FAIL]


def _too_few_clusters(rows: "pl.DataFrame", project: "Project") -> list[str]:
    """Say where the newest holdout is too short for gate 4, which then passes no later model.

    Raises:
        ConfigurationError: the rows cannot be split at all.
    """
    from sixgates.gates.statistics.clusters import holdout_clusters
    from sixgates.gates.timesplit import naive_utc, time_split

    newest: datetime = naive_utc(rows, project.roles.event_time).max()  # type: ignore[assignment]
    found = len({*holdout_clusters(time_split(rows, project, newest).holdout, project).tolist()})
    needed, by_time = project.policies.comparison.min_clusters, project.roles.entity is None
    if found >= needed:
        return []
    more = "name an entity, " if by_time else ""
    said = (
        f"gate 4 would refuse every later model: the holdout of this history has {found} clusters"
        f" ({'periods' if by_time else 'entities'}) and comparison.min_clusters is {needed}; {more}"
        "raise training.holdout_share, or give a longer history"
    )
    return [said]


def retrain(project: str, data: str | None, alert: int | None, override: str) -> dict[str, Any]:
    """Run gates 1 to 4."""
    _can_read(project, data)
    from flows.retrain import retrain as flow
    from sixgates.adapters.wiring import build
    from sixgates.gateway.tokens import Role
    from tasks.person import acting

    # The run asks again who this is, and puts that on record; here it is refused without a server.
    role = Role.APPROVE if override else Role.OPERATE
    person = acting(build().settings, role, safe=not override)
    asked = {"trigger": "by hand", "override": override, "by": person.name}
    return _ran(project, lambda: flow(project, data, alert, **asked, return_state=True))


def watch(project: str, data: str | None) -> dict[str, Any]:
    """Run the watch."""
    _can_read(project, data)
    from flows.watch import watch as flow

    return _ran(project, lambda: flow(project, data, return_state=True))


def tick(project: str) -> dict[str, Any]:
    """Run one tick."""
    from flows.release import release as flow

    return _ran(project, lambda: flow(project, return_state=True))


def serve(project: str, listening: Callable[[str], None], **given: Any) -> None:  # noqa: ANN401
    """Serve until stopped; `given` is how, see `sixgates.gateway.server.serve`."""
    from sixgates.adapters.known_model import model_of
    from sixgates.adapters.wiring import build
    from sixgates.gateway.server import serve as run

    world = build()
    model = model_of(world.ledger, project)
    token = world.settings.gateway_token
    run(
        model=model,
        ledger_url=world.settings.ledger_url,
        store=world.settings.store,
        log_dir=world.settings.log,
        token=token.get_secret_value() if token else None,
        token_file=world.settings.tokens,
        log_share=world.settings.log_share,
        on_listening=listening,
        **given,
    )


def status(project: str) -> dict[str, Any]:
    """Compare ledger, gateways and registry."""
    from sixgates.adapters.known_model import model_of
    from sixgates.adapters.reconcile import differences, unanswered
    from sixgates.adapters.wiring import build
    from sixgates.gates.ports import Serving, SomeSilentError
    from sixgates.ledger.leases import run_lease
    from sixgates.ledger.ledger import require_route

    world = build()
    model = model_of(world.ledger, project)
    route = require_route(world.ledger, model)
    gateways: list[Serving] = []
    aliases: dict[str, str] | None = None
    try:
        gateways = world.traffic.serving(model)
    except SomeSilentError as exc:
        gateways = exc.answers
    except PipelineError:
        pass  # the differences say so, as they say who is silent
    with suppress(PipelineError):
        aliases = world.registry.aliases(model)
    return {
        "model": model,
        "ledger": _plain(asdict(route)),
        "gateways": [asdict(answer) for answer in gateways],
        "aliases": aliases,
        "differences": differences(world, route, project),
        "unfinished": [_intent(intent) for intent in world.ledger.unfinished(model)],
        "unanswered": [run.release for run in unanswered(world, model)],
        "under_way": _flight(world.ledger.lease(run_lease(model))),
        "brakes": brakes_of(project),
        "approval": question_of(project),
        "returns": returns_of(project),
    }


def history(project: str, *, verdicts: bool) -> dict[str, Any]:
    """Return the routes of a model, and on demand every entry behind them."""
    from sixgates.adapters.known_model import model_of
    from sixgates.adapters.wiring import build

    world = build()
    model = model_of(world.ledger, project)
    entries = world.ledger.entries(model) if verdicts else []
    return {
        "model": model,
        "routes": [_plain(asdict(r)) for r in world.ledger.routes(model)],
        "entries": [_plain(asdict(e)) for e in entries],
        "returns": returns_of(project),
    }


def rollback(project: str, reason: str, to: str | None) -> dict[str, Any]:
    """Append a route that returns to a former champion, and make the gateways follow.

    Where that one serves already, nothing is appended.
    """
    from sixgates.adapters.known_model import model_of
    from sixgates.adapters.projection import project_route
    from sixgates.adapters.wiring import build
    from sixgates.gateway.tokens import Role
    from sixgates.ledger.ledger import Kind, require_route
    from sixgates.ledger.returning import go_back
    from tasks.person import acting

    world = build()
    model = model_of(world.ledger, project)
    actor = f"by {acting(world.settings, Role.OPERATE, safe=True).actor}"
    before = require_route(world.ledger, model)
    now = world.clock.now()
    route = go_back(world.ledger, model, to, at=now, actor=actor, reason=reason)
    try:
        proved = project_route(world, route)
        answer = world.ledger.entries(model, kind=Kind.PROOF)[-1].reason
    except TransientError as exc:
        # Whoever is told no more than that gives the command again, and goes one champion too far.
        proved = False
        answer = f"it is on record, do not repeat it; the gateways could not be asked: {exc}"
    return {
        "model": model,
        "champion": route.champion.number,
        "epoch": route.epoch,
        "changed": route.epoch > before.epoch,
        "proved": proved,
        "answer": answer,
    }


def _can_read(project: str, data: str | None) -> None:
    """Refuse what a person must correct before a server is started for it."""
    from sixgates.adapters.lake.project_lake import ProjectLake
    from sixgates.adapters.project_files import load_project

    ProjectLake(load_project(project), data).check()


def _ran(project: str, run: Callable[[], Any]) -> dict[str, Any]:
    """Run a flow and return how it ended; what it could not find out is raised.

    Raises:
        TransientError: Prefect's server does not answer, or could not be started.
    """
    import httpx

    from cli.flow_state import completed
    from cli.follow import following
    from sixgates.adapters.project_files import load_project
    from sixgates.adapters.wiring import build

    model = load_project(project).name
    with following(build().ledger, model):
        try:
            _start_temporary_server()
            ended = run()
        except (RuntimeError, httpx.HTTPError) as exc:
            # What the flow itself raises is in its state: so Prefect says that it has no server.
            raise TransientError(
                f"Prefect's server could not be used ({type(exc).__name__}: {exc}): let one answer"
                " at PREFECT_API_URL, or unset it for a temporary one, and try again"
            ) from exc
        state = completed(ended)
    return {"project": model, "ending": state.name, "reason": state.message}


def _start_temporary_server() -> None:
    """Start the server that Prefect starts where there is none, so that it ends with this command.

    Prefect ends it where Python ends in order, and a kill would leave it behind.
    """
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE

    if PREFECT_API_URL.value() or not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value():
        return
    from prefect.server.api.server import SubprocessASGIServer

    from cli.caretaker import Caretaker

    caretaker = Caretaker()
    atexit.register(caretaker.dismiss)  # before the server's own end is registered: so after it
    server = SubprocessASGIServer()  # the one that Prefect's client looks for
    server.start()
    if server.server_process is not None:
        caretaker.take(server.server_process)


def _flight(lease: "Lease | None") -> dict[str, str] | None:
    """Return which run is under way, and how that is said; None where none is."""
    from sixgates.ledger.holder import is_held, what_of
    from tasks.flight import in_flight

    return {"run": what_of(lease.owner), "said": in_flight(lease)} if is_held(lease) else None


def _intent(entry: Any) -> dict[str, Any]:  # noqa: ANN401 - an Entry, whose module is not loaded yet
    return {
        "entry": entry.seq,
        "effect": entry.body["action"],
        "release": entry.release,
        "recorded": entry.recorded.isoformat(),
    }


def _plain(facts: dict[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in facts.items()}

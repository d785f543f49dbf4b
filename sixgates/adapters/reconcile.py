"""Compare ledger, registry and gateways, and bring the other two back in line with the first.

The ledger is right by definition. What it does not know is not deleted, but closed or tagged: a
tracking run that no run owns is ended as KILLED, a version that no route names is tagged `orphan`.
"""

from sixgates.adapters.clock_lead import give_notice_of_clocks, wrong_clocks
from sixgates.adapters.effects import Effect, intended
from sixgates.adapters.own_registry import foreign, give_notice_of_foreign
from sixgates.adapters.projection import (
    aliases_of,
    confirms,
    newest_proof,
    project_route,
    unlike,
)
from sixgates.adapters.wiring import World
from sixgates.gates.decision import Move
from sixgates.gates.errors import PipelineError
from sixgates.gates.ports import SomeSilentError
from sixgates.gates.records import Arm
from sixgates.ledger.ledger import Entry, Kind, LostRaceError, require_route
from sixgates.ledger.release import next_route
from sixgates.ledger.route import Route

DELETED = "deleted version"
"""Case of the notice that a version in service is gone from the registry."""
_STRAY = "no run of the ledger owns it: its process died, or somebody else began it"
_ORPHAN = "no route of the ledger names it: its run died, or somebody else registered it"


def reconcile(world: World, route: Route) -> Route:
    """Bring gateways and registry in line, and return the newest route.

    It is another one where the challenger's version is gone from the registry: then the release is
    rolled back. A champion's version that is gone is an alarm, and the gateways serve on from the
    model store. A registry that knows none of the ledger's versions is told of, and nothing is
    taken for deleted. One that does not answer is put on record, and the next tick tries again. A
    clock that is wrong is told of.
    """
    try:
        known = world.registry.registered(route.model)
    except PipelineError:
        pass  # the proof of the projection says so
    else:
        if another := foreign(world, route, known):
            give_notice_of_foreign(world, route, another)
        else:
            _alarm(world, route, known)
            route = _without_deleted(world, route, known)
    project_route(world, route)
    proof = newest_proof(world, route)
    answers = proof.body["answers"] if proof is not None else []
    give_notice_of_clocks(world, route, {a["url"]: a.get("ahead", 0) for a in answers})
    return route


def close_strays(world: World, model: str) -> None:
    """End tracking runs that no run owns, and tag versions that no route names.

    Raises:
        PipelineError: the registry did not answer.
    """
    # The registry is read first: what began meanwhile is not seen, and what is seen is on record.
    open_runs, known = world.registry.open_runs(model), world.registry.registered(model)
    for tracking, name in open_runs.items():
        if name not in _on_record(world, model):
            given = {"tracking": tracking, "status": "KILLED", "reason": _STRAY}
            with intended(world, Effect.END_RUN, model, release=name, given=given):
                world.registry.end_run(tracking, "KILLED", _STRAY)
    if unanswered(world, model):
        return  # its version may still find its route
    named = _versions_of(world.ledger.routes(model))
    for version, tags in known.items():
        if version not in named and not {"refused", "orphan"} & tags.keys():
            orphan = {"orphan": _ORPHAN}
            asked = {"version": version, "tags": orphan}
            with intended(world, Effect.MARK_VERSION, model, given=asked):
                world.registry.mark(model, version, orphan)


def unanswered(world: World, model: str) -> list[Entry]:
    """Return the runs that were never answered, oldest first: under way, or dead."""
    answered = {e.release for e in world.ledger.entries(model, kind=Kind.ANSWER)}
    runs = world.ledger.entries(model, kind=Kind.RUN)
    return [run for run in runs if run.release not in answered]


def differences(world: World, route: Route, project: str) -> list[str]:
    """Return in what gateways and registry differ from the newest route, one sentence each.

    Args:
        world: Whose gateways and registry are asked; nothing is changed.
        route: The newest route.
        project: Name or path of the project file, as commands take it.
    """
    return [*_of_gateways(world, route, project), *_of_registry(world, route)]


def _alarm(world: World, route: Route, known: dict[str, dict[str, str]]) -> None:
    """Put on record, once, that a version is gone without which the gateways serve on."""
    notices = world.ledger.entries(route.model, kind=Kind.NOTICE)
    for role, version in _in_service(route).items():
        case = {"case": DELETED, "about": version}
        if version in known or any(notice.body == case for notice in notices):
            continue
        world.ledger.append(
            route.model, Kind.NOTICE, at=world.clock.now(), release=route.release, body=case,
            reason=f"version {version} of {route.model}, the {role}, was deleted in MLflow: the"
            " gateways serve it on from the model store; register a new one with"
            " `sixgates retrain`",
        )  # fmt: skip


def _without_deleted(world: World, route: Route, known: dict[str, dict[str, str]]) -> Route:
    """Roll an open release back whose challenger is gone from the registry."""
    beside = route.beside
    if beside is None or beside.arm is not Arm.CANARY or beside.version.number in known:
        return route
    following = next_route(
        route, Move.ROLL_BACK, shares=(), holdback=0.0, at=world.clock.now(), actor="sixgates",
        reason=f"version {beside.version.number}, the challenger, was deleted in MLflow",
    )  # fmt: skip
    if following is None:
        return route
    try:
        world.ledger.append_route(following)
    except LostRaceError:
        return require_route(world.ledger, route.model)
    return following


def _on_record(world: World, model: str) -> set[str]:
    """Return the runs that may still be at work, or will be taken up, or are about to begin."""
    intents = (e for e in world.ledger.unfinished(model) if e.body["action"] == Effect.START_RUN)
    return {e.release for e in (*intents, *unanswered(world, model))}


def _in_service(route: Route) -> dict[str, str]:
    """Return role to version of what a deletion does not end."""
    found = {"champion": route.champion.number}
    if route.beside is not None and route.beside.arm is Arm.HOLDBACK:
        found["previous champion"] = route.beside.version.number
    return found


def _versions_of(routes: list[Route]) -> set[str]:
    champions = {route.champion.number for route in routes}
    return champions | {route.beside.version.number for route in routes if route.beside}


def _of_gateways(world: World, route: Route, project: str) -> list[str]:
    silent: list[str] = []
    try:
        answers = world.traffic.serving(route.model)
    except SomeSilentError as exc:
        silent, answers = [str(exc)], exc.answers
    except PipelineError as exc:
        return [str(exc)]
    if not answers and not silent:
        return [f"no gateway is alive: start `sixgates serve --project {project}`"]
    return [
        *silent,
        *(unlike(answer, route) for answer in answers if not confirms(answer, route)),
        *wrong_clocks(world, route, {answer.url: answer.ahead for answer in answers}).values(),
    ]


def _of_registry(world: World, route: Route) -> list[str]:
    try:
        known, aliases = world.registry.registered(route.model), world.registry.aliases(route.model)
    except PipelineError as exc:
        return [str(exc)]
    if another := foreign(world, route, known):
        return [another]
    said = [
        f"version {version}, the {role}, was deleted in MLflow"
        for role, version in _roles(route).items()
        if version not in known
    ]
    for name, version in aliases_of(world, route).items():
        wanted = version if version in known else None
        if aliases.get(name) != wanted:
            said.append(f"alias {name} is {aliases.get(name)}, should be {wanted}")
    return said


def _roles(route: Route) -> dict[str, str]:
    beside = route.beside
    trial = beside is not None and beside.arm is Arm.CANARY
    return _in_service(route) | ({"challenger": beside.version.number} if trial and beside else {})

"""Is this the registry that the ledger's versions were registered in? Only there can one be missed.

An address that was forgotten opens a new database, and an account may see no model: neither tells
that somebody deleted a version.
"""

from collections.abc import Mapping

from sixgates.adapters.mlflow_access import shown
from sixgates.adapters.wiring import World
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Route, Version

FOREIGN = "foreign registry"
"""Case of the notice that the registry knows none of the ledger's versions."""


def foreign(world: World, route: Route, known: Mapping[str, Mapping[str, str]]) -> str:
    """Return a sentence where the registry knows none of the ledger's versions, and else nothing.

    Args:
        world: Whose ledger names them.
        route: The newest one.
        known: The registry's versions with their tags.
    """
    if _holds(known, route.champion):
        return ""
    for former in world.ledger.routes(route.model):
        if _holds(known, former.champion) or (
            former.beside is not None and _holds(known, former.beside.version)
        ):
            return ""
    return (
        f"the registry {shown(world.settings.mlflow_uri)} knows no version of {route.model} that"
        " the ledger names, so nothing is taken for deleted: set SIXGATES_MLFLOW_URI to the one"
        " they were registered in; where it lost them, the gateways serve on from the model store,"
        " and `sixgates retrain` registers a new one"
    )


def give_notice_of_foreign(world: World, route: Route, reason: str) -> None:
    """Put on record, once a release, that the registry is another one."""
    body = {"case": FOREIGN, "about": shown(world.settings.mlflow_uri)}
    notices = world.ledger.entries(route.model, kind=Kind.NOTICE, release=route.release)
    if not any(notice.body == body for notice in notices):
        world.ledger.append(
            route.model, Kind.NOTICE, at=world.clock.now(), release=route.release, reason=reason,
            body=body,
        )  # fmt: skip


def _holds(known: Mapping[str, Mapping[str, str]], version: Version) -> bool:
    """Whether it knows a version by its digest, too: numbers begin with 1 in every registry."""
    return known.get(version.number, {}).get("digest") == version.digest

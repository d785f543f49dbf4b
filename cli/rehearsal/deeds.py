"""How the deeds of a scenario are done, on a stage of either kind."""

import sqlite3
import threading
from datetime import timedelta

import sqlalchemy as sa

from cli import line, operate
from cli.rehearsal.theatre import Theatre
from flows.approve import approve, reject
from simulation.acts import Deed
from simulation.traffic import Replay
from sixgates.gates.errors import ConfigurationError, ContractError
from sixgates.ledger.route import Version

WHY = "as the scenario has it"
"""Reason of every act of a person in a rehearsal, for the record."""


def do(deed: Deed, theatre: Theatre, replay: Replay) -> None:
    """Do what a scenario asks for.

    Raises:
        ConfigurationError: the stage cannot do it.
    """
    path = theatre.path
    match deed:
        case Deed.STOP:
            line.stopped(path, WHY)
        case Deed.RESUME:
            line.resumed(path, WHY)
        case Deed.APPROVE:
            theatre.run(approve, path, WHY, "rehearsal")
        case Deed.REJECT:
            theatre.run(reject, path, WHY, "rehearsal")
        case Deed.ROLL_BACK:
            operate.rollback(path, WHY, None)
        case Deed.RESTART_GATEWAY | Deed.KILL_GATEWAY:
            theatre.restart_gateway(replay, killed=deed is Deed.KILL_GATEWAY)
        case Deed.SET_CLOCK_BACK:
            theatre.set_clock(theatre.world.clock.now() - timedelta(days=1))
        case Deed.LOCK_LEDGER:
            _lock_for_a_second(theatre.world.settings.ledger_url)
        case Deed.SPOIL_CHAMPION | Deed.SPOIL_CHALLENGER:
            _spoil(theatre, _spoilt(deed, theatre))
        case _:
            _break(deed, theatre)


def _break(deed: Deed, theatre: Theatre) -> None:
    """Break what the pipeline stands on, or mend it."""
    match deed:
        case Deed.LOSE_REGISTRY | Deed.RESTORE_REGISTRY:
            theatre.lose_registry(lost=deed is Deed.LOSE_REGISTRY)
        case Deed.FILL_DISK | Deed.FREE_DISK:
            theatre.fill_disk(full=deed is Deed.FILL_DISK)


def _spoilt(deed: Deed, theatre: Theatre) -> Version:
    route = theatre.route()
    if deed is Deed.SPOIL_CHAMPION:
        return route.champion
    if route.beside is None:
        raise ContractError(f"{theatre.project.name} has no challenger to spoil")
    return route.beside.version


def _lock_for_a_second(url: str) -> None:
    """Let somebody else write for a second, as a backup might; everybody has to wait."""
    address = sa.make_url(url)
    if address.get_backend_name() != "sqlite":
        raise ConfigurationError(
            f"{Deed.LOCK_LEDGER}: only SQLite can, so play the scenario without --stack"
        )
    other = sqlite3.connect(str(address.database), isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(1.0, other.close).start()  # which gives the transaction up


def _spoil(theatre: Theatre, version: Version) -> None:
    """Change one character of a model's text: not how long it is, nor whether it can be read."""
    file = theatre.world.settings.store / theatre.project.name / f"{version.digest}.txt"
    text = file.read_text()
    place = text.index("leaf_value=") + len("leaf_value=") + 3
    other = "1" if text[place] != "1" else "2"
    file.write_text(text[:place] + other + text[place + 1 :])

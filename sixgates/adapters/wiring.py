"""The one place where adapters are built from settings."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import sqlalchemy as sa
from pydantic import ValidationError

from sixgates.adapters.clocks import FileClock, WallClock
from sixgates.adapters.delta_log import DeltaLog
from sixgates.adapters.gateway_traffic import GatewayTraffic
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.adapters.model_store import ModelStore
from sixgates.adapters.reference_store import ReferenceStore
from sixgates.adapters.sagemaker_traffic import SageMakerTraffic
from sixgates.adapters.settings import PREFIX, Settings
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.ports import Clock, Log, Models, Registry, Traffic
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.migrate import Migrated, migrate


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside that the pipeline needs, but for the project's own data."""

    settings: Settings
    ledger: Ledger
    registry: Registry
    models: Models
    references: ReferenceStore
    traffic: Traffic
    log: Log
    clock: Clock


_in_use: ContextVar[World | None] = ContextVar("world in use", default=None)


@contextmanager
def use(world: World) -> Iterator[None]:
    """Let `build()` return this world within the block: a rehearsal in memory, for one."""
    token = _in_use.set(world)
    try:
        yield
    finally:
        _in_use.reset(token)


def build(settings: Settings | None = None) -> World:
    """Return the world of these settings, or of the environment's; equal settings share one.

    Where no settings are given, the world in use (see `use`) goes before the environment's.

    Raises:
        ConfigurationError: a setting is not usable.
    """
    if settings is not None:
        return _build(settings)
    if (world := _in_use.get()) is not None:
        return world
    return _build(_here())


def present() -> datetime:
    """Return the event time by the environment's settings, naive UTC; no ledger is opened for it.

    Raises:
        ConfigurationError: a setting is not usable, or the clock's file holds no time.
    """
    return _clock(_here()).now()


def migrate_ledger() -> Migrated:
    """Bring the ledger of the environment's settings to the tables of this code.

    Raises:
        ConfigurationError: a setting is not usable, or newer code has written the ledger.
        TransientError: the database did not answer.
    """
    url = _here().ledger_url
    with _address_of_ledger(url):
        return migrate(url)


def _here() -> Settings:
    # What the variables mean is found out once: a tick asks dozens of times.
    said = [pair for pair in os.environ.items() if pair[0].upper().startswith(PREFIX)]
    return _from_environment(Path.cwd(), tuple(said))


@lru_cache(maxsize=8)
def _from_environment(_here: Path, _said: tuple[tuple[str, str], ...]) -> Settings:
    try:
        return Settings()
    except ValidationError as exc:
        problem = exc.errors(include_url=False, include_context=False, include_input=False)[0]
        name = "_".join(str(part) for part in problem["loc"]).upper()
        said = problem["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"SIXGATES_{name}: {said}; correct it") from None


@lru_cache(maxsize=8)
def _build(settings: Settings) -> World:
    ledger, models = _ledger(settings), ModelStore(settings.store)
    return World(
        settings=settings,
        ledger=ledger,
        registry=MlflowRegistry(settings.mlflow_uri, settings.mlflow_artifacts),
        models=models,
        references=ReferenceStore(settings.store, settings.shared),
        traffic=_traffic(settings, ledger, models),
        log=DeltaLog(settings.log, settings.tables),
        clock=_clock(settings),
    )


def _clock(settings: Settings) -> Clock:
    return WallClock() if settings.clock is None else FileClock(settings.clock)


def _traffic(settings: Settings, ledger: Ledger, models: Models) -> Traffic:
    kind, _, endpoint = settings.traffic.partition(":")
    if kind == "sagemaker":
        return SageMakerTraffic(ledger, models, endpoint, settings.sagemaker_model)
    return GatewayTraffic(ledger, settings.gateway_token)


def _ledger(settings: Settings) -> Ledger:
    with _address_of_ledger(settings.ledger_url):
        return Ledger(settings.ledger_url)


@contextmanager
def _address_of_ledger(address: str) -> Iterator[None]:
    """Make the folder of a ledger in SQLite, and say it where an address cannot be used."""
    try:
        url = sa.make_url(address)
        if url.get_backend_name() == "sqlite" and url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as exc:
        raise ConfigurationError(
            f"the folder of the ledger cannot be made ({exc}): set SIXGATES_HOME to a folder that"
            " can be written"
        ) from exc
    except (sa.exc.SQLAlchemyError, ImportError, ValueError) as exc:
        # Not even as its cause: what should have been a port may be a part of the password.
        raise ConfigurationError(
            f"SIXGATES_LEDGER_URL is not a usable SQLAlchemy address ({type(exc).__name__}):"
            " correct it, or unset it for SQLite"
        ) from None

"""Where this installation keeps its things, read once from `SIXGATES_*` environment variables."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses and secrets of one installation.

    The token, and addresses that may hold a password, are never part of its representation.
    """

    model_config = SettingsConfigDict(
        env_prefix="SIXGATES_", env_ignore_empty=True, frozen=True, use_attribute_docstrings=True
    )

    home: Path = Path(".sixgates")
    """Folder of everything that is kept on this machine; made absolute."""
    ledger_url: str = Field(default_factory=lambda data: _sqlite(data, "ledger.db"), repr=False)
    """SQLAlchemy URL of the ledger; SQLite in `home` where not given."""
    mlflow_uri: str = Field(default_factory=lambda data: _sqlite(data, "mlflow.db"), repr=False)
    """MLflow tracking and registry URI; SQLite in `home` where not given."""
    mlflow_artifacts: Path = Field(default_factory=lambda data: data["home"] / "mlartifacts")
    """Folder of MLflow's artifacts; a tracking server (`http://`) decides for itself."""
    tables: Path = Field(default_factory=lambda data: data["home"] / "tables")
    """Folder of the Delta tables of predictions and labels, one folder a model."""
    gateway_token: SecretStr | None = None
    """Bearer token of the gateways' admin calls: for a gateway one that may operate it, for
    everybody else the one they send."""
    tokens: Path | None = None
    """File of more tokens that a gateway accepts, with the role of each; made absolute."""
    notify: SecretStr = Field(default_factory=lambda data: _file(data, "notifications.jsonl"))
    """Where outcomes are told: addresses, separated by commas; a file in `home` where not given."""
    notify_token: SecretStr | None = None
    """Bearer token of the webhooks among them."""
    engine: str = "local"
    """Where rows are counted, learnt from and judged: `local`, in the gate's own process, or on the
    workers of a Dask scheduler, by its address (`tcp://host:8786`)."""
    clock: Path | None = None
    """File that holds a simulated time; None means the wall clock."""

    @field_validator("home", "mlflow_artifacts", "tables", "tokens", "clock")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path.expanduser().absolute() if path is not None else None

    @field_validator("engine")
    @classmethod
    def _known(cls, engine: str) -> str:
        scheme, _, host = engine.partition("://")
        if engine != "local" and not (scheme in {"tcp", "tls"} and host):
            raise ValueError(
                "is neither `local` nor the address of a Dask scheduler, tcp://host:port"
            )
        return engine

    @property
    def store(self) -> Path:
        """Model texts and cards, by digest."""
        return self.home / "models"

    @property
    def log(self) -> Path:
        """Segments of predictions and labels that are not in `tables` yet, one folder a model."""
        return self.home / "log"

    @property
    def runs(self) -> Path:
        """Datasets and reports, one folder a run; refused rows lie beside the accepted ones."""
        return self.home / "runs"


def _sqlite(data: dict[str, Any], name: str) -> str:
    return f"sqlite:///{data['home'] / name}"


def _file(data: dict[str, Any], name: str) -> SecretStr:
    return SecretStr(f"file:{quote(str(data['home'] / name), safe='/')}")

"""Where this installation keeps its things, read once from `SIXGATES_*` environment variables."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sixgates.adapters.table_place import ObjectFolder, folder_of

PREFIX = "SIXGATES_"
"""Of the variables' names, which may be in small letters, too."""


class Settings(BaseSettings):
    """Addresses and secrets of one installation.

    The token, and addresses that may hold a password, are never part of its representation.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )  # fmt: skip

    home: Path = Path(".sixgates")
    """Folder of everything that is kept on this machine; made absolute."""
    ledger_url: str = Field(default_factory=lambda data: _sqlite(data, "ledger.db"), repr=False)
    """SQLAlchemy URL of the ledger; SQLite in `home` where not given."""
    mlflow_uri: str = Field(default_factory=lambda data: _sqlite(data, "mlflow.db"), repr=False)
    """MLflow tracking and registry URI; SQLite in `home` where not given."""
    mlflow_artifacts: Path = Field(default_factory=lambda data: data["home"] / "mlartifacts")
    """Folder of MLflow's artifacts; a tracking server (`http://`) decides for itself."""
    tables: Annotated[Path | ObjectFolder, NoDecode] = Field(
        default_factory=lambda data: data["home"] / "tables"
    )
    """Where the Delta tables of predictions, labels and refused rows lie, one folder a model; in an
    object store (`s3://bucket/prefix`) what the watch compares with lies beside them."""
    gateway_token: SecretStr | None = None
    """Bearer token of the gateways' admin calls: for a gateway one that may operate it, for
    everybody else the one they send."""
    tokens: Path | None = None
    """File of more tokens that a gateway accepts, with the role of each; made absolute."""
    traffic: str = "gateways"
    """Who serves: `gateways` of our own, or `sagemaker:<endpoint>` with a name in which `{model}`
    stands for the model."""
    sagemaker_model: str = "{model}-{digest}"
    """Name of the SageMaker model of a version: `{digest}` stands for the first twelve digits of
    its digest."""
    log_share: float = Field(default=1.0, gt=0, le=1)
    """Share of requests whose records and labels are kept; for gateways and for labels from files
    the same."""
    notify: SecretStr = Field(default_factory=lambda data: _file(data, "notifications.jsonl"))
    """Where outcomes are told: addresses, separated by commas; a file in `home` where not given."""
    notify_token: SecretStr | None = None
    """Bearer token of the webhooks among them."""
    engine: str = "local"
    """Where rows are counted, learnt from and judged: `local`, in the gate's own process, or on the
    workers of a Dask scheduler, by its address (`tcp://host:8786`)."""
    clock: Path | None = None
    """File that holds a simulated time; None means the wall clock."""

    @field_validator("tables", mode="before")
    @classmethod
    def _folder(cls, given: object) -> object:
        return folder_of(given) if isinstance(given, str) else given

    @field_validator("home", "mlflow_artifacts", "tokens", "clock", mode="before")
    @classmethod
    def _here(cls, given: object) -> object:
        if isinstance(given, str) and "://" in given:
            raise ValueError("it is a path on this machine, and no address")
        return given

    @field_validator("home", "mlflow_artifacts", "tables", "tokens", "clock")
    @classmethod
    def _absolute(cls, path: Path | ObjectFolder | None) -> Path | ObjectFolder | None:
        return path.expanduser().absolute() if isinstance(path, Path) else path

    @field_validator("gateway_token", "notify_token")
    @classmethod
    def _bare(cls, token: SecretStr | None) -> SecretStr | None:
        """Leave out the newline with which a file of a secret ends."""
        return None if token is None else SecretStr(token.get_secret_value().strip())

    @field_validator("gateway_token")
    @classmethod
    def _fits_a_header(cls, token: SecretStr | None) -> SecretStr | None:
        """Refuse what no header takes here, for whoever refuses it later shows it."""
        said = None if token is None else token.get_secret_value()
        if said is not None and not (said and said.isascii() and said.isprintable()):
            raise ValueError("a token is one line of printable ASCII")
        return token

    @field_validator("traffic")
    @classmethod
    def _serves(cls, given: str) -> str:
        kind, _, endpoint = given.partition(":")
        if given != "gateways" and (kind != "sagemaker" or not endpoint):
            raise ValueError("it is `gateways`, or `sagemaker:` and the name of an endpoint")
        return _template(given, model="")

    @field_validator("sagemaker_model")
    @classmethod
    def _tells_apart(cls, given: str) -> str:
        if "{digest}" not in given:
            raise ValueError("two versions would have one name: put {digest} into it")
        return _template(given, model="", digest="")

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
    def shared(self) -> ObjectFolder | None:
        """The object store of `tables`, None where they lie on this machine."""
        return None if isinstance(self.tables, Path) else self.tables

    @property
    def log(self) -> Path:
        """Segments of predictions and labels that are not in `tables` yet, one folder a model."""
        return self.home / "log"

    @property
    def runs(self) -> Path:
        """Datasets and reports, one folder a run; refused rows lie beside the accepted ones."""
        return self.home / "runs"


def _template(given: str, **known: str) -> str:
    try:
        given.format(**known)
    except (LookupError, ValueError) as exc:
        names = " and ".join(f"{{{name}}}" for name in known)
        raise ValueError(f"no more than {names} can stand in braces") from exc
    return given


def _sqlite(data: dict[str, Any], name: str) -> str:
    return f"sqlite:///{data['home'] / name}"


def _file(data: dict[str, Any], name: str) -> SecretStr:
    return SecretStr(f"file:{quote(str(data['home'] / name), safe='/')}")

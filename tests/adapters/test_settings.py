from pathlib import Path

import pytest
from pydantic import ValidationError

from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"SIXGATES_{name.upper()}", raising=False)


def test_everything_lies_under_home_by_absolute_addresses():
    settings = Settings()
    home = Path.cwd() / ".sixgates"
    assert settings.ledger_url == f"sqlite:///{home}/ledger.db"
    assert settings.mlflow_uri == f"sqlite:///{home}/mlflow.db"
    assert settings.mlflow_artifacts == home / "mlartifacts"
    assert (settings.store, settings.log, settings.runs) == (
        home / "models",
        home / "log",
        home / "runs",
    )
    assert settings.notify.get_secret_value() == f"file:{home}/notifications.jsonl"


def test_the_environment_goes_before_the_defaults(monkeypatch, tmp_path):
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path / "there"))
    monkeypatch.setenv("SIXGATES_LEDGER_URL", "postgresql+psycopg://db/ledger")
    monkeypatch.setenv("SIXGATES_CLOCK", "")
    settings = Settings()
    assert settings.ledger_url == "postgresql+psycopg://db/ledger"
    assert settings.mlflow_uri == f"sqlite:///{tmp_path}/there/mlflow.db"
    assert settings.clock is None


def test_secrets_are_never_shown():
    settings = Settings(
        gateway_token="hush", ledger_url="postgresql://u:hush@db/x", mlflow_uri="http://u:hush@m"
    )
    assert "hush" not in repr(settings) + str(settings)


def test_a_setting_that_is_refused_is_not_shown():
    with pytest.raises(ValidationError) as said:
        Settings(tables="s3://key:hush@lake", gateway_token="hush\nhush")
    assert "hush" not in str(said.value)


def test_a_token_ends_before_the_newline_of_its_file():
    settings = Settings(gateway_token="hush\n", notify_token="hush\r\n")
    assert settings.gateway_token.get_secret_value() == "hush"
    assert settings.notify_token.get_secret_value() == "hush"


@pytest.mark.parametrize("token", ["\n", "hush\nhush", "hüsh"])
def test_a_token_that_no_header_takes_is_refused_and_not_shown(monkeypatch, token):
    monkeypatch.setenv("SIXGATES_GATEWAY_TOKEN", token)
    with pytest.raises(ConfigurationError, match="SIXGATES_GATEWAY_TOKEN: a token is one") as said:
        build()
    assert "hush" not in str(said.value)


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().home = Path("elsewhere")


def test_reading_settings_touches_no_disk():
    Settings()
    assert list(Path.cwd().iterdir()) == []


def test_tables_may_lie_in_an_object_store(monkeypatch):
    monkeypatch.setenv("SIXGATES_TABLES", "s3://lake/six gates/")
    settings = Settings()
    assert str(settings.tables / "churn") == "s3://lake/six gates/churn"
    assert settings.shared == settings.tables
    assert Settings(tables="~/tables").tables == Path.home() / "tables"
    assert Settings(tables="~/tables").shared is None


@pytest.mark.parametrize("name", ["HOME", "MLFLOW_ARTIFACTS", "TOKENS", "CLOCK"])
def test_what_is_a_path_is_no_address(monkeypatch, name):
    monkeypatch.setenv(f"SIXGATES_{name}", "s3://lake/sixgates")
    with pytest.raises(ConfigurationError, match=f"SIXGATES_{name}: it is a path on this machine"):
        build()


@pytest.mark.parametrize(
    "address",
    ["s3://key:hush@lake", "gs://lake", "s3:///x", "s3://lake?key=hush", "s3://lake:90/x"],
)
def test_an_address_of_another_kind_is_refused_without_showing_it(monkeypatch, address):
    monkeypatch.setenv("SIXGATES_TABLES", address)
    with pytest.raises(
        ConfigurationError, match=r"SIXGATES_TABLES: an .*s3://bucket/prefix"
    ) as said:
        build()
    assert "hush" not in str(said.value)

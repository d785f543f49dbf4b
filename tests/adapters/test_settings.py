from pathlib import Path

import pytest
from pydantic import ValidationError

from sixgates.adapters.settings import Settings


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


def test_settings_do_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().home = Path("elsewhere")


def test_reading_settings_touches_no_disk():
    Settings()
    assert list(Path.cwd().iterdir()) == []

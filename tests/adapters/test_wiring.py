import traceback
from pathlib import Path

import pytest

from sixgates.adapters.clocks import FileClock, WallClock
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ConfigurationError


def test_equal_settings_share_one_world(tmp_path):
    world = build(Settings(home=tmp_path / "home", gateway_token="t"))
    assert build(Settings(home=tmp_path / "home", gateway_token="t")) is world
    assert build(Settings(home=tmp_path / "other")) is not world
    assert isinstance(world.clock, WallClock)
    assert world.ledger.gateways("churn") == []


def test_the_environment_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setenv("SIXGATES_HOME", str(tmp_path / "env"))
    monkeypatch.setenv("SIXGATES_CLOCK", str(tmp_path / "clock"))
    world = build()
    assert world.settings.home == tmp_path / "env"
    assert world.clock == FileClock(tmp_path / "clock")
    assert (tmp_path / "env" / "ledger.db").exists()


def test_building_makes_no_more_than_the_ledger(tmp_path):
    build(Settings(home=tmp_path / "home"))
    assert {p.name.split("-")[0] for p in (tmp_path / "home").iterdir()} == {"ledger.db"}
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "bogus://x",
        "postgresql+psycopg2://u:hush@h/x",
        "postgresql://u:p@ss:hush@h/x",  # what stands behind the second colon is taken for a port
        "postgresql+asyncpg://u:hush@127.0.0.1:9/x",  # as Prefect's own setting has it
    ],
)
def test_a_ledger_address_that_cannot_be_used_is_refused_without_its_password(tmp_path, url):
    with pytest.raises(ConfigurationError, match="SIXGATES_LEDGER_URL") as caught:
        build(Settings(home=tmp_path, ledger_url=url))
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_a_home_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="SIXGATES_HOME"):
        build(Settings(home=tmp_path / "file" / "home"))

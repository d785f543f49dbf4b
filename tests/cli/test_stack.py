"""What the processes of a rehearsal find in their environment, and not on their command lines."""

import io
from types import SimpleNamespace

from cli.rehearsal.full.stack import FullStack
from cli.rehearsal.processes import Processes
from cli.rehearsal.stack import Stack
from cli.rehearsal.theatre import Theatre
from sixgates.adapters.settings import Settings


def test_a_rehearsal_never_plays_in_an_installation(tmp_path, monkeypatch):
    for name in ("LEDGER_URL", "MLFLOW_URI", "TOKENS", "CLOCK", "NOTIFY_TOKEN"):
        monkeypatch.setenv(f"SIXGATES_{name}", "http://u:hush@production")
    monkeypatch.setenv("SIXGATES_HOME", "/var/lib/sixgates")
    with Processes(tmp_path / "logs", own_groups=False) as processes:
        env = Stack(tmp_path, processes).env
    assert {name: word for name, word in env.items() if name.startswith("SIXGATES_")} == {
        "SIXGATES_HOME": str(tmp_path), "SIXGATES_NOTIFY": "",
        "SIXGATES_GATEWAY_TOKEN": env["SIXGATES_GATEWAY_TOKEN"],
    }  # fmt: skip
    assert "production" not in str(env)


def test_a_gateway_is_told_its_ledger_where_no_other_user_can_read_it(tmp_path, monkeypatch):
    settings = Settings(home=tmp_path, ledger_url="postgresql://u:hush@db/x", gateway_token="t")
    monkeypatch.setattr("cli.rehearsal.theatre.build", lambda: SimpleNamespace(settings=settings))
    started = []

    def spawn(_name, command, *, env, **_):
        started.append((command, env))
        return SimpleNamespace(stdout=io.StringIO('{"url": "http://gateway"}\n'))

    theatre = Theatre(
        SimpleNamespace(name="loans"), "loans", tmp_path, SimpleNamespace(spawn=spawn)
    )
    assert theatre.open_gateway() == "http://gateway"
    ((command, env),) = started
    assert "hush" not in " ".join(command)
    assert env["SIXGATES_LEDGER_URL"] == "postgresql://u:hush@db/x"


def test_what_is_secret_in_a_whole_installation_is_random_and_on_no_command_line(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-another")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "of-another")
    monkeypatch.setenv("SIXGATES_LEDGER_URL", "postgresql://u:hush@production/db")
    postgres = SimpleNamespace(url=lambda name, driver="postgresql": f"{driver}://u:hush@h/{name}")
    started = []

    def spawn(_name, command, *, env):
        started.append((" ".join(command), dict(env)))

    stacks = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        stacks.append(FullStack(tmp_path / name, SimpleNamespace(spawn=spawn), postgres))
        stacks[-1].start(lambda _line: None)
    assert len(started) == 2 * 5
    secret = ("GATEWAY_TOKEN", "PASSWORD", "SECRET_KEY", "SECRET_ACCESS_KEY")
    found = [{word for name, word in env.items() if name.endswith(secret)} for _, env in started]
    ours, others = set().union(*found[:5]), set().union(*found[5:])
    assert len(ours) == len(others) == 4  # token, MLflow's password and key, the store's key
    assert ours & others == set()
    for command, env in started:
        assert not any(word in command for word in {*ours, *others, "hush"})
        assert not any(word in str(env) for word in ("of-another", "production"))

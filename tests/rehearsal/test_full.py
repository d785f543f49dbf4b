"""The servers of a whole installation: what they need, whom they let in, and that all end."""

import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil
import pytest
import sqlalchemy as sa

from cli.rehearsal.full import needed
from cli.rehearsal.full.nginx import balancer
from cli.rehearsal.full.stack import FullStack
from cli.rehearsal.processes import Processes
from sixgates.adapters.mlflow_registry import MlflowRegistry
from sixgates.gates.errors import ConfigurationError
from tests.cli.test_rehearse import by_pid, processes_of, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack(postgres, tmp_path_factory):
    """Run MLflow as a whole installation has it, and none of the others."""
    home = tmp_path_factory.mktemp("full")
    postgres.create("mlflow")
    with Processes(home / "logs", own_groups=True) as processes:
        stack = FullStack(home, processes, postgres)
        stack.start_mlflow()
        stack.wait_for(f"{stack.env['SIXGATES_MLFLOW_URI']}/health", "MLflow", 120)
        yield stack


def test_mlflow_answers_who_has_the_password_and_refuses_others_in_one_sentence(stack, monkeypatch):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, stack.env[name])
    uri = stack.env["SIXGATES_MLFLOW_URI"]
    assert MlflowRegistry(uri, stack.home).registered("nothing") == {}
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "wrong-one")
    with pytest.raises(ConfigurationError) as refused:
        MlflowRegistry(uri, stack.home).registered("nothing")
    said = str(refused.value)
    assert said.endswith("set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD")
    assert "\n" not in said
    assert "wrong-one" not in said


def test_who_comes_to_postgresql_by_tcp_needs_the_password(postgres):
    def ask(url):
        engine = sa.create_engine(url)
        try:
            with engine.connect() as connection:
                return connection.scalar(sa.text("SELECT 1"))
        finally:
            engine.dispose()

    url = postgres.url("postgres", "postgresql+psycopg")
    assert ask(url) == 1
    with pytest.raises(sa.exc.OperationalError, match="password authentication failed"):
        ask(url.replace(postgres.password, "wrong"))


class Echo(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_nginx_passes_large_bodies_on_and_nothing_for_who_may_operate_a_gateway(tmp_path):
    tmp_path.chmod(0o700)  # so that its worker cannot write there, where that is another user
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as behind:
        threading.Thread(target=behind.serve_forever, daemon=True).start()
        try:
            with balancer(tmp_path / "nginx", [f"127.0.0.1:{behind.server_port}"]) as port:
                body = b"x" * 4_000_000
                answer = httpx.post(f"http://127.0.0.1:{port}/labels", content=body)
                assert answer.content == body
                admin = httpx.post(f"http://127.0.0.1:{port}/admin/follow", content=b"{}")
                assert admin.status_code == 404
        except ConfigurationError as exc:
            pytest.skip(str(exc))
        finally:
            behind.shutdown()


def test_what_the_machine_lacks_is_said_in_one_sentence(monkeypatch):
    monkeypatch.setattr(needed, "binaries_of_postgres", lambda: None)
    monkeypatch.setattr(needed, "program_of_nginx", lambda: None)
    with pytest.raises(ConfigurationError) as refused:
        needed.require_all()
    assert str(refused.value) == (
        "--stack needs what this machine lacks, PostgreSQL and nginx:"
        " `apt-get install postgresql` and `apt-get install nginx-light`"
    )


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_all_listen_on_loopback_alone_and_an_interrupt_stops_them_all(monkeypatch):
    try:
        needed.require_all()
    except ConfigurationError as exc:
        pytest.skip(str(exc))
    with TemporaryDirectory(prefix="full-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL does not run as root
        monkeypatch.setenv("TMPDIR", folder)
        process = start("no-drift", "--stack", home=folder)
        deadline = time.monotonic() + 90
        while workers_of_dask(folder) < 2:
            assert time.monotonic() < deadline, "the workers of Dask never started"
            time.sleep(0.1)
        running = by_pid(folder)
        for what in (b"bin/postgres", b"mlflow", b"moto.server", b"prefect_server", b"lane"):
            assert any(what in line for line in running.values())
        connections = psutil.net_connections("tcp")
        listening = {c.laddr for c in connections if c.status == "LISTEN" and c.pid in running}
        assert len(listening) >= 6  # PostgreSQL, the store, scheduler, workers, and their HTTP
        assert {address.ip for address in listening} == {"127.0.0.1"}
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "Traceback" not in err
        assert processes_of(folder) == []
        assert list(Path(folder).glob("ledger-*")) == []


def workers_of_dask(folder):
    """Return how many are ready."""
    logs = list(Path(folder).glob("*/logs/dask-workers.log"))
    return sum(log.read_text().count("Registered to:") for log in logs)

import asyncio
import json
import shutil
import subprocess
import sys

import pytest

from bench.gateway import client, load
from bench.gateway.client import connect, request, require_ok, run_loop
from bench.gateway.load import cost
from bench.gateway.servers import Server, free_port, require_answers
from sixgates.gates.errors import ConfigurationError, ContractError, TransientError


async def answering(replies, ask):
    """Serve these bytes, one write a request, and return what the client made of them."""

    async def serve(reader, writer):
        for parts in replies:
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, rest = head.partition(b"content-length: ")
            await reader.readexactly(int(rest.split(b"\r\n")[0]))
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        connection = await connect(server.sockets[0].getsockname()[1])
        try:
            return await ask(connection)
        finally:
            connection.close()


REPLY = b"HTTP/1.1 200 OK\r\nX-Sixgates-Epoch: 7\r\ncontent-length: 2\r\n\r\nok"


@pytest.mark.parametrize("cut", [1, 20, len(REPLY) - 2, len(REPLY) - 1])
def test_an_answer_that_comes_in_parts_is_one(cut):
    async def ask(connection):
        return [await connection.ask(request("/", b"{}")) for _ in range(2)]

    first, second = run_loop(answering([[REPLY[:cut], REPLY[cut:]], [REPLY]], ask))
    assert first.status == second.status == 200
    assert first.body == second.body == b"ok"
    assert first.header(b"x-sixgates-epoch") == b"7"
    assert first.at <= second.at


def test_an_answer_that_is_an_error_is_none():
    async def ask(connection):
        return require_ok(await connection.ask(request("/", b"{}")))

    refused = b'HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\n"no"'
    with pytest.raises(ContractError, match="a request got 400"):
        run_loop(answering([[refused]], ask))


def test_a_lost_connection_fails_what_is_under_way_and_what_comes_after():
    async def ask(connection):
        failures = []
        for _ in range(2):
            try:
                await connection.ask(request("/", b"{}"))
            except TransientError as exc:
                failures.append(str(exc))
        return failures

    assert len(run_loop(answering([[REPLY[:10]]], ask))) == 2


def test_a_server_that_hangs_fails_what_it_does_not_answer(monkeypatch):
    monkeypatch.setattr(client, "_PATIENCE_SECONDS", 0.2)

    async def hang(reader, writer):
        await reader.read()
        writer.close()

    async def ask():
        async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
            connection = await connect(server.sockets[0].getsockname()[1])
            await asyncio.wait_for(connection.ask(request("/", b"{}")), 10)

    with pytest.raises(TransientError, match="no answer came in"):
        run_loop(ask())


def test_without_wrk_the_bench_says_so_by_name(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ConfigurationError, match="wrk is not installed"):
        load.require_wrk()


STUB = """
import http.server, sys

class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        reply = b'{"predictions":[0.5]}'
        self.send_response(400 if b"bad" in body else 200)
        self.send_header("content-length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Stub)
print("listening", flush=True)
server.serve_forever()
"""


@pytest.fixture
def stub(tmp_path):
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-c", STUB, str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        process.stdout.readline()
        yield Server("stub", process.pid, f"http://127.0.0.1:{port}/", tmp_path / "stub.log")
        process.kill()


def test_a_server_that_answers_otherwise_than_the_model_is_not_measured(stub):
    def first(said):
        return said["predictions"][0]

    require_answers(stub, [b"{}"], [[0.25, 0.5]], answer_of=first)
    with pytest.raises(ContractError, match="serves something else"):
        require_answers(stub, [b"{}"], [[0.25]], answer_of=first)
    with pytest.raises(ContractError, match="no prediction"):
        require_answers(stub, [b"{}"], [[0.5]], answer_of=lambda said: said["outputs"][0])


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_the_load_sends_each_body_and_counts_what_it_costs(stub, tmp_path):
    (tmp_path / "good.txt").write_text(json.dumps({"a": 1}) + "\n" + json.dumps({"b": 2}) + "\n")
    found = cost(stub, tmp_path / "good.txt", 1, 1)
    assert found.requests > 10
    assert 1 < found.micros < 1e6
    assert found.p50 <= found.p99
    (tmp_path / "bad.txt").write_text('{"a": 1}\n"bad"\n')
    with pytest.raises(ContractError, match="not with 200"):
        cost(stub, tmp_path / "bad.txt", 1, 1)

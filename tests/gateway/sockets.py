"""A gateway process with limits of a test's own, and clients that speak HTTP byte by byte."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
TOKEN = "t"
WITH_LIMITS = """
import json, sys
from sixgates.gateway.http import limits
from sixgates.gateway.__main__ import main

for name, value in json.loads(sys.argv.pop(1)).items():
    assert hasattr(limits, name)
    setattr(limits, name, value)
sys.exit(main())
"""


class Running:
    """A gateway process."""

    def __init__(self, process, address):
        self.process = process
        self.address = address
        self.url = "http://{}:{}".format(*address)

    def connect(self, room=None):
        """Connect, with room for so many bytes that were not read yet."""
        connection = socket.socket()
        connection.settimeout(20)
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.connect(self.address)
        return closing(connection)

    def stop(self):
        """End it as a supervisor does; return its exit status and what it said on stderr."""
        self.process.terminate()
        said = self.process.communicate(timeout=30)[1]
        return self.process.returncode, said


@contextmanager
def running(house, *more, tokens="", before="", within=(), **limits):
    """Run a gateway.

    Limits are names of `sixgates.gateway.http.limits`, tokens a file of them; before is code that
    runs before it, within what its command begins with.
    """
    program = [*within, sys.executable, "-c", before + WITH_LIMITS, json.dumps(limits)]
    folders = ["--store", str(house.root), "--log", str(house.log), *more]
    with subprocess.Popen(
        [*program, "--model", "churn", *folders],
        cwd=ROOT,
        env={
            **os.environ,
            "SIXGATES_LEDGER_URL": house.ledger_url,
            "SIXGATES_GATEWAY_TOKEN": TOKEN,
            "SIXGATES_TOKENS": str(tokens),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            host, _, port = json.loads(process.stdout.readline())["url"][7:].rpartition(":")
            yield Running(process, (host, int(port)))
        finally:
            process.kill()


def request(body, path="/invocations", length=None):
    """Write a POST of JSON; a length that is text is a header line of its own."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = length if isinstance(length, str) else f"content-length: {length or len(body)}"
    lines = [f"POST {path} HTTP/1.1", "host: gateway", "content-type: application/json", size]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CHUNKED = "transfer-encoding: chunked"


class Answers:
    """What comes back over one connection, answer after answer."""

    def __init__(self, connection):
        self._file = connection.makefile("rb")

    def next(self):
        """Return status, headers and body, None once the connection has ended."""
        try:
            line = self._file.readline()
        except ConnectionResetError:
            return None
        if not line:
            return None
        headers = {}
        while (field := self._file.readline().strip()) != b"":
            name, _, value = field.decode("latin-1").partition(":")
            headers[name] = value.strip()
        body = self._file.read(int(headers["content-length"]))
        return int(line.split()[1]), headers, body


def answer(connection):
    """Return status and JSON of the one answer after which the connection ends."""
    answers = Answers(connection)
    status, headers, body = answers.next()
    assert headers["content-type"] == "application/json"
    assert answers.next() is None
    return status, json.loads(body)


class GoodClient:
    """Asks all the while, over one connection that is kept; every answer must be right."""

    def __init__(self, url, rows, expected):
        self.answers = 0
        self.failed = []
        self.ended = ""
        self._url = url
        self._asked = (rows, {"predictions": expected})
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self):
        self._thread.start()
        self.goes_on()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()

    def goes_on(self, n=20):
        """Wait for so many answers more."""
        until, deadline = self.answers + n, time.monotonic() + 30
        while self.answers < until:
            assert not self.failed
            assert time.monotonic() < deadline, "the gateway does not answer"
            time.sleep(0.005)

    def join(self):
        """Wait until there is no gateway that could be connected to."""
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()

    def _ask(self):
        rows, expected = self._asked
        with httpx.Client(base_url=self._url, timeout=20) as http:
            while not self._stopping.is_set():
                try:
                    got = http.post("/invocations", json={"inputs": rows})
                except httpx.ConnectError:
                    self.ended = "refused"
                    return
                except httpx.TransportError as error:
                    self.failed.append(error)
                    return
                if got.status_code != 200 or got.json() != expected:
                    self.failed.append(got.text)
                    return
                self.answers += 1

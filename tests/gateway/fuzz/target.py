"""The gateway under fuzz: a real process with a champion and a shadow, and what it logs."""

from contextlib import contextmanager
from pathlib import Path

import msgspec

from sixgates.gates.records import Batch, Label, Prediction
from tests.gateway.conftest import House, sample_rows, train
from tests.gateway.fuzz.talk import Talk
from tests.gateway.sockets import request, running


class Target:
    """A running gateway, and a good request with the answer that is right."""

    def __init__(self, house, gateway, champion):
        self.address = gateway.address
        self._house = house
        self._gateway = gateway
        rows = sample_rows(3, seed=99)
        self._good = request({"inputs": rows})
        self._right = msgspec.json.encode({"predictions": champion.expected(rows)})
        self.good = 0
        """Good requests that were answered rightly."""

    def ask(self, talk=None):
        """Return what is wrong with the answer to a good request, None where nothing is."""
        own = talk or Talk(self.address)
        answer = own.ask(self._good)
        if talk is None:
            own.close()
        if (answer.status, answer.body) != (200, self._right):
            return f"a good request was answered {answer.status} {answer.body[:300]!r}"
        self.good += 1
        return None

    def is_alive(self):
        return self._gateway.process.poll() is None

    def rss(self):
        """Return the memory that the process holds, in MiB."""
        status = Path(f"/proc/{self._gateway.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self):
        """Return what is wrong with the way the process ends and with what it logged."""
        status, said = self._gateway.stop()
        found = [f"it ended with status {status}"] if status else []
        if said:
            found.append(f"it said on stderr: {said[:2_000]}")
        return [*found, *self._wrong_lines()]

    def lines(self):
        """Return how many records were logged, by kind."""
        return {kind: sum(1 for _ in self._lines(kind)) for kind in ("predictions", "labels")}

    def _wrong_lines(self):
        found = []
        for kind, record in (("predictions", Prediction), ("labels", Label)):
            for line in self._lines(kind):
                try:
                    msgspec.json.decode(line, type=Batch if b'"rows":' in line else record)
                    whole = line.endswith(b"\n")
                except msgspec.DecodeError:
                    whole = False
                if not whole:
                    found.append(f"a line of {kind} is broken: {line[:300]!r}")
        return found[:10]

    def _lines(self, kind):
        for segment in sorted((self._house.log / "churn").glob(f"{kind}-*.jsonl")):
            with segment.open("rb") as lines:
                yield from lines


@contextmanager
def target(folder):
    """Run a gateway over a folder of its own."""
    house = House(folder)
    champion, shadow = train(seed=1), train(seed=2)
    for trained in (champion, shadow):
        trained.put(house.store)
    house.route(champion, shadow, 0.0)
    with running(house) as gateway:
        yield Target(house, gateway, champion)
    house.ledger.close()

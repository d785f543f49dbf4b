"""A small trained model, its store, a ledger, and the gateway over them."""

import asyncio
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import httpx
import lightgbm
import msgspec
import numpy as np
import pytest

from sixgates.gates.card import Feature, ModelCard, Probe, Task
from sixgates.gates.encoding import encode_rows
from sixgates.gates.records import Arm, Batch, Label, Prediction
from sixgates.gateway.access import access_of
from sixgates.gateway.app import Gateway
from sixgates.gateway.follow import Follower
from sixgates.gateway.state import State
from sixgates.gateway.store import ModelStore
from sixgates.gateway.tokens import tokens_of
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Beside, Route, Step, Version

MODEL = "churn"
TOKEN = "let-me-in"
FEATURES = (Feature("age"), Feature("spend"), Feature("region", ("north", "south", "west")))


def sample_rows(n, seed=0):
    rng = np.random.default_rng(seed)
    regions = [*FEATURES[2].levels, None, "unseen"]
    return [
        {
            "age": None if rng.random() < 0.1 else float(rng.integers(18, 90)),
            "spend": float(rng.normal()),
            "region": regions[rng.integers(len(regions))],
            "customer": f"c{i}",
            "when": 1_700_000_000.0 + i,
        }
        for i in range(n)
    ]


@dataclass(frozen=True)
class Trained:
    text: bytes
    card: ModelCard
    booster: lightgbm.Booster

    @property
    def digest(self):
        return self.card.digest

    def put(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.digest}.txt").write_bytes(self.text)
        (folder / f"{self.digest}.json").write_bytes(msgspec.json.encode(self.card))

    def expected(self, rows):
        answers = self.booster.predict(encode_rows(self.card, rows), num_threads=1)
        return np.asarray(answers).tolist()


def train(
    task=Task.BINARY,
    seed=0,
    entity="customer",
    classes=("low", "mid", "high"),
    features=FEATURES,
):
    rng = np.random.default_rng(seed)
    rows = sample_rows(400, seed)
    blank = ModelCard(MODEL, "", task, features, "when", entity)
    matrix = encode_rows(blank, rows)
    signal = np.nan_to_num(matrix[:, 0]) / 50 + matrix[:, 1] + rng.normal(size=400)
    label, classes, parameters = {
        Task.BINARY: (signal > 1, (), {"objective": "binary"}),
        Task.REGRESSION: (signal, (), {"objective": "regression"}),
        Task.MULTICLASS: (
            np.digitize(signal, np.linspace(0.5, 1.5, len(classes) - 1)),
            classes,
            {"objective": "multiclass", "num_class": len(classes)},
        ),
    }[task]
    data = lightgbm.Dataset(matrix, label=label.astype(float), categorical_feature=[2])
    quiet = {"verbosity": -1, "num_threads": 1, "seed": seed, "num_leaves": 7}
    booster = lightgbm.train({**parameters, **quiet}, data, num_boost_round=10)
    text = booster.model_to_string().encode()
    booster = lightgbm.Booster(model_str=text.decode())
    answers = booster.predict(matrix[:5]).reshape(5, -1)
    keys = [feature.name for feature in FEATURES]
    probes = tuple(
        Probe({k: row[k] for k in keys}, tuple(answer))
        for row, answer in zip(rows[:5], answers.tolist(), strict=True)
    )
    digest = hashlib.sha256(text).hexdigest()
    card = replace(blank, digest=digest, classes=classes, probes=probes)
    return Trained(text, card, booster)


@pytest.fixture(name="sample_rows", scope="session")
def _sample_rows():
    return sample_rows


@pytest.fixture(name="train", scope="session")
def _train():
    return train


@pytest.fixture(scope="session")
def champion():
    return train(seed=1)


@pytest.fixture(scope="session")
def challenger():
    return train(seed=2)


class House:
    """Store, ledger and log of one model on disk, and gateways over them."""

    def __init__(self, folder: Path, ledger_url=None):
        self.root = folder / "models"
        self.store = self.root / MODEL
        self.log = folder / "log"
        self.ledger_url = ledger_url or f"sqlite:///{folder / 'ledger.db'}"
        self.ledger = Ledger(self.ledger_url)
        self.epoch = 0
        self.states = []

    def route(
        self,
        champion,
        beside=None,
        share=0.0,
        *,
        arm=Arm.CANARY,
        release="r1",
        lease=300,
        step=None,
    ):
        self.epoch += 1
        self.renew(lease)
        digest = champion if isinstance(champion, str) else champion.digest
        other = None
        if beside is not None:
            other_digest = beside if isinstance(beside, str) else beside.digest
            other = Beside(Version("2", other_digest), arm, share)
        self.ledger.append_route(
            Route(
                model=MODEL,
                epoch=self.epoch,
                step=step or (Step.CANARY if other else Step.COLD_START),
                champion=Version("1", digest),
                beside=other,
                release=release,
                at=datetime(2026, 1, 1),  # noqa: DTZ001 - event times are naive UTC
                actor="test",
                reason="test",
            )
        )

    def renew(self, seconds=300):
        """What a tick does that has judged."""
        self.ledger.take(f"canary:{MODEL}", "ticks", seconds)

    def gateway(self, token=TOKEN, file=None, host="127.0.0.1", **more):
        follower = Follower(MODEL, self.ledger, ModelStore(self.root, MODEL))
        follower.poll()
        tokens = tokens_of(token, file)
        access = access_of(tokens, loopback=host == "127.0.0.1", host=host)
        state = State(model=MODEL, follower=follower, log_dir=self.log, access=access, **more)
        self.states.append(state)
        return Client(Gateway(state), state)

    def predictions(self):
        return [
            prediction
            for line in self._lines("predictions")
            for prediction in (
                msgspec.json.decode(line, type=Batch).predictions()
                if b'"rows":' in line
                else [msgspec.json.decode(line, type=Prediction)]
            )
        ]

    def close(self):
        for state in self.states:
            state.close()
        self.ledger.close()

    def labels(self):
        return [msgspec.json.decode(line, type=Label) for line in self._lines("labels")]

    def _lines(self, kind):
        return [
            line
            for segment in sorted((self.log / MODEL).glob(f"{kind}-*.jsonl"))
            for line in segment.read_bytes().splitlines(keepends=True)
            if line.endswith(b"\n")
        ]


class Client:
    """Speaks to the ASGI application in this process."""

    def __init__(self, app, state):
        self.app = app
        self.state = state
        self.follower = state.follower

    def request(self, method, path, **given):
        answer = asyncio.run(self.send(method, path, **given))
        self.state.shadows.settle()
        return answer

    async def send(self, method, path, **given):
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            return await http.request(method, path, **given)

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, json=None, **given):
        return self.request("POST", path, json=json, **given)

    def score(self, rows, **given):
        return self.post("/invocations", {"dataframe_records": rows}, **given)

    def admin(self, path, json=None, token=TOKEN):
        return self.post(path, json, headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def house(tmp_path, champion, challenger):
    house = House(tmp_path)
    champion.put(house.store)
    challenger.put(house.store)
    yield house
    house.close()

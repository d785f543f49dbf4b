"""One in-memory fake a port, and the small projects and frames that tests build on."""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pandera.polars as pa
import polars as pl

from sixgates.adapters.segment_log import LABEL_SCHEMA, PREDICTION_SCHEMA
from sixgates.gates.card import Task
from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.policy import Policies
from sixgates.gates.ports import ModelRef, Serving
from sixgates.gates.project import LossName, Project, Roles
from sixgates.gates.statistics.counts import DualEvidence, dual_bets, log_es_of_batches

DAY = 86_400.0


def dual_counts(batches, margin):
    """What good and bad rows say over all batches, for promotion and for rollback."""
    logs = log_es_of_batches(batches, dual_bets(margin)).sum(axis=1)
    arms = (sum(getattr(b, name) for b in batches) for name in ("canary_n", "control_n"))
    return DualEvidence(*map(float, logs), *arms)


@dataclass
class FakeClock:
    moment: datetime = datetime(2026, 1, 1)  # noqa: DTZ001 - event time is naive UTC

    def now(self):
        return self.moment


@dataclass
class FakeModels:
    kept: dict = field(default_factory=dict)

    def put(self, text, card):
        self.kept[card.model, card.digest] = (text, card)

    def get(self, model, digest):
        if (model, digest) not in self.kept:
            raise ContractError(f"the model store lacks {digest} of {model}: restore it")
        return self.kept[model, digest]


@dataclass
class FakeRegistry:
    """Remembers what it was told; the next `outages` calls find it unreachable."""

    outages: int = 0
    runs: dict = field(default_factory=dict)
    versions: list = field(default_factory=list)
    verdicts: list = field(default_factory=list)
    pointing: dict = field(default_factory=dict)
    marks: dict = field(default_factory=dict)
    ended: dict = field(default_factory=dict)
    older: set = field(default_factory=set)
    """(model, version) that were registered before the test began."""
    digests: dict = field(default_factory=dict)
    """Of those, by (model, version), where a test names them."""
    deleted: set = field(default_factory=set)
    calls: int = 0

    def _answer(self):
        self.calls += 1
        if self.outages:
            self.outages -= 1
            raise TransientError("the registry did not answer: try again")

    def start_run(self, model, name, tags):
        self._answer()
        self.runs[f"t{len(self.runs) + 1}"] = {"model": model, "name": name, **tags}
        return f"t{len(self.runs)}"

    def log_training(self, run, *, params, metrics, dataset):
        self._answer()
        self.runs[run] |= {"params": params, "metrics": metrics, "dataset": dataset}

    def register(self, run, _text, card, _sample):
        self._answer()
        ref = ModelRef(card.model, str(len(self.versions) + 1), card.digest, run)
        known = [v for v in self.versions if (v.run, v.digest) == (run, card.digest)]
        if not known:
            self.versions.append(ref)
        return known[0] if known else ref

    def log_verdict(self, run, verdict):
        self._answer()
        self.verdicts.append((run, verdict))

    def log_reference(self, run, file):
        self._answer()
        self.runs.setdefault(run, {})["reference"] = file

    def log_report(self, run, html):
        self._answer()
        self.runs.setdefault(run, {})["report"] = html

    def end_run(self, run, status, reason):
        self._answer()
        self.ended[run] = (status, reason)

    def set_aliases(self, model, aliases):
        self._answer()
        known = self.pointing.get(model, {}) | aliases
        self.pointing[model] = {k: v for k, v in known.items() if v is not None}

    def aliases(self, model):
        self._answer()
        return self.pointing.get(model, {})

    def mark(self, model, version, tags):
        self._answer()
        self.marks[model, version] = tags

    def registered(self, model):
        self._answer()
        known = {ref.version: ref.digest for ref in self.versions if ref.model == model}
        known |= {v: self.digests.get((name, v), "") for name, v in self.older if name == model}
        return {
            version: {"digest": digest, **self.marks.get((model, version), {})}
            for version, digest in known.items()
            if (model, version) not in self.deleted
        }

    def open_runs(self, model):
        self._answer()
        mine = {key: run["name"] for key, run in self.runs.items() if run.get("model") == model}
        return {key: name for key, name in mine.items() if key not in self.ended}


@dataclass
class FakeTraffic:
    """One gateway that serves what the ledger says, unless told to misbehave."""

    ledger: object
    url: str = "http://gateway"
    silent: bool = False
    stuck_on: Serving | None = None
    refusals: list = field(default_factory=list)
    unlogged: int = 0

    def prove(self, _model, _digest):
        self._answer()
        return self.refusals

    def proved(self, _model, _digest):
        return "all gateways that were asked answer its probes as the trainer did"

    def follow(self, model, _epoch):
        return self.serving(model)

    def serving(self, model):
        route = self.ledger.route(model)
        if route is None:
            return []
        self._answer()
        if self.stuck_on is not None:
            return [self.stuck_on]
        beside = route.beside
        return [
            Serving(
                url=self.url,
                epoch=route.epoch,
                champion=route.champion.number,
                champion_digest=route.champion.digest,
                beside=beside.version.number if beside else "",
                beside_digest=beside.version.digest if beside else "",
                arm=beside.arm if beside else "",
                share=beside.share if beside else 0.0,
                unlogged=self.unlogged,
            )
        ]

    def _answer(self):
        if self.silent:
            raise TransientError("no gateway answers: start one")


@dataclass
class FakeLog:
    said: pl.DataFrame = field(default_factory=PREDICTION_SCHEMA.to_frame)
    known: pl.DataFrame = field(default_factory=LABEL_SCHEMA.to_frame)

    def predictions(self, _model, since):
        start = since.replace(tzinfo=UTC).timestamp()
        return self.said.filter(pl.col("at") >= start)

    def labels(self, _model, since=None):
        start = -math.inf if since is None else since.replace(tzinfo=UTC).timestamp()
        return self.known.filter(pl.col("received") >= start)

    def newest_label(self, _model, now):
        return self.known.filter(pl.col("at") <= now.replace(tzinfo=UTC).timestamp())["at"].max()


def day(number):
    """Return the moment that a count of days since 1970 means."""
    return datetime(1970, 1, 1) + timedelta(days=number)  # noqa: DTZ001 - naive UTC


def said(*rows):
    """Build prediction records from dicts; what a row leaves out has a harmless default."""
    default = {
        "request": "a", "row": 0, "entity": "", "at": 0.5, "epoch": 1, "arm": "champion",
        "version": "1", "values": (0.5,), "error": "", "micros": 100.0, "received": 0.0,
        "share": None,
    }  # fmt: skip
    whole = [{**default, **row} for row in rows]
    for row in whole:
        row["at"] *= DAY  # given in days
        row["entity"] = row["entity"] or f"{row['request']}/{row['row']}"
        row["values"] = list(row["values"])
    return pl.DataFrame(whole, schema=PREDICTION_SCHEMA)


def known(*rows):
    """Build label records from (request, label, day on which it became known)."""
    whole = [
        {"request": request, "row": 0, "label": str(label), "at": at * DAY, "received": 0.0}
        for request, label, at in rows
    ]
    return pl.DataFrame(whole, schema=LABEL_SCHEMA)


def tiny_project(task=Task.BINARY, *, pairs="no", canary=None, monitor=None, **changes):
    """Build a project with one feature, labels known after two days, margin 0.01."""
    horizon = None if "label_time" in changes else timedelta(days=2)
    columns = {"at": pa.Column(pl.Datetime("us")), "x": pa.Column(pl.Float64),
               "y": pa.Column(nullable=True)}  # fmt: skip
    if label_time := changes.pop("label_time", None):
        columns[label_time] = pa.Column(pl.Datetime("us"), nullable=True)
    entity = changes.pop("entity", None)
    if entity:
        columns[entity] = pa.Column(pl.String)
    policies = Policies.with_margin(0.01)
    policies = policies.model_copy(
        update={
            "canary": policies.canary.model_copy(update=canary or {}),
            "monitor": policies.monitor.model_copy(update=monitor or {}),
        }
    )
    given = {
        "name": "tiny",
        "task": task,
        "contract": pa.DataFrameSchema(columns),
        "roles": Roles(
            event_time="at", label="y", numeric=("x",),
            label_horizon=horizon, label_time=label_time, entity=entity,
        ),
        "loss": LossName.ABSOLUTE_ERROR if task is Task.REGRESSION else LossName.BRIER,
        "clip": 10.0 if task is Task.REGRESSION else None,
        "prediction_changes_outcome": pairs,
        "policies": policies,
    }  # fmt: skip
    return Project(**{**given, **changes})

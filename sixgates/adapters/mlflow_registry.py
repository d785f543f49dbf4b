"""Runs, versions and aliases in MLflow, as projections of the ledger.

Every call names its run or version, so that several flows may share one process. MLflow takes
seconds to import and is imported by the first call.
"""

import json
import math
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from sixgates.adapters.mlflow_access import mlflow_errors, open_client, shown
from sixgates.adapters.mlflow_model import save_mlflow_model
from sixgates.gates.card import ModelCard
from sixgates.gates.errors import ConfigurationError, TransientError
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.verdict import Verdict

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, RunTag
    from mlflow.store.entities import PagedList

_MODEL = "model"
"""Folder of the model among a run's artifacts."""
_IN_VAIN_SECONDS = 5.0
"""Who waited longer for no answer waited for one that hangs; one that is away says so at once."""
_ALONE_SECONDS = 20.0
"""So long nobody else waits for one that hangs: a tick asks several times, and has to judge. A
task that tries again after 20 seconds asks it anew."""
_TAG_LENGTH = 5_000
_METRIC_NAME_LENGTH = 250


class MlflowRegistry:
    """One MLflow tracking and registry address.

    Args:
        uri: SQLAlchemy URL of a database, or `http(s)://` of a server.
        artifacts: Folder for artifacts; a server decides for itself.
    """

    def __init__(self, uri: str, artifacts: Path) -> None:
        self._uri = uri
        self._artifacts = artifacts
        self._lock = threading.Lock()
        self._opened: MlflowClient | None = None
        self._alone_until = 0.0

    def start_run(self, model: str, name: str, tags: dict[str, str]) -> str:
        """Open a tracking run in the model's experiment and return its id."""
        client = self._client()
        with self._errors(f"starting a run of {model}"):
            experiment = self._experiment(client, model)
            short = {key: value[:_TAG_LENGTH] for key, value in tags.items()}
            return str(client.create_run(experiment, run_name=name, tags=short).info.run_id)

    def log_training(
        self, run: str, *, params: dict[str, Any], metrics: dict[str, float], dataset: DatasetRef
    ) -> None:
        """Record how a model was made and from what. Metrics that are no number are left out."""
        client = self._client()
        from mlflow.entities import Param

        tags = {
            "dataset.path": dataset.path,
            "dataset.digest": dataset.digest,
            "dataset.source": dataset.source,
            "dataset.as_of": dataset.as_of.isoformat(),
            "dataset.rows": str(dataset.rows),
            "dataset.matured": str(dataset.matured),
            "dataset.quarantined": str(dataset.quarantined),
        }
        with self._errors(f"recording the training of run {run}"):
            client.log_batch(
                run,
                params=[Param(key, str(value)[:_TAG_LENGTH]) for key, value in params.items()],
                metrics=_metrics(metrics),
                tags=_tags(tags),
            )
            _log_dataset(client, run, dataset)

    def register(self, run: str, text: str, card: ModelCard, sample: pl.DataFrame) -> ModelRef:
        """Register the native text as a new version, with signature and digest.

        Registering the same text for the same run again returns the first version. The MLflow
        model reads encoded rows (categories as the card's codes); the card and some raw rows lie
        beside it.
        """
        client = self._client()
        with self._errors(f"registering {card.model}"):
            known = client.search_model_versions(f"name = '{card.model}' and run_id = '{run}'")
            for version in known:
                if version.tags.get("digest") == card.digest:
                    return ModelRef(card.model, str(version.version), card.digest, run)
            with tempfile.TemporaryDirectory(prefix="sixgates-") as folder:
                save_mlflow_model(Path(folder) / _MODEL, text, card, sample)
                client.log_artifacts(run, str(Path(folder) / _MODEL), _MODEL)
            _ensure_model(client, card.model)
            source = f"{client.get_run(run).info.artifact_uri}/{_MODEL}"
            version = client.create_model_version(
                card.model, source, run, tags={"digest": card.digest}, await_creation_for=0
            )
            return ModelRef(card.model, str(version.version), card.digest, run)

    def log_verdict(self, run: str, verdict: Verdict) -> None:
        """Record one gate's decision: whole as JSON, and each finite figure as a metric."""
        client = self._client()
        gate = verdict.gate
        # A slash parts names as it does paths, and MLflow refuses `//` and `/../` among them.
        seen = {f"{gate}/{check.name.replace('/', '_')}": check.seen for check in verdict.checks}
        with self._errors(f"recording the verdict of gate {gate} in run {run}"):
            client.log_dict(run, verdict.to_dict(), f"verdicts/{gate.number}-{gate}.json")
            metrics = _metrics({name: value for name, value in seen.items() if value is not None})
            client.log_batch(run, metrics=metrics, tags=_tags({f"gate.{gate}": verdict.outcome}))

    def log_reference(self, run: str, file: Path) -> None:
        """Attach what the watch will compare with to the run that made the model."""
        self._attach(run, file, "watch")

    def log_report(self, run: str, html: Path) -> None:
        """Attach the report to the run."""
        self._attach(run, html, "report")

    def end_run(self, run: str, status: str, reason: str) -> None:
        """Close the run: FINISHED whatever the gates said, FAILED when the pipeline broke."""
        client = self._client()
        with self._errors(f"closing run {run}"):
            client.set_tag(run, "reason", reason[:_TAG_LENGTH])
            client.set_terminated(run, status)

    def set_aliases(self, model: str, aliases: dict[str, str | None]) -> None:
        """Point each alias to a version, or remove it where the version is None.

        Only differences are written, so that repeating it costs one read.
        """
        client = self._client()
        current = self.aliases(model)
        with self._errors(f"setting aliases of {model}"):
            for alias, version in aliases.items():
                if version is None and alias in current:
                    client.delete_registered_model_alias(model, alias)
                elif version is not None and current.get(alias) != version:
                    client.set_registered_model_alias(model, alias, version)

    def aliases(self, model: str) -> dict[str, str]:
        """Return alias to version; empty for a model that was never registered."""
        client = self._client()
        with self._errors(f"reading aliases of {model}"):
            found = client.search_registered_models(f"name = '{model}'")
            return {a: str(v) for known in found for a, v in known.aliases.items()}

    def mark(self, model: str, version: str, tags: dict[str, str]) -> None:
        """Tag a version, as refused with its reason for one."""
        client = self._client()
        with self._errors(f"tagging version {version} of {model}"):
            for key, value in tags.items():
                client.set_model_version_tag(model, version, key, value[:_TAG_LENGTH])

    def registered(self, model: str) -> dict[str, dict[str, str]]:
        """Return the tags of every version by its number; a deleted version is not among them."""
        client = self._client()
        with self._errors(f"reading the versions of {model}"):
            found = _every(
                lambda page: client.search_model_versions(f"name = '{model}'", page_token=page)
            )
            return {str(version.version): dict(version.tags) for version in found}

    def open_runs(self, model: str) -> dict[str, str]:
        """Return the names of the tracking runs that nobody closed, by their ids."""
        client = self._client()
        with self._errors(f"reading the open runs of {model}"):
            experiment = client.get_experiment_by_name(model)
            if experiment is None:
                return {}
            found = _every(
                lambda page: client.search_runs(
                    [experiment.experiment_id], "status = 'RUNNING'", page_token=page
                )
            )
            return {str(run.info.run_id): str(run.info.run_name) for run in found}

    def _attach(self, run: str, file: Path, folder: str) -> None:
        client = self._client()
        with self._errors(f"attaching {file} to run {run}"):
            client.log_artifact(run, str(file), folder)

    def _client(self) -> "MlflowClient":
        with self._lock:  # the first opening of a database creates its tables
            if self._opened is None:
                with self._not_again_in_vain():
                    self._opened = open_client(self._uri)
            return self._opened

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        with self._not_again_in_vain(), mlflow_errors(self._uri, doing):
            yield

    @contextmanager
    def _not_again_in_vain(self) -> Iterator[None]:
        """Ask nothing of a registry for which somebody has just waited in vain."""
        began = time.monotonic()
        if began < self._alone_until:
            raise TransientError(
                f"the registry {shown(self._uri)} hangs: it did not answer a moment ago, and is"
                f" asked again in {self._alone_until - began:.0f} s"
            )
        try:
            yield
        except TransientError:
            if time.monotonic() - began > _IN_VAIN_SECONDS:
                self._alone_until = time.monotonic() + _ALONE_SECONDS
            raise

    def _experiment(self, client: "MlflowClient", model: str) -> str:
        from mlflow.entities import LifecycleStage
        from mlflow.exceptions import MlflowException

        known = client.get_experiment_by_name(model)
        if known is not None and known.lifecycle_stage == LifecycleStage.DELETED:
            raise ConfigurationError(
                f"the experiment {model} of the registry {shown(self._uri)} was deleted, and a run"
                f" of {model} needs it: restore it with `mlflow experiments restore --experiment-id"
                f" {known.experiment_id}`, or delete it for good with `mlflow gc`"
            )
        if known is not None:
            return str(known.experiment_id)
        remote = self._uri.startswith("http")
        location = None if remote else (self._artifacts / model).absolute().as_uri()
        try:
            return str(client.create_experiment(model, artifact_location=location))
        except MlflowException:
            known = client.get_experiment_by_name(model)  # another flow was first
            if known is None:
                raise
            return str(known.experiment_id)


def _every(search: "Callable[[str | None], PagedList[Any]]") -> Iterator[Any]:
    """Yield what a search finds on all of its pages."""
    page = None
    while True:
        found = search(page)
        yield from found
        if not (page := found.token):
            return


def _ensure_model(client: "MlflowClient", model: str) -> None:
    from mlflow.exceptions import MlflowException

    if client.search_registered_models(f"name = '{model}'"):
        return
    try:
        client.create_registered_model(model)
    except MlflowException as exc:
        if exc.error_code != "RESOURCE_ALREADY_EXISTS":  # else another flow was first
            raise


def _log_dataset(client: "MlflowClient", run: str, dataset: DatasetRef) -> None:
    """Log the data set; where two runs log the same one at once, MLflow refuses the second."""
    from mlflow.exceptions import MlflowException

    given = [_dataset_input(dataset)]
    try:
        client.log_inputs(run, given)
    except MlflowException:
        client.log_inputs(run, given)  # by now it is there


def _dataset_input(dataset: DatasetRef) -> Any:  # noqa: ANN401 - MLflow's entity
    """Write the data set down as MLflow shows it; its digest there holds 36 characters at most."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = json.dumps({"rows": dataset.rows, "matured": dataset.matured})
    entity = Dataset(
        name="accepted rows", digest=dataset.digest[:36], source_type="local",
        source=json.dumps({"path": dataset.path}), profile=profile,
    )  # fmt: skip
    return DatasetInput(entity, [InputTag("mlflow.data.context", "training")])


def _metrics(values: dict[str, float]) -> "list[Metric]":
    from mlflow.entities import Metric

    now = time.time_ns() // 1_000_000
    return [
        Metric(re.sub(r"[^\w .:/-]", "_", name)[:_METRIC_NAME_LENGTH], float(value), now, 0)
        for name, value in values.items()
        if math.isfinite(value)
    ]


def _tags(values: dict[str, str]) -> "list[RunTag]":
    from mlflow.entities import RunTag

    return [RunTag(key, value[:_TAG_LENGTH]) for key, value in values.items()]

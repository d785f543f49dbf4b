"""A registry of models that lasts as long as a rehearsal."""

# ruff: noqa: ARG002 - the arguments are those of the port

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from sixgates.gates.card import ModelCard
from sixgates.gates.errors import TransientError
from sixgates.gates.ports import DatasetRef, ModelRef
from sixgates.gates.verdict import Verdict


@dataclass(slots=True)
class MemoryRegistry:
    """Versions, aliases and open runs by name, as the pipeline asks for them."""

    runs: dict[str, str] = field(default_factory=dict)
    """Name of each tracking run that nobody closed, by its id."""
    versions: dict[str, list[ModelRef]] = field(default_factory=dict)
    pointing: dict[str, dict[str, str]] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    away: bool = False
    """Whether it answers nobody."""
    _begun: int = 0

    def go(self, *, away: bool) -> None:
        """Answer nobody from now on, or everybody again."""
        self.away = away

    def start_run(self, model: str, name: str, _tags: dict[str, str]) -> str:
        """Open a tracking run and return its id."""
        self._answer()
        self._begun += 1
        run = f"{model}-{self._begun}"
        self.runs[run] = name
        return run

    def log_training(
        self, run: str, *, params: dict[str, Any], metrics: dict[str, float], dataset: DatasetRef
    ) -> None:
        """Keep nothing: the ledger holds what a model was made of."""
        self._answer()

    def register(self, run: str, _text: str, card: ModelCard, _sample: pl.DataFrame) -> ModelRef:
        """Return the version of a run's model, a new one the first time."""
        self._answer()
        known = self.versions.setdefault(card.model, [])
        for version in known:
            if (version.run, version.digest) == (run, card.digest):
                return version
        known.append(ModelRef(card.model, str(len(known) + 1), card.digest, run))
        return known[-1]

    def log_verdict(self, run: str, verdict: Verdict) -> None:
        """Keep nothing: the ledger holds it."""
        self._answer()

    def log_reference(self, run: str, file: Path) -> None:
        """Keep nothing: the file is there."""
        self._answer()

    def log_report(self, run: str, html: Path) -> None:
        """Keep nothing: the file is there."""
        self._answer()

    def end_run(self, run: str, _status: str, _reason: str) -> None:
        """Close a run."""
        self._answer()
        self.runs.pop(run, None)

    def set_aliases(self, model: str, aliases: dict[str, str | None]) -> None:
        """Point each alias to a version, or remove it where the version is None."""
        self._answer()
        known = self.pointing.get(model, {}) | aliases
        self.pointing[model] = {k: v for k, v in known.items() if v is not None}

    def aliases(self, model: str) -> dict[str, str]:
        """Return alias to version."""
        self._answer()
        return self.pointing.get(model, {})

    def mark(self, model: str, version: str, tags: dict[str, str]) -> None:
        """Tag a version."""
        self._answer()
        self.tags[model, version] = self.tags.get((model, version), {}) | tags

    def registered(self, model: str) -> dict[str, dict[str, str]]:
        """Return the tags of every version by its number."""
        self._answer()
        known = self.versions.get(model, [])
        return {
            v.version: {"digest": v.digest, **self.tags.get((model, v.version), {})} for v in known
        }

    def open_runs(self, model: str) -> dict[str, str]:
        """Return the names of the tracking runs that nobody closed, by their ids."""
        self._answer()
        return {run: name for run, name in self.runs.items() if run.startswith(f"{model}-")}

    def _answer(self) -> None:
        if self.away:
            raise TransientError("the registry did not answer: see whether it runs")

"""Which model answers to a digest: load it, check its text, and prove its answers."""

import hashlib
import re
import threading
from array import array
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sixgates.gates.card import ModelCard, Probe, RowError, Task
from sixgates.gates.errors import ContractError
from sixgates.gates.row_reader import RowReader
from sixgates.gateway.booster import Booster

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model whose probes were answered bit for bit. Equal only to itself."""

    card: ModelCard
    reader: RowReader
    booster: Booster


class ModelStore:
    """Models of one project by digest, kept in memory while they are routed."""

    def __init__(self, folder: Path, model: str) -> None:
        """Read from `<folder>/<model>`: `<digest>.txt` and `<digest>.json` for each version."""
        self._folder = folder / model
        self._model = model
        self._loaded: dict[str, LoadedModel] = {}
        self._lock = threading.Lock()

    def load(self, digest: str) -> LoadedModel:
        """Return a proved model, from memory where it is already there.

        Raises:
            ContractError: text, card or answers are not what the digest promised.
        """
        with self._lock:
            if digest not in self._loaded:
                self._loaded[digest] = self._read(digest)
            return self._loaded[digest]

    def prove(self, digest: str) -> None:
        """Read a model from its files and prove it anew, whether or not it is in memory.

        Raises:
            ContractError: text, card or answers are not what the digest promised.
        """
        # Without the lock: a rollback that comes meanwhile needs a model that is loaded already.
        proved = self._read(digest)
        with self._lock:
            self._loaded.setdefault(digest, proved)

    def keep(self, digests: set[str]) -> None:
        """Forget every model but these; requests that still hold one finish with it."""
        with self._lock:
            self._loaded = {d: m for d, m in self._loaded.items() if d in digests}

    def _read(self, digest: str) -> LoadedModel:
        if not _DIGEST.fullmatch(digest):
            raise ContractError(f"{digest!r:.80} is not a SHA-256 in hexadecimal")
        text = self._bytes(f"{digest}.txt")
        seen = hashlib.sha256(text).hexdigest()
        if seen != digest:
            raise ContractError(
                f"the model {digest}.txt has the digest {seen}: it was changed after it was stored"
            )
        try:
            card = msgspec.json.decode(self._bytes(f"{digest}.json"), type=ModelCard)
        except msgspec.DecodeError as exc:
            raise ContractError(f"the card {digest}.json is not a model card: {exc}") from exc
        if (card.digest, card.model) != (digest, self._model):
            raise ContractError(
                f"the card {digest}.json is of {card.model} with digest {card.digest},"
                f" not of {self._model}: store the model again"
            )
        loaded = LoadedModel(card, RowReader(card), Booster(text))
        _check_shape(loaded)
        _check_probes(loaded)
        return loaded

    def _bytes(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as exc:
            raise ContractError(
                f"{self._folder / name} could not be read ({exc.strerror}): store the model again"
            ) from exc


def _check_shape(loaded: LoadedModel) -> None:
    card, booster = loaded.card, loaded.booster
    outputs = len(card.classes) if card.task is Task.MULTICLASS else 1
    for what, promised, seen in (
        ("features", len(card.features), booster.features),
        ("outputs", outputs, booster.outputs),
    ):
        if promised != seen:
            raise ContractError(
                f"model {card.digest} has {seen} {what}, its card promises {promised}"
            )


def _check_probes(loaded: LoadedModel) -> None:
    """Refuse answers that differ in one bit, scored together and one by one."""
    card = loaded.card
    if not card.probes:
        raise ContractError(f"the card of model {card.digest} has no probes: nothing proves it")
    rows = [probe.row for probe in card.probes]
    try:
        packed = loaded.reader.pack(rows)
        alone = [loaded.reader.pack([row]) for row in rows]
    except (RowError, OverflowError) as exc:
        raise ContractError(f"model {card.digest} cannot read its own probes: {exc}") from exc
    together = loaded.booster.predict(packed)
    for i, probe in enumerate(card.probes):
        for answer in (together[i], loaded.booster.predict(alone[i])[0]):
            _check_answer(card, i, probe, answer)


def _check_answer(card: ModelCard, i: int, probe: Probe, answer: tuple[float, ...]) -> None:
    # As bits: 0.0 is not -0.0 here.
    if array("d", probe.expected).tobytes() == array("d", answer).tobytes():
        return
    raise ContractError(
        f"probe {i} of model {card.digest}: expected {list(probe.expected)},"
        f" got {list(answer)}; the model does not answer here as where it was trained"
    )

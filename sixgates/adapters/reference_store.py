"""References of the watch, by the digest of the model they belong to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec

from sixgates.adapters.atomic_files import write_atomically
from sixgates.gates.drift.look import Look
from sixgates.gates.errors import ContractError
from sixgates.gates.reference import Reference
from sixgates.ledger.route import Route

_FORM = 2
"""Of the document; 1, whose profiles had twenty bins a feature, did not say so."""


class _Head(msgspec.Struct):
    """What every form of the document holds."""

    until: datetime
    form: int = 1


class _Document(msgspec.Struct):
    until: datetime
    form: int
    reference: Reference


_looks = msgspec.json.Decoder(tuple[Look, ...])


class ReferenceStore:
    """One JSON file a version, beside its text in the model store."""

    def __init__(self, folder: Path) -> None:
        """Keep references in a folder, made when first needed."""
        self._folder = folder

    def put(self, model: str, digest: str, reference: Reference) -> Path:
        """Store a model's reference, and return its file; storing it twice changes nothing."""
        document = _Document(reference.until, _FORM, reference)
        write_atomically(self._path(model, digest), msgspec.json.encode(document))
        return self._path(model, digest)

    def get(self, model: str, digest: str) -> Reference:
        """Return a model's reference.

        Raises:
            ContractError: there is none, or it cannot be read.
        """
        with self._reading(model, digest) as written:
            if msgspec.json.decode(written, type=_Head).form != _FORM:
                raise ContractError(
                    f"the drift reference of {model} is of an older version of sixgates: run"
                    f" `sixgates retrain --project {model}`, whose champion brings its own"
                )
            return msgspec.json.decode(written, type=_Document).reference

    def put_looks(self, model: str, digest: str, looks: Sequence[Look]) -> None:
        """Store every look at a window since a model's training, oldest first."""
        write_atomically(self._path(model, digest, "looks"), msgspec.json.encode(looks))

    def looks(self, model: str, digest: str) -> tuple[Look, ...]:
        """Return the looks since a model's training; none where nothing can be read.

        Whoever needs them looks again: the data is still there.
        """
        try:
            return _looks.decode(self._path(model, digest, "looks").read_bytes())
        except (OSError, msgspec.MsgspecError):
            return ()

    def until(self, route: Route | None) -> datetime | None:
        """Return the newest row that the serving champion was made from, None without one."""
        if route is None:
            return None
        with self._reading(route.model, route.champion.digest) as written:
            return msgspec.json.decode(written, type=_Head).until

    @contextmanager
    def _reading(self, model: str, digest: str) -> Iterator[bytes]:
        path = self._path(model, digest)
        try:
            yield path.read_bytes()
        except (OSError, msgspec.MsgspecError) as exc:
            raise ContractError(
                f"the drift reference {path} cannot be read ({exc}): restore it from a backup, for"
                " the watch and the next retrain need it"
            ) from exc

    def _path(self, model: str, digest: str, what: str = "reference") -> Path:
        return self._folder / model / f"{digest}.{what}.json"

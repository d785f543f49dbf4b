"""References of the watch, by the digest of the model they belong to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import msgspec
from polars.exceptions import PolarsError

from sixgates.adapters.atomic_files import write_atomically
from sixgates.adapters.object_store_errors import store_error
from sixgates.adapters.table_place import Folder, ObjectFolder, read_document, write_document
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
    """One JSON document a version, beside its text in the model store or in an object store."""

    def __init__(self, folder: Path, shared: ObjectFolder | None = None) -> None:
        """Keep references in a folder, made when first needed.

        Args:
            folder: Of this machine.
            shared: Of an object store, where there is one: it is what is read then.
        """
        self._files = folder
        self._shared = shared
        self._folder: Folder = shared or folder

    def put(self, model: str, digest: str, reference: Reference) -> Path:
        """Store a model's reference, and return its file; storing it twice changes nothing.

        Raises:
            TransientError: the object store does not answer.
            ConfigurationError: it refuses.
        """
        document = msgspec.json.encode(_Document(reference.until, _FORM, reference))
        path = self._files / _name(model, digest)
        write_atomically(path, document)
        if self._shared is not None:
            self._write(_name(model, digest), document)
        return path

    def get(self, model: str, digest: str) -> Reference:
        """Return a model's reference.

        Raises:
            ContractError: there is none, or it cannot be read.
            TransientError: the object store does not answer.
            ConfigurationError: it refuses.
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
        self._write(_name(model, digest, "looks"), msgspec.json.encode(looks))

    def looks(self, model: str, digest: str) -> tuple[Look, ...]:
        """Return the looks since a model's training; none where nothing can be read.

        Whoever needs them looks again: the data is still there.
        """
        try:
            return _looks.decode(read_document(self._folder, _name(model, digest, "looks")))
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
        name = _name(model, digest)
        try:
            yield read_document(self._folder, name)
        except (OSError, msgspec.MsgspecError) as exc:
            self._raise_for_store(exc)
            raise ContractError(
                f"the drift reference {self._folder / name} cannot be read ({_line(exc)}): restore"
                " it from a backup, for the watch and the next retrain need it"
            ) from exc

    def _write(self, name: str, document: bytes) -> None:
        try:
            write_document(self._folder, name, document)
        except (OSError, PolarsError) as exc:
            self._raise_for_store(exc)
            raise

    def _raise_for_store(self, exc: BaseException) -> None:
        if self._shared and (error := store_error(self._shared, exc)) is not None:
            raise error from exc


def _name(model: str, digest: str, what: str = "reference") -> str:
    return f"{model}/{digest}.{what}.json"


def _line(exc: BaseException) -> str:
    return str(exc).partition("\n")[0]

"""References of the watch, by the digest of the model they belong to."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sixgates.adapters.atomic_files import write_atomically
from sixgates.gates.errors import ContractError
from sixgates.gates.profile.counts import Profile
from sixgates.gates.reference import Reference
from sixgates.ledger.route import Route

_FORM = 2
"""Of the document; 1, whose profiles had twenty bins a feature, did not say so."""


class ReferenceStore:
    """One JSON file a version, beside its text in the model store."""

    def __init__(self, folder: Path) -> None:
        """Keep references in a folder, made when first needed."""
        self._folder = folder

    def put(self, model: str, digest: str, reference: Reference) -> None:
        """Store a model's reference; storing it twice changes nothing."""
        document = {
            "form": _FORM,
            "profile": reference.profile.to_dict(),
            "past_windows": reference.past_windows,
            "holdout_loss": reference.holdout_loss,
            "until": reference.until.isoformat(),
        }
        write_atomically(self._path(model, digest), json.dumps(document).encode())

    def get(self, model: str, digest: str) -> Reference:
        """Return a model's reference.

        Raises:
            ContractError: there is none, or it cannot be read.
        """
        with self._reading(model, digest) as document:
            if document["form"] != _FORM:
                raise ContractError(
                    f"the drift reference of {model} is of an older version of sixgates: run"
                    f" `sixgates retrain --project {model}`, whose champion brings its own"
                )
            return Reference(
                profile=Profile.from_dict(document["profile"]),
                past_windows=tuple(document["past_windows"]),
                holdout_loss=document["holdout_loss"],
                until=datetime.fromisoformat(document["until"]),
            )

    def until(self, route: Route | None) -> datetime | None:
        """Return the newest row that the serving champion was made from, None without one."""
        if route is None:
            return None
        with self._reading(route.model, route.champion.digest) as document:
            return datetime.fromisoformat(document["until"])

    @contextmanager
    def _reading(self, model: str, digest: str) -> Iterator[dict[str, Any]]:
        path = self._path(model, digest)
        try:
            yield {"form": 1, **json.loads(path.read_bytes())}
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise ContractError(
                f"the drift reference {path} cannot be read ({exc}): restore it from a backup, for"
                " the watch and the next retrain need it"
            ) from exc

    def _path(self, model: str, digest: str) -> Path:
        return self._folder / model / f"{digest}.reference.json"

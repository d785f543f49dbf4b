"""References of the watch, by the digest of the model they belong to."""

import json
from datetime import datetime
from pathlib import Path

from sixgates.adapters.atomic_files import write_atomically
from sixgates.gates.errors import ContractError
from sixgates.gates.profile import Profile
from sixgates.gates.reference import Reference
from sixgates.ledger.route import Route


class ReferenceStore:
    """One JSON file a version, beside its text in the model store."""

    def __init__(self, folder: Path) -> None:
        """Keep references in a folder, made when first needed."""
        self._folder = folder

    def put(self, model: str, digest: str, reference: Reference) -> None:
        """Store a model's reference; storing it twice changes nothing."""
        document = {
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
        path = self._path(model, digest)
        try:
            document = json.loads(path.read_bytes())
            return Reference(
                profile=Profile.from_dict(document["profile"]),
                past_windows=tuple(document["past_windows"]),
                holdout_loss=document["holdout_loss"],
                until=datetime.fromisoformat(document["until"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise ContractError(
                f"the drift reference {path} cannot be read ({exc}): restore it from a backup, for"
                " the watch and the next retrain need it"
            ) from exc

    def until(self, route: Route | None) -> datetime | None:
        """Return the newest row that the serving champion was made from, None without one."""
        return None if route is None else self.get(route.model, route.champion.digest).until

    def _path(self, model: str, digest: str) -> Path:
        return self._folder / model / f"{digest}.reference.json"

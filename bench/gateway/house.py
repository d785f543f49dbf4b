"""Ledger, store and log on disk for gateways of the bench, laid out as an installation's home."""

from datetime import datetime
from pathlib import Path
from shutil import copytree

from bench.gateway.made import Made
from sixgates.gates.records import Arm
from sixgates.ledger.leases import canary_lease
from sixgates.ledger.ledger import Ledger
from sixgates.ledger.route import Beside, Route, Step, Version

SHARE = 0.5
"""Of units that the canary answers: the largest there is, so that both models are met."""
_LEASE_SECONDS = 3_600.0


class House:
    """A home folder, and routes to append to its ledger."""

    def __init__(self, folder: Path, made: Made, ledger_url: str | None = None) -> None:
        """Make the home anew, with the bench's models in its store, and a ledger in SQLite.

        Args:
            folder: Of the home.
            made: Models and requests.
            ledger_url: Address of a ledger that lies elsewhere.
        """
        self.folder = folder
        self.made = made
        self.log = folder / "log"
        self.store = folder / "models"
        self.logs = folder.with_name(f"{folder.name}-output")
        """What servers print; kept for whoever wants to know why something failed."""
        copytree(made.models, self.store)
        self.ledger_url = ledger_url or f"sqlite:///{folder / 'ledger.db'}"
        self.ledger = Ledger(self.ledger_url)

    def route(self, *, share: float = SHARE, epoch: int = 1) -> None:
        """Append a route: the champion, and the canary that answers a share beside it.

        Args:
            share: Share of units that the canary answers.
            epoch: One more than the newest.
        """
        champion, canary, *_ = self.made.digests
        beside = Beside(Version("2", canary), Arm.CANARY, share)
        self.renew(_LEASE_SECONDS)
        self.ledger.append_route(
            Route(
                model=self.made.model,
                epoch=epoch,
                step=Step.CANARY,
                champion=Version("1", champion),
                beside=beside,
                release="bench",
                at=datetime(2026, 5, 1),  # noqa: DTZ001 - event times are naive UTC
                actor="bench",
                reason="to be measured",
            )
        )

    def renew(self, seconds: float) -> None:
        """Let the canary answer for so many seconds more, as a tick does that has judged."""
        self.ledger.take(canary_lease(self.made.model), "bench", seconds)

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()

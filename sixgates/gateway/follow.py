"""How the gateway follows the ledger: load what a new route needs, then swap, or keep the old.

Fail safe: what cannot be proved takes no traffic, and what serves goes on serving.
"""

import logging
import threading
import time

from sixgates.gates.errors import PipelineError
from sixgates.gateway.canary.guard import Guard, guarded
from sixgates.gateway.served import Companion, Served
from sixgates.gateway.store import LoadedModel, ModelStore
from sixgates.ledger.leases import canary_lease
from sixgates.ledger.ledger import Kind, Ledger
from sixgates.ledger.route import Route, Version

RETRY_SECONDS = 5.0
"""Time between two tries of the poll to load a version that was refused."""

_logger = logging.getLogger(__name__)


class Follower:
    """Holds what is served. Requests read `served` once; it is swapped atomically."""

    def __init__(self, model: str, ledger: Ledger, store: ModelStore) -> None:
        """Follow one model's routes; serves nothing until a first one was found."""
        self.guard = Guard()
        """Whether the canary may answer; asked by each request."""
        self.served: Served | None = None
        self.refused: dict[str, str] = {}
        """Versions the newest route asks for that failed to load, with the sentence why."""
        self.silence = ""
        """Why the newest poll could not follow, empty where it could."""
        self.ledger = ledger
        """Which is followed, for whoever shows what else it says."""
        self._model = model
        self._store = store
        self._lock = threading.Lock()
        self._tried: Route | None = None
        self._next_try = 0.0

    def follow(self) -> None:
        """Serve the newest route as far as its models can be proved, trying refused ones again.

        Raises:
            TransientError: the ledger did not answer; what is served stays.
        """
        self._follow(retry=True)

    def prove(self, digest: str) -> None:
        """Load a model and check its answers without routing to it.

        Raises:
            ContractError: it does not answer as its card promises.
        """
        self._store.prove(digest)

    def poll(self) -> None:
        """Follow in the background: never raises, and warns once when it cannot."""
        try:
            self._follow(retry=time.monotonic() >= self._next_try)
        except Exception as exc:  # noqa: BLE001 - a follower that died would miss a rollback
            if not self.silence:
                _logger.warning("cannot follow the ledger, serves on: %s", exc)
            self.silence = f"the ledger cannot be followed: {exc}"
        else:
            if self.silence:
                _logger.warning("follows the ledger again")
            self.silence = ""

    def _follow(self, *, retry: bool) -> None:
        with self._lock:
            asked = time.monotonic()
            route = self.ledger.route(self._model)
            lease = None
            if route is not None and guarded(route):
                lease = self.ledger.lease(canary_lease(self._model))
                if self._tried is None:
                    self._recall_cut(route)
            self.guard.hear(route, lease, asked)
            if route is not None and (route != self._tried or (self.refused and retry)):
                self._move(route)

    def _recall_cut(self, route: Route) -> None:
        """Keep a canary cut off that was so before this process began, here or beside it."""
        cuts = self.ledger.entries(self._model, kind=Kind.BREAKER, release=route.release)
        for reason in (cut.body["reason"] for cut in cuts if cut.body["epoch"] == route.epoch):
            self.guard.recall(route, reason)

    def _move(self, route: Route) -> None:
        refused: dict[str, str] = {}
        champion = self._load(route.champion, refused)
        beside = self._companion(route, champion, refused)
        if champion is not None:
            self.served = Served(route, champion, beside)
            self._store.keep({route.champion.digest, *([beside.digest] if beside else [])})
        self.refused = refused
        self._tried = route
        self._next_try = time.monotonic() + RETRY_SECONDS

    def _companion(
        self, route: Route, champion: LoadedModel | None, refused: dict[str, str]
    ) -> Companion | None:
        if route.beside is None or champion is None:
            return None
        version, arm, share = route.beside.version, route.beside.arm, route.beside.share
        model = self._load(version, refused)
        if model is None:
            return None
        theirs, own = champion.card, model.card
        places: tuple[int, ...] = ()
        if own.classes != theirs.classes:
            where = {name: i for i, name in enumerate(own.classes)}
            places = tuple(where.get(name, -1) for name in theirs.classes)
        return Companion(
            version.number, version.digest, model, arm, share, guarded(route),
            reads_alike=own.features == theirs.features, places=places,
        )  # fmt: skip

    def _load(self, version: Version, refused: dict[str, str]) -> LoadedModel | None:
        try:
            return self._store.load(version.digest)
        except PipelineError as exc:
            if self.refused.get(version.number) != str(exc):
                _logger.warning("version %s takes no traffic: %s", version.number, exc)
            refused[version.number] = str(exc)
            return None

"""A client that asks all along: what failed, and what was acknowledged and must be in the log."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import polars as pl

from sixgates.gates.project import Project

_PAUSE = 0.05
_PATIENCE = 10.0
"""Seconds for which a client that tries again does so."""
_LABEL_EVERY = 5
"""So many requests follow one another before one of them is labelled."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without an answer."""

    began: float
    """When it was first sent; monotonic seconds."""
    ended: float
    what: str


class Client(threading.Thread):
    """Asks one row after the other, and labels some of them, until it is stopped."""

    def __init__(
        self, name: str, urls: Sequence[str], project: Project, rows: pl.DataFrame, *, again: bool
    ) -> None:
        """Prepare; `start` begins.

        Args:
            name: What its requests are called after.
            urls: Gateways, the usual one first.
            project: Whose columns the rows have.
            rows: Rows to ask about, over and over, each time as another entity.
            again: Whether it tries the next gateway where one does not answer.
        """
        super().__init__(name=name, daemon=True)
        self.failures: list[Failure] = []
        self.acknowledged: list[str] = []
        """Requests that were answered."""
        self.labelled: list[str] = []
        """Requests whose label was accepted."""
        self._urls, self._again = list(urls), again
        self._project, self._rows = project, rows
        self._stopping, self._answered = threading.Event(), threading.Event()

    def wait_for_answer(self, patience: float = 20.0) -> bool:
        """Wait until a first request was answered, and say whether one was."""
        return self._answered.wait(patience)

    def stop(self) -> None:
        """End, once the request under way has ended."""
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """Ask until stopped. Before the first answer there may be no model: nothing fails then."""
        unlabelled: list[str] = []
        with httpx.Client(timeout=10.0) as http:
            for number, row in zip(count(), self._over_and_over(), strict=False):
                if self._stopping.wait(_PAUSE):
                    return
                name = f"{self.name}-{number:06d}"
                row[str(self._project.roles.entity)] = name
                if self._asked(http, name, {"dataframe_records": [row]}):
                    self.acknowledged.append(name)
                    self._answered.set()
                    if number % _LABEL_EVERY == 0:
                        unlabelled.append(name)
                # Labels are sent until they are accepted, as whoever feeds them must.
                labels = [{"request": n, "row": 0, "label": 0} for n in unlabelled]
                if labels and not self._trouble(http, self._urls[0], "/labels", labels, name):
                    self.labelled += unlabelled
                    unlabelled.clear()

    def _asked(self, http: httpx.Client, name: str, body: dict[str, Any]) -> bool:
        began, known = time.monotonic(), self._answered.is_set()
        trouble = ""
        for url in self._turns():
            trouble = self._trouble(http, url, "/invocations", body, name)
            if not trouble:
                return True
            if time.monotonic() > began + _PATIENCE:
                break
        if known:
            self.failures.append(Failure(began, time.monotonic(), f"{name}: {trouble}"))
        return False

    def _over_and_over(self) -> Iterator[dict[str, Any]]:
        roles = self._project.roles
        rows = self._rows.select(roles.event_time, *roles.features).with_columns(
            pl.col(roles.event_time).dt.to_string("iso:strict")
        )
        while True:
            yield from rows.iter_rows(named=True)

    def _trouble(self, http: httpx.Client, url: str, path: str, body: Any, name: str) -> str:  # noqa: ANN401 - JSON
        """Post, and return what went wrong, empty where nothing did."""
        try:
            response = http.post(f"{url}{path}", json=body, headers={"x-request-id": name})
        except httpx.TransportError as exc:
            return repr(exc)
        return "" if response.is_success else f"{response.status_code} {response.text:.200}"

    def _turns(self) -> Iterator[str]:
        """Lend the usual gateway; to a client that tries again, all of them in turn."""
        yield self._urls[0]
        while self._again:
            for url in reversed(self._urls):
                yield url
                time.sleep(_PAUSE)

"""Replays rows of a frame as HTTP traffic: requests to a gateway, and later their labels."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
import polars as pl
import polars.selectors as cs

from sixgates.gates.errors import ContractError, TransientError
from sixgates.gates.project import Project

ATTEMPTS = 3
PAUSE_SECONDS = 0.1
"""Wait before the second attempt; the third waits twice as long."""
LABELS_PER_REQUEST = 2_000


@dataclass(frozen=True, slots=True)
class SentDay:
    """What became of some rows that were sent."""

    rows: pl.DataFrame
    """The true rows, label included, whatever was sent of them."""
    predictions: np.ndarray
    """Answers in the order of the rows: (n,), or (n, classes); NaN where a request failed."""
    requests: int
    failed: int
    """Requests without a usable answer."""
    faults: tuple[str, ...] = field(default=())
    """What the first few failed requests were told."""

    @property
    def answered(self) -> np.ndarray:
        """True for each row that got an answer."""
        return _answered(self.predictions, self.rows.height)


class Replay:
    """Sends the rows of one frame to one gateway, over connections that are kept alive."""

    def __init__(
        self,
        url: str,
        project: Project,
        frame: pl.DataFrame,
        *,
        rows_per_request: int = 20,
        serve_skew: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Open connections to a gateway.

        Args:
            url: root address of the gateway.
            project: says which columns are features, entity, event time and label.
            frame: all rows in event-time order. A request is named after the position of its
                first row here, so that a replay that starts again sends the same names.
            rows_per_request: most rows of one request.
            serve_skew: changes what is sent, not the rows themselves.
            transport: what carries the requests; None is the network.
        """
        self._project, self._skew = project, serve_skew
        self._times = frame[project.roles.event_time]
        self._request_of = np.full(frame.height, -1)  # first position of each row's request
        self._row_of = np.zeros(frame.height, dtype=np.int64)  # its place in the request
        self._rows_per_request = rows_per_request
        self._client = httpx.Client(base_url=url, timeout=30.0, transport=transport)

    def __enter__(self) -> Self:
        """Return itself; the connections close at the end of the block."""
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def move_to(self, url: str) -> None:
        """Send to another gateway from now on."""
        self._client.base_url = url

    def send(self, rows: pl.DataFrame, kept: np.ndarray | None = None) -> SentDay:
        """Send consecutive rows of the frame to `/invocations`, without their labels.

        A request that cannot connect is tried again briefly; any other answer than 200 with one
        prediction a row counts as failed at once.

        Args:
            rows: Consecutive rows of the frame.
            kept: False for each row that is never sent, for its client gave up; None sends all.

        Raises:
            ContractError: the rows are not a stretch of the frame, or a skew dropped rows.
        """
        start = self._position(rows)
        sent = self._sent(rows)
        wanted = np.ones(rows.height, dtype=bool) if kept is None else kept
        answers: list[list[Any] | None] = []
        sizes: list[int] = []
        faults: list[str] = []
        for first, chunk in self._chunks(sent):
            begin = start + first
            own = np.flatnonzero(wanted[first : first + chunk.height])
            if not own.size:
                continue
            self._request_of[begin + own] = begin
            self._row_of[begin + own] = np.arange(own.size)
            name = request_name(self._project, begin)
            answer = self._ask(name, chunk[own])
            answers.append(answer if isinstance(answer, list) else None)
            sizes.append(own.size)
            if isinstance(answer, str):
                faults.append(f"{name}: {answer}")
        predictions = _spread(_aligned(answers, sizes), wanted)
        return SentDay(rows, predictions, len(answers), len(faults), tuple(faults[:3]))

    def send_labels(self, rows: pl.DataFrame, places: pl.Series | None = None) -> int:
        """Send the labels of some rows to `/labels`, and return how many.

        Each is dated by when it became known: its label time, or event time plus horizon. Rows
        without a label, and rows that this replay never sent, are left out. Sending labels twice
        is harmless: the first one counts.

        Args:
            rows: Some rows of the frame.
            places: Where they stand in it; consecutive rows need not say.

        Raises:
            ContractError: the rows are not a stretch of the frame, or the gateway refused them.
            TransientError: the gateway did not answer, or could not keep them.
        """
        roles = self._project.roles
        known = pl.col(roles.label_time or roles.event_time)
        if roles.label_horizon is not None:
            known = known + roles.label_horizon
        # NaN is no label, and JSON knows no infinity either.
        number = cs.float()
        facts = rows.select(label=pl.col(roles.label), at=known).with_columns(
            pl.when(number.is_finite()).then(number).name.keep()
        )
        where = count(self._position(rows)) if places is None else places
        labels = []
        for position, (label, at) in zip(where, facts.iter_rows(), strict=False):
            first = int(self._request_of[position])
            if first < 0 or label is None or at is None:
                continue
            name, row = request_name(self._project, first), int(self._row_of[position])
            labels.append({"request": name, "row": row, "label": label, "at": at.isoformat()})
        for begin in range(0, len(labels), LABELS_PER_REQUEST):
            self._tell(labels[begin : begin + LABELS_PER_REQUEST])
        return len(labels)

    def _position(self, rows: pl.DataFrame) -> int:
        """Return where in the frame the rows begin."""
        times = rows[self._project.roles.event_time]
        if times.is_empty():
            return 0
        start = int(self._times.search_sorted(times[0], side="left"))
        if not self._times.slice(start, len(times)).equals(times, check_names=False):
            raise ContractError(
                f"{len(times):,} rows from {times[0]} are no stretch of the replayed frame:"
                " send consecutive rows, the first of their moment included"
            )
        return start

    def _sent(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return what requests carry: features, entity and event time, skewed."""
        roles = self._project.roles
        skewed = rows if self._skew is None else self._skew(rows)
        if skewed.height != rows.height:
            raise ContractError("a serve skew must keep every row: return as many as it was given")
        names = [roles.event_time, *([roles.entity] if roles.entity else []), *roles.features]
        # JSON knows neither NaN nor infinity.
        number = cs.float()
        return skewed.select(*dict.fromkeys(names)).with_columns(
            pl.col(roles.event_time).dt.to_string("iso:strict"),
            pl.when(number.is_finite()).then(number).name.keep(),
        )

    def _chunks(self, rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
        for first in range(0, rows.height, self._rows_per_request):
            yield first, rows.slice(first, self._rows_per_request)

    def _ask(self, name: str, rows: pl.DataFrame) -> list[Any] | str:
        """Return the predictions of one request, or why there are none."""
        body = {"dataframe_records": rows.to_dicts()}
        try:
            response = self._post("/invocations", body, {"x-request-id": name})
        except TransientError as exc:
            return str(exc)
        if response.status_code != httpx.codes.OK:
            return f"{response.status_code} {response.text:.200}"
        try:
            predictions = response.json()["predictions"]
        except (ValueError, KeyError, TypeError):
            return f"no predictions in {response.text:.200}"
        if not isinstance(predictions, list) or len(predictions) != rows.height:
            return f"not {rows.height} predictions: {response.text:.200}"
        return predictions

    def _tell(self, labels: list[dict[str, Any]]) -> None:
        response = self._post("/labels", labels, {})
        if response.is_error:
            failed = TransientError if response.is_server_error else ContractError
            raise failed(
                f"{self._client.base_url} refused {len(labels):,} labels:"
                f" {response.status_code} {response.text:.200}"
            )

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:  # noqa: ANN401 - JSON
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._client.post(path, json=body, headers=headers)
            except httpx.TransportError as exc:
                if attempt == ATTEMPTS:
                    raise TransientError(
                        f"{self._client.base_url} did not answer {path}: {exc!r}"
                    ) from exc
                time.sleep(PAUSE_SECONDS * attempt)
        raise AssertionError  # the last attempt returned or raised


def request_name(project: Project, position: int) -> str:
    """Name the request whose first row stands at a position of the frame.

    >>> from projects.loans import project
    >>> request_name(project, 40)
    'loans-00000040'
    """
    return f"{project.name}-{position:08d}"


def _answered(predictions: np.ndarray, n: int) -> np.ndarray:
    return np.asarray(np.isfinite(predictions.reshape(n, -1)).all(axis=1))


def _aligned(answers: list[list[Any] | None], sizes: list[int]) -> np.ndarray:
    """Put the answers one after the other, with NaN of the same shape where there are none."""
    known = [np.asarray(a, dtype=np.float64) for a in answers if a is not None]
    width = known[0].shape[1:] if known else ()
    parts = [
        np.full((n, *width), np.nan) if a is None else np.asarray(a, dtype=np.float64)
        for a, n in zip(answers, sizes, strict=True)
    ]
    return np.concatenate(parts) if parts else np.empty(0)


def _spread(answers: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Put the answers in the places of the rows that were sent, with NaN in the others."""
    if wanted.all():
        return answers
    whole = np.full((wanted.size, *answers.shape[1:]), np.nan)
    whole[wanted] = answers
    return whole

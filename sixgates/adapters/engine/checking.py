"""Gate 1 on Dask: each stretch of time is held against the contract, and stored, by a worker.

Nothing but counts, hashes and some rows leaves the worker that read them. The rows are stored as
folders of files, one a stretch of time, in whose order they are as those of one process.
"""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from sixgates.adapters.atomic_files import replace_atomically
from sixgates.adapters.dataset_store import (
    file_digest,
    files_of,
    folder_digest,
    put_folder,
    stored_rows,
)
from sixgates.adapters.engine.check import Asked, Checked
from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.engine.measuring import (
    Lying,
    delays_on,
    leaks_on,
    null_jump_on,
    order_on,
    pairs_on,
)
from sixgates.adapters.engine.newest_periods import periods_on
from sixgates.adapters.engine.source_rows import Files, SourceRows, source_rows_of
from sixgates.adapters.engine.stored_rows import StoredRows, parts_of, without_contract
from sixgates.adapters.engine.twice import found_twice, marked_twice
from sixgates.adapters.lake.source import Cut
from sixgates.adapters.quarantine_rows import ROWS_OF_A_RUN
from sixgates.gates.data.contract import table_problems, unique_columns
from sixgates.gates.data.counts import RowCounts, SplitCounts, count_split
from sixgates.gates.data.evidence import DataEvidence
from sixgates.gates.data.leaks import Leaks
from sixgates.gates.data.order import Order
from sixgates.gates.data.period_counts import span_of_periods
from sixgates.gates.data.periods import Periods
from sixgates.gates.data.refusals import Refusals, refusals_of
from sixgates.gates.data.rows import RowSplit, Stretch, count_rules, rule_column, split_rows
from sixgates.gates.ports import DatasetRef
from sixgates.gates.project import Project

if TYPE_CHECKING:
    from distributed import Future

_ACCEPTED, _REFUSED = "accepted", "quarantine"


class _Written(NamedTuple):
    """What was made of one piece, or of several."""

    problems: tuple[str, ...]
    refusals: Refusals
    accepted: int
    refused: int
    digests: dict[str, dict[str, str]]
    """Of the files of accepted and refused rows, by name."""


def check_on(cluster: Cluster, asked: Asked, files: Files) -> Checked:
    """Check rows as `check.check_here` does; the rows are known by the parquet files they lie in.

    Raises:
        ConfigurationError: a file cannot be read, or not by a worker.
    """
    project, now = asked.project, asked.now
    rows = source_rows_of(cluster, asked, files, Cut(asked.since, now))
    place = asked.runs / asked.run / ".checked"
    written = _written(rows, asked, place)
    stored = StoredRows(
        cluster, without_contract(project), now, parts_of(files_of(place / _ACCEPTED))
    )
    counts = _counts(stored, written, asked, place)
    data = DataEvidence(order=_order(cluster, asked, files))
    if not written.problems and counts.whole.rows:
        data = replace(data, periods=_periods(rows, asked, files), leaks=Leaks((), 0))
    if written.accepted:
        data = replace(
            data, delays=delays_on(stored), leaks=leaks_on(stored), null_jump=null_jump_on(stored)
        )
    pairs = None
    if asked.said is not None and written.accepted:
        pairs = pairs_on(stored, asked.said)

    def store() -> DatasetRef:
        accepted, quarantine = stored_rows(asked.runs, asked.run)
        put_folder(place / _REFUSED, quarantine)
        put_folder(place / _ACCEPTED, accepted)
        shutil.rmtree(place)
        return DatasetRef(
            path=str(accepted),
            digest=folder_digest(written.digests[_ACCEPTED]),
            source=asked.lake.pin(),
            as_of=now,
            rows=written.accepted,
            matured=counts.whole.known,
            quarantine=str(quarantine),
            quarantined=written.refused,
        )

    refused = _newest_refused(cluster, place, written)
    return Checked(cluster.address, counts, written.refusals, data, pairs, refused, store)


class _How(NamedTuple):
    """What a worker has to know to write a piece."""

    unique: tuple[tuple[str, ...], ...]
    """Columns in which no two rows may agree."""
    broken: tuple[Stretch, ...]
    place: Path
    """Folder of accepted and refused rows."""
    problems: tuple[str, ...]
    """What is wrong with the table as a whole."""


def _written(rows: SourceRows, asked: Asked, place: Path) -> _Written:
    """Write accepted and refused rows; all are refused where any part shows the table as broken."""
    none = rows.columns(asked.project)
    how = _How((), tuple(asked.broken), place, tuple(table_problems(none, asked.project)))
    if how.problems:
        return _write(rows, [], how)
    how = how._replace(unique=tuple(unique_columns(none, asked.project)))
    twice = [found_twice(rows, names) for names in how.unique]
    found = _write(rows, twice, how)
    if not found.problems or not found.accepted:
        return found
    return _write(rows, twice, how._replace(problems=found.problems))


def _write(rows: SourceRows, twice: "list[list[Future]]", how: _How) -> _Written:
    shutil.rmtree(how.place, ignore_errors=True)
    how.place.mkdir(parents=True)
    beside = [[number, *twice] for number in range(len(rows.pieces))]
    whole: _Written = rows.cluster.merged(
        _together, rows.on_pieces(_write_piece, how, beside=beside)
    )
    return whole


def _write_piece(
    rows: pl.DataFrame, project: Project, now: datetime, own: list[Any], how: _How
) -> _Written:
    """Write the rows of a piece.

    Args:
        rows: All of it.
        project: With its contract.
        now: The present, naive UTC.
        own: Its place among the pieces, and the tables of `found_twice` for each of `unique`.
        how: What all pieces have in common.
    """
    number, *twice = own
    repeated = {
        names: marked_twice(tables, number, rows.height)
        for names, tables in zip(how.unique, twice, strict=True)
    }
    split = split_rows(rows, project, now, how.broken, repeated=repeated, problems=how.problems)
    digests: dict[str, dict[str, str]] = {_ACCEPTED: {}, _REFUSED: {}}
    for kind, part in ((_ACCEPTED, split.accepted), (_REFUSED, split.quarantined)):
        # The first stands for the columns where there are no rows.
        if part.height or number == 0:
            file = how.place / kind / _file(number)
            replace_atomically(file, part.write_parquet)
            digests[kind][file.name] = file_digest(file)
    return _Written(
        split.problems, refusals_of(split, project), split.accepted.height,
        split.quarantined.height, digests,
    )  # fmt: skip


def _together(a: _Written, b: _Written) -> _Written:
    return _Written(
        tuple(dict.fromkeys((*a.problems, *b.problems))),
        a.refusals + b.refusals,
        a.accepted + b.accepted,
        a.refused + b.refused,
        {kind: a.digests[kind] | b.digests[kind] for kind in a.digests},
    )


def _file(number: int) -> str:
    return f"part-{number:06}.parquet"


def _counts(stored: StoredRows, written: _Written, asked: Asked, place: Path) -> SplitCounts:
    if written.problems:
        by_rule = {rule: found.rows for rule, found in written.refusals.by_rule.items()}
        return SplitCounts(written.problems, RowCounts(0, 0, frozenset(), {}, None, by_rule))
    names = sorted({name for kind in written.digests.values() for name in kind})
    age = stored.age if written.accepted else timedelta(0)
    shared = stored.cluster.held((str(place), stored.project, asked.now, asked.new_after, age))
    found: SplitCounts = stored.cluster.merged(_sum, stored.cluster.each(_count, names, shared))
    return found


def _count(
    name: str, shared: tuple[str, Project, datetime, datetime | None, timedelta]
) -> SplitCounts:
    place, project, now, new_after, age = shared
    accepted, refused = (_rows(Path(place) / kind, name) for kind in (_ACCEPTED, _REFUSED))
    split = RowSplit(accepted, refused, (), count_rules(refused[rule_column(refused)]))
    return count_split(split, project, now, new_after, age)


def _sum(a: SplitCounts, b: SplitCounts) -> SplitCounts:
    return a + b


def _rows(folder: Path, name: str) -> pl.DataFrame:
    file = folder / name
    if not file.exists():
        return pl.read_parquet(folder / _file(0), n_rows=0, glob=False)
    return pl.read_parquet(file, glob=False)


def _periods(rows: SourceRows, asked: Asked, files: Files) -> Periods | None:
    """Count the newest weeks; those older than the training window are read besides."""
    project, begin = asked.project, asked.now - span_of_periods(asked.project)
    sources = [rows]
    if asked.since is not None and asked.since > begin:
        older = source_rows_of(rows.cluster, asked, files, Cut(begin, asked.since))
        sources.insert(0, older)
    return periods_on(sources, project, asked.new_after, asked.broken)


def _order(cluster: Cluster, asked: Asked, files: Files) -> Order | None:
    """Look at the order of a file; of several nobody says how they lie."""
    if len(files.paths) != 1:
        return None
    cut = Cut(asked.now - span_of_periods(asked.project), asked.now)
    lying = Lying(without_contract(asked.project), files.schema, cut)
    return order_on(cluster, parts_of(files.paths), lying, asked.new_after)


def _newest_refused(cluster: Cluster, place: Path, written: _Written) -> pl.DataFrame:
    """Return of each rule as many of the newest rows as the quarantine keeps, in their order."""
    most = ROWS_OF_A_RUN // max(1, len(written.refusals.by_rule))
    files = [str(file) for file in files_of(place / _REFUSED)]
    found: _Newest = cluster.merged(_newer, cluster.each(_newest, files, most))
    return found.rows


class _Newest(NamedTuple):
    """Refused rows, of each rule as many as there may be."""

    rows: pl.DataFrame
    most: int


def _newest(file: str, most: int) -> _Newest:
    return _last_of_each(pl.read_parquet(file, glob=False), most)


def _newer(a: _Newest, b: _Newest) -> _Newest:
    return _last_of_each(pl.concat([a.rows, b.rows]), a.most)


def _last_of_each(rows: pl.DataFrame, most: int) -> _Newest:
    behind = pl.int_range(pl.len()).reverse().over(rule_column(rows))
    return _Newest(rows.filter(behind < most), most)

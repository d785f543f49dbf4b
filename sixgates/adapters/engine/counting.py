"""The features of a window, counted by the workers of Dask: the very numbers of one process."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import polars as pl

from sixgates.adapters.engine.cluster import Cluster
from sixgates.adapters.parquet_profile import (
    FilePart,
    Span,
    file_parts,
    profile_parts,
    rows_within,
)
from sixgates.gates.profile.counts import Profile, merge
from sixgates.gates.profile.sample import Sample

_ROWS = 250_000
"""Rows of a part, unless a row group holds more: one part is in a worker's memory at a time."""

Counted = tuple[Profile, pl.DataFrame]


def count_on(
    cluster: Cluster, files: Sequence[Path], like: Profile, span: Span, wanted: int
) -> Counted:
    """Count as `observing.count_files` does: the same counts, and the same rows are chosen.

    Which rows these are depends on how many there are in all, so the parts are counted first, by
    their event times alone. Files must have the same address for every worker.

    Raises:
        ContractError, PolarsError, ArrowException, OSError: as `parquet_profile.profile_files`.
    """
    parts = file_parts(files, _ROWS)
    rows = cluster.gather(cluster.each(rows_within, parts, span))
    before = [0, *accumulate(rows)]
    chosen = [(part, ahead) for part, ahead, held in zip(parts, before, rows, strict=False) if held]
    # Of no rows at all there is a profile, too.
    jobs = chosen or [(parts[0], 0)]
    shared = cluster.held((like, span, wanted, before[-1]))
    return cluster.merged(_together, cluster.each(_count, jobs, shared))  # type: ignore[no-any-return]


def _count(job: tuple[FilePart, int], shared: tuple[Profile, Span, int, int]) -> Counted:
    (part, before), (like, span, wanted, rows) = job, shared
    sample = Sample.of_part(wanted, rows, before)
    found = profile_parts(
        [part], like.numeric, like.categorical, like=like, span=span, sample=sample
    )
    return found, sample.rows()


def _together(a: Counted, b: Counted) -> Counted:
    (counts, rows), (others, more) = a, b
    return merge(counts, others), pl.concat([part for part in (rows, more) if part.width] or [rows])

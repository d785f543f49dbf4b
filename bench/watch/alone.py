"""One piece of work in a process of its own: `python -m bench.watch.alone WORK FOLDER ROWS`.

Prints as JSON what it took. What the work needs is imported, and the stored profile is read, before
the clock starts: in the watch all that is there already.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from bench.clock import spend
from bench.watch.gate import checked, warm_up
from bench.watch.windows import CATEGORICAL, EVENT_TIME, LABEL, NUMERIC, paths
from sixgates.adapters.parquet_profile import profile_files
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.profile.counts import Profile
from sixgates.gates.profile.distance import (
    jensen_shannon,
    ks,
    null_share,
    psi,
    unseen_share,
    wasserstein,
)

Figures = dict[str, dict[str, float]]


def _profile_path(folder: Path, rows: int) -> Path:
    return folder / f"profile-{rows}.json"


def _store(folder: Path, rows: int) -> int:
    """Profile the reference, as training does."""
    profile = profile_files([paths(folder, rows)[0]], NUMERIC, CATEGORICAL)
    return _profile_path(folder, rows).write_bytes(msgspec.json.encode(profile))


def _reference(folder: Path, rows: int) -> Profile:
    return msgspec.json.decode(_profile_path(folder, rows).read_bytes(), type=Profile)


def _read(*files: Path, rest: bool = False) -> int:
    """One pass that sums every column; of strings, the bytes that they have."""
    sums = [pl.col(NUMERIC).sum(), pl.col(CATEGORICAL).str.len_bytes().sum()]
    if rest:
        sums += [pl.col(LABEL).sum(), pl.col(EVENT_TIME).max()]
    return pl.scan_parquet(list(files)).select(sums).collect(engine="streaming").width


def _distances(reference: Profile, current: Profile) -> Figures:
    each = {f.__name__: f(reference, current) for f in (psi, ks, wasserstein, jensen_shannon)}
    shares = {f.__name__: f(current) for f in (null_share, unseen_share)}
    return each | shares


def _stored(folder: Path, rows: int) -> Callable[[], Figures]:
    reference = _reference(folder, rows)
    files = [paths(folder, rows)[1]]

    def check() -> Figures:
        current = profile_files(files, NUMERIC, CATEGORICAL, like=reference)
        return _distances(reference, current)

    return check


def _both(folder: Path, rows: int) -> Figures:
    first, second = paths(folder, rows)
    reference = profile_files([first], NUMERIC, CATEGORICAL)
    return _distances(reference, profile_files([second], NUMERIC, CATEGORICAL, like=reference))


def _frame(folder: Path, rows: int) -> Callable[[], Figures]:
    reference = _reference(folder, rows)
    data = pl.scan_parquet(paths(folder, rows)[1])

    def check() -> Figures:
        return _distances(reference, profile_frame(data, NUMERIC, CATEGORICAL, like=reference))

    return check


def main() -> None:
    """Do one piece of work."""
    work, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    first, second = paths(folder, rows)
    match work:
        case "store":
            spend(lambda: _store(folder, rows))
        case "read":
            spend(lambda: _read(second))
        case "read-both":
            spend(lambda: _read(first, second))
        case "read-rows":
            spend(lambda: _read(second, rest=True))
        case "stored":
            spend(_stored(folder, rows))
        case "both":
            spend(lambda: _both(folder, rows))
        case "frame":
            spend(_frame(folder, rows))
        case "gate":
            warm_up(second)
            spend(lambda: checked(second))


if __name__ == "__main__":
    main()

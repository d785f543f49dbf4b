"""`python -m bench.backtest`: play retraining policies on five real histories.

Prints a table, and writes `bench/out/backtest.json`. Ends with 0 where every figure keeps its
bound, with 1 where one does not or could not be measured. Needs the data sets in `../shared/data`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.backtest.histories import HISTORIES
from bench.backtest.judged import of_history, retrains
from bench.figures import Figure
from bench.report import Say, main, or_failed
from bench.spent import Spent, run


def measure(names: list[str], quick: bool, say: Say) -> Iterator[Figure]:  # noqa: FBT001
    """Play some histories, one after the other; those of a quick run are cut short."""
    for name in names:
        HISTORIES[name].path()  # which refuses what is not there before anything is played
    spent: dict[str, Spent] = {}
    for name in names:
        say(f"{name}: nine plays")
        yield from or_failed(f"{name}: nine plays", _played(name, spent, quick=quick))
    if spent.keys() == set(HISTORIES):  # the mean of some says nothing of all
        yield retrains(spent)


def _played(name: str, spent: dict[str, Spent], *, quick: bool) -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        file = str(Path(folder) / f"{name}.parquet")
        data = _alone("write-part" if quick else "write", name, file)
        spent[name] = _alone("play", name, file)
    yield from of_history(name, spent[name], data.result)


def _alone(work: str, name: str, file: str) -> Spent:
    return run([sys.executable, "-m", "bench.backtest.alone", work, name, file])


if __name__ == "__main__":
    sys.exit(main("backtest", __doc__, HISTORIES, measure))

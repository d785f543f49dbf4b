"""What a run asks of many rows, in a process of its own, as `tasks` does without the ledger.

`python -m bench.scale.gates ENGINE FOLDER ROWS` lets an engine (`local`, or the address of a Dask
scheduler) take the rows through gate 1 and store them, count them as the watch does, train,
evaluate and compare. Prints as JSON what each step took, and the largest resident size of each
process since it began. `python -m bench.scale.gates difference FOLDER ROWS DIGEST DIGEST` compares
two challengers.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import lightgbm as lgb
import polars as pl

from bench.scale import rows_project
from bench.scale.rows import CATEGORICAL, NOW, NUMERIC, START, files_of, place_of
from sixgates.adapters.dataset_store import stored_rows
from sixgates.adapters.engine.check import LOCAL, Asked
from sixgates.adapters.engine.choose import engine_of
from sixgates.adapters.engine.cluster import cluster_at
from sixgates.adapters.holdout_answers import Model, paired_answers
from sixgates.adapters.lake.project_lake import ProjectLake
from sixgates.adapters.model_store import ModelStore, text_digest
from sixgates.adapters.parquet_profile import Span
from sixgates.gates.compare import judge_comparison
from sixgates.gates.evaluate import judge_holdout
from sixgates.gates.profile.count import profile_frame
from sixgates.gates.timesplit import time_split
from sixgates.gates.validate import judge_counts

_MODELS, _RUNS = "models", "runs"
"""Folders of challengers and of stored rows, beside the rows."""
_PROFILED = 100_000
"""Rows by which the grid is chosen on which the watch counts."""
_LOOKED_AT = 2_000
"""Rows of a window that the watch looks at closer."""
_OLDER = 10
"""Trees of the challenger that stand for a champion."""
_T = TypeVar("_T")


def peak_of(pid: int) -> float:
    """Return the largest resident size of a process since it began, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


class _Steps:
    """Steps, one after the other, and the seconds of each."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def do(self, name: str, work: Callable[[], _T]) -> _T:
        began = time.monotonic()
        found = work()
        self.seconds[name] = time.monotonic() - began
        return found


def through_gates(name: str, folder: Path, rows: int) -> dict[str, Any]:
    """Let an engine do all; the challenger goes into the model store, beside the rows."""
    steps, asked, place = _Steps(), rows_project.project, place_of(folder, rows)
    engine, files = engine_of(name), files_of(folder, rows)
    lake = ProjectLake(asked, str(place / "part-*.parquet"))
    look = Asked(asked, rows_project.__file__, lake, NOW, place / _RUNS, _run_of(name))
    checked = steps.do("data gate", lambda: engine.check(look))
    dataset = steps.do("storing", checked.store)
    like = profile_frame(pl.scan_parquet(files[0]).head(_PROFILED), NUMERIC, CATEGORICAL)
    span = Span(asked.roles.event_time, START, NOW)
    counted, _ = steps.do("watch", lambda: engine.count_files(files, like, span, _LOOKED_AT))
    trained = steps.do("training", lambda: engine.train(asked, dataset, None))
    challenger = trained.text, trained.card
    evaluated = steps.do("evaluation", lambda: engine.evaluate(asked, dataset, challenger))
    champion = _older(challenger)
    paired = steps.do("comparison", lambda: engine.compare(asked, dataset, champion, challenger))
    ModelStore(place / _MODELS).put(*challenger)
    policies = asked.policies
    verdicts = (
        judge_counts(checked.counts, checked.data, asked, NOW),
        judge_holdout(evaluated.evidence, policies.evaluation, asked.loss),
        judge_comparison(paired, policies.comparison, cold_start=False),
    )
    return {
        "engine": checked.engine,
        "counted": counted.rows,
        "refused": [verdict.reason for verdict in verdicts if not verdict.passed],
        "digest": trained.card.digest,
        "seconds": steps.seconds,
        "peaks": {"driver": peak_of(os.getpid())} | ({} if name == LOCAL else _peaks_at(name)),
    }


def difference(folder: Path, rows: int, digests: tuple[str, str]) -> dict[str, float]:
    """Return by how much one challenger loses more than the other on the holdout, and its error."""
    asked, place = rows_project.project, place_of(folder, rows)
    models = [ModelStore(place / _MODELS).get(asked.name, digest) for digest in digests]
    accepted = pl.read_parquet(stored_rows(place / _RUNS, _run_of(LOCAL))[0])
    paired = paired_answers(asked, time_split(accepted, asked, NOW).holdout, *models)
    bound = paired.bound(asked.policies.comparison.alpha)
    return {"loss": paired.champion_loss, "mean": bound.mean, "se": bound.se}


def _older(model: Model) -> Model:
    text, card = model
    older = lgb.Booster(model_str=text).model_to_string(num_iteration=_OLDER)
    return older, replace(card, digest=text_digest(older))


def _run_of(engine: str) -> str:
    return "one-process" if engine == LOCAL else "on-dask"


def _peaks_at(address: str) -> dict[str, float]:
    with cluster_at(address) as cluster:
        scheduler: Any = cluster.client.run_on_scheduler(os.getpid)
        workers = cluster.client.run(os.getpid)
        nannies = cluster.client.run(os.getppid)
    named = {"scheduler": scheduler}
    named |= {f"worker {i}": pid for i, pid in enumerate(workers.values())}
    named |= {f"nanny {i}": pid for i, pid in enumerate(set(nannies.values()))}
    return {name: peak_of(pid) for name, pid in named.items()}


def main() -> None:
    """Do one piece of work."""
    work, folder, rows = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    found: dict[str, Any]
    if work == "difference":
        found = difference(folder, rows, (sys.argv[4], sys.argv[5]))
    else:
        found = through_gates(work, folder, rows)
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()

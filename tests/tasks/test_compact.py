"""The task of compaction: thin, and a segment that cannot be read is no success."""

import pytest

from sixgates.adapters.delta_log import DeltaLog
from sixgates.gates.errors import ContractError
from sixgates.ledger.holder import in_this_process
from tasks.compact import compact_log
from tests.adapters.a_log import LONG_AGO, label, prediction


@pytest.fixture
def folder(stage):
    folder = stage.world.settings.log / stage.model
    folder.mkdir(parents=True)
    return folder


def test_sealed_segments_go_into_the_tables(stage, folder):
    (folder / "predictions-100-1.jsonl").write_bytes(prediction("a"))
    (folder / "labels-100-1.jsonl").write_bytes(label("a"))
    done = compact_log.fn(stage.project)
    assert done.sentence == (
        "segments that went into the tables: 2 (rows of predictions: 1, of labels: 1)"
    )
    assert done.counts.late is not None  # the project states a horizon
    log = DeltaLog(stage.world.settings.log, stage.world.settings.tables)
    assert log.predictions(stage.model, LONG_AGO).height == 1


def test_one_that_is_busy_says_so(stage):
    stage.world.ledger.take(f"compact:{stage.model}", in_this_process("compaction 1"), 60)
    assert "compaction 1" in compact_log.fn(stage.project).sentence


def test_what_cannot_be_read_fails_the_task_after_all_else_is_done(stage, folder):
    (folder / "predictions-100-1.jsonl").write_bytes(b"{oops\n")
    (folder / "predictions-200-1.jsonl").write_bytes(prediction("a"))
    with pytest.raises(ContractError, match=r"predictions-100-1\.jsonl:1 "):
        compact_log.fn(stage.project)
    assert [path.name for path in folder.iterdir()] == ["predictions-100-1.jsonl"]

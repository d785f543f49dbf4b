from bench.scale.logged import MODEL, evidence, matured, write
from sixgates.adapters.compaction import compact_log
from sixgates.adapters.delta_log import DeltaLog


def test_every_request_that_is_made_up_becomes_a_pair_and_a_matured_loss(tmp_path):
    write(tmp_path, 400)
    log = DeltaLog(tmp_path / "log", tmp_path / "tables")
    first = compact_log(log, MODEL, None, lambda: None)
    assert (first.predictions.rows, first.labels.rows, first.unreadable) == (800, 0, [])
    assert evidence(log) == 0
    for path in (tmp_path / "later").iterdir():
        path.rename(tmp_path / "log" / MODEL / path.name)
    second = compact_log(log, MODEL, None, lambda: None)
    assert (second.labels.rows, second.counts.new, second.counts.unknown) == (400, 400, 0)
    assert (evidence(log), matured(log)) == (400, 400)

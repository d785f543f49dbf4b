"""The flow of compaction, under a real Prefect server."""

import pytest

from flows.compact import compact
from sixgates.adapters.log_records import Stream
from sixgates.ledger.holder import in_this_process
from sixgates.ledger.ledger import Kind
from tests.adapters.a_log import LONG_AGO, label, prediction

pytestmark = pytest.mark.slow


def test_the_log_is_compacted_and_what_cannot_be_read_is_told(town):
    here = town("compacted")
    folder = here.outside.settings.log / here.model
    folder.mkdir(parents=True)
    (folder / "predictions-100-1.jsonl").write_bytes(prediction("a"))
    (folder / "labels-100-1.jsonl").write_bytes(label("a"))

    state = compact(here.path, return_state=True)
    assert (state.name, state.is_completed()) == ("Compacted", True)
    assert "(rows of predictions: 1, of labels: 1)" in state.message
    log = here.outside.log
    assert log.segments.read(here.model, Stream.PREDICTIONS) == {}
    assert log.predictions(here.model, LONG_AGO)["request"].to_list() == ["a"]

    owner = in_this_process("compaction 1")
    here.ledger.take(f"compact:{here.model}", owner, 60)
    state = compact(here.path, return_state=True)
    assert (state.name, owner in state.message) == ("Busy", True)
    here.ledger.give_back(f"compact:{here.model}", owner)

    (folder / "predictions-200-1.jsonl").write_bytes(b"{oops\n")
    state = compact(here.path, return_state=True)
    assert state.is_failed()
    (notice,) = here.ledger.entries(here.model, kind=Kind.NOTICE)
    assert "the flow compact broke" in notice.reason
    assert "predictions-200-1.jsonl:1 is not a prediction record" in notice.reason

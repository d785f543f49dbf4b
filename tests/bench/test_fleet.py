import pytest
from prefect.states import Completed, Failed

from bench.scale import fleet
from sixgates.gates.errors import PipelineError


def test_a_tick_counts_where_every_project_had_it(monkeypatch, tmp_path, capsys):
    done = Completed(name="Done", message="2 Canary, 10 Idle")
    monkeypatch.setattr(fleet, "each", lambda *_, **__: done)
    fleet._tick(tmp_path)
    assert capsys.readouterr().out == "Done: 2 Canary, 10 Idle\n"


@pytest.mark.parametrize(
    "state",
    [
        Failed(name="SomeBroke", message="12 Failed; the others went on. open-0: no ledger"),
        Completed(name="Done", message="1 Canary, 11 not begun"),
        Completed(name="Done", message="2 Busy, 10 Idle"),
    ],
    ids=["broke", "not begun", "busy"],
)
def test_a_tick_in_which_less_was_done_is_no_measurement(monkeypatch, tmp_path, state):
    monkeypatch.setattr(fleet, "each", lambda *_, **__: state)
    with pytest.raises(PipelineError, match="not every project had its tick"):
        fleet._tick(tmp_path)

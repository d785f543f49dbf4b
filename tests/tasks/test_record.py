import pytest

from sixgates.gates.errors import TransientError
from sixgates.gates.verdict import Check, Gate, Outcome, Verdict
from sixgates.ledger.ledger import Kind
from tasks.record import as_markdown, record

VERDICT = Verdict.of(
    Gate.COMPARE,
    [
        Check("loss | all", Outcome.FAIL, 0.412345678, 0.4, 8_210, "loss 0.41 > limit | 0.4"),
        Check("champion", Outcome.PASS, None, None, 0, "the champion answers"),
    ],
)


def told(stage, **given):
    usual = {"model": stage.model, "release": "r1", "verdict": VERDICT, "tracking": "t1"}
    record(stage.world, **{**usual, **given})


def test_a_verdict_is_kept_whole(stage):
    told(stage, epoch=3)
    (entry,) = stage.entries(Kind.VERDICT)
    assert Verdict.from_dict(entry.body) == VERDICT
    assert (entry.reason, entry.release, entry.body["epoch"]) == (VERDICT.reason, "r1", 3)
    assert stage.world.registry.verdicts == [("t1", VERDICT)]


def test_the_same_verdict_of_another_release_or_epoch_is_another_one(stage):
    told(stage, epoch=3)
    told(stage, epoch=3)
    told(stage, epoch=4)
    told(stage, epoch=4, release="r2")
    assert [(e.release, e.body["epoch"]) for e in stage.entries()] == [
        ("r1", 3), ("r1", 4), ("r2", 4),
    ]  # fmt: skip


def test_a_registry_that_is_away_leaves_the_verdict_in_the_ledger(stage):
    stage.world.registry.outages = 1
    with pytest.raises(TransientError):
        told(stage)
    assert len(stage.entries(Kind.VERDICT)) == 1


def test_a_release_without_a_tracking_run_is_recorded_all_the_same(stage):
    told(stage, tracking="")
    assert len(stage.entries(Kind.VERDICT)) == len(stage.artifacts) == 1
    assert stage.world.registry.verdicts == []


def test_a_page_shows_every_check_and_no_sentence_breaks_its_table():
    page = as_markdown("tiny", VERDICT).splitlines()
    assert page[0] == "# tiny: gate 4, compare: refused"
    assert page[2] == "loss 0.41 > limit | 0.4"
    assert page[6] == (
        r"| loss \| all | refused | 0.412346 | 0.4 | 8,210 | loss 0.41 > limit \| 0.4 |"
    )
    assert page[7] == "| champion | passed |  |  | 0 | the champion answers |"


def test_a_muted_check_is_called_so_on_the_page():
    muted = Check("slow answers", Outcome.FAIL, 0.1, 0.02, 40, "muted: worse", muted=True)
    loss = Check("loss", Outcome.PASS, 0.1, 0.2, 40, "loss 0.1")
    page = as_markdown("tiny", Verdict.of(Gate.CANARY, [loss, muted])).splitlines()
    assert page[0] == "# tiny: gate 5, canary: passed"
    assert page[-1] == "| slow answers | muted, refused | 0.1 | 0.02 | 40 | muted: worse |"


def test_the_key_of_a_page_is_one_that_prefect_takes(stage):
    told(stage)
    assert stage.artifacts[0]["key"] == "loans-small-gate-4-compare"

from datetime import timedelta

import pytest
from pydantic import SecretStr

from cli import operate
from sixgates.adapters.effects import Effect
from sixgates.adapters.notifications import tell_people
from sixgates.adapters.report_place import report_address, report_file
from sixgates.adapters.settings import Settings
from sixgates.gates.decision import Move
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Step
from tasks.answer import answer
from tasks.report import UNWRITTEN, report
from tasks.retrain import train_challenger
from tasks.tick import look, move
from tests.tasks.test_tick import judged


def said(path):
    return " ".join(path.read_text().split())


def test_a_refused_run_has_a_page_and_registry_prefect_and_people_know_where(stage):
    run, _ = stage.validated()
    answer.fn(run, "refused at compare", "worse by far")
    page = report_file(stage.world.settings, run.id)
    told = said(page)
    assert "Run refused at gate 4, compare." in told
    assert "Nothing answers requests until a first model passes gates 1 to 4." in told
    assert f"sixgates retrain --project {stage.project}" in told
    assert "again when the release ends" not in told
    assert stage.world.registry.runs[run.tracking]["report"] == page
    shown = stage.artifacts[-1]
    assert shown["key"] == "loans-small-report"
    assert f"({page.as_uri()})" in shown["markdown"]
    (sent,) = tell_people(stage.world, stage.project)
    assert sent.sent
    messages = (stage.world.settings.home / "notifications.jsonl").read_text()
    assert f"The whole story: {page.as_uri()}" in messages


def test_a_run_that_nobody_serves_yet_is_no_trouble_of_a_gateway(stage, old):
    run, _ = stage.validated()
    answer.fn(run, "refused at compare", "worse by far")
    page = report_file(stage.world.settings, run.id)
    assert "Nothing yet: no model was served so far." in said(page)
    stage.route(Step.COLD_START, old, release=run.id)
    report(stage.world, stage.model, run.id, "")
    assert "By the ledger version 1." in said(page)
    assert "Not yet read back from the gateways." in said(page)
    for body in ({"answers": [], "trouble": []}, {"answers": [], "trouble": ["http://g is away"]}):
        stage.world.ledger.append(
            stage.model, Kind.PROOF, at=stage.world.clock.now(), reason="http://g is away",
            body={"epoch": 1, "proved": False, **body},
        )  # fmt: skip
        report(stage.world, stage.model, run.id, "")
        denied = "the gateway does not serve what the ledger says" in said(page)
        assert denied is bool(body["trouble"])
    assert "NOT confirmed: http://g is away." in said(page)


def test_the_page_of_an_open_release_says_that_it_will_be_written_again(stage, old, new):
    run, _ = stage.validated()
    stage.route(Step.COLD_START, old, release="first")
    stage.route(Step.SHADOW, old, new, release=run.id)
    stage.world.clock.moment += timedelta(hours=1)
    report(stage.world, stage.model, run.id, "")
    told = said(report_file(stage.world.settings, run.id))
    assert "Release opened, version 2 in shadow." in told
    assert "01:00, and again when the release ends." in told
    assert "Each tick judges it: what does no harm gets a share of the requests" in told


def test_the_page_of_a_release_that_a_person_ended_is_written_by_the_next_tick_once(stage, old):
    run, dataset = stage.validated()
    model = train_challenger.fn(run, dataset).model
    stage.route(Step.COLD_START, old, release="first")
    stage.release(run, model)
    answer.fn(run, "released", "good enough")
    page = report_file(stage.world.settings, run.id)
    assert "again when the release ends" in said(page)
    stage.world.clock.moment += timedelta(hours=1)
    operate.rollback(stage.project, "complaints", None)
    assert "again when the release ends" in said(page)
    look.fn(stage.project)
    told = said(page)
    assert "again when the release ends" not in told
    assert "Rolled back by" in told
    assert "complaints" in told
    page.write_text("kept")
    look.fn(stage.project)
    assert page.read_text() == "kept"


@pytest.fixture
def in_the_way(stage):
    """Lay something where the folder of run r1 belongs, as one that belongs to somebody else."""
    path = stage.world.settings.runs / "r1"
    path.parent.mkdir(parents=True)
    path.write_text("in the way")
    return path


def test_a_page_that_cannot_be_written_keeps_no_release_from_being_judged(
    stage, old, new, in_the_way
):
    stage.route(Step.COLD_START, old, release="r0")
    opened = stage.route(Step.SHADOW, old, new)
    stage.world.ledger.append(
        stage.model, Kind.RELEASE, at=opened.at, release="r1", reason="good enough",
        body={"tracking": "t1", "project": stage.project, "unlogged": {}},
    )  # fmt: skip
    assert move.fn(look.fn(stage.project), judged(Move.ROLL_BACK)).step is Step.ROLLED_BACK
    shown = len(stage.artifacts)
    newer = stage.route(Step.SHADOW, old, new, release="r2")
    for _ in range(2):
        assert look.fn(stage.project).route == newer
    (left,) = stage.world.ledger.unfinished(stage.model)
    assert (left.body["action"], left.release) == (Effect.WRITE_REPORT, "r1")
    (notice,) = stage.entries(Kind.NOTICE)
    assert (notice.release, notice.body) == ("r1", {"case": UNWRITTEN, "about": "r1"})
    assert f"the page {in_the_way}/report.html cannot be written (File exists)" in notice.reason
    assert len(stage.artifacts) == shown

    in_the_way.unlink()
    look.fn(stage.project)
    assert (in_the_way / "report.html").is_file()
    assert stage.world.ledger.unfinished(stage.model) == []


def test_a_run_whose_page_cannot_be_written_is_answered_and_closed(stage):
    run = stage.begin()
    stage.world.settings.runs.mkdir(parents=True)
    (stage.world.settings.runs / run.id).write_text("in the way")
    answer.fn(run, "refused at validate", "too few rows")
    assert stage.entries(Kind.ANSWER)[-1].reason == "too few rows"
    assert stage.world.registry.ended[run.tracking] == ("FINISHED", "too few rows")
    (left,) = stage.world.ledger.unfinished(stage.model)
    assert left.body["action"] == Effect.WRITE_REPORT
    assert "report" not in stage.world.registry.runs[run.tracking]


def test_mlflow_opens_the_page_where_it_is_a_server_and_no_password_is_shown(tmp_path):
    settings = Settings(home=tmp_path, mlflow_uri="https://me:secret@mlflow.example:5000/")
    assert report_address(settings, "r", "abc") == "https://mlflow.example:5000/#/runs/abc"
    assert report_address(settings, "r", "") == (tmp_path / "runs/r/report.html").as_uri()
    quiet = Settings(home=tmp_path, notify=SecretStr("file:/dev/null"))
    assert report_address(quiet, "r", "abc").startswith("file:")

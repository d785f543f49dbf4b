"""What the documentation says about the code is true, as far as code can tell."""

import re
import shlex
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import typer.main
import yaml
from typer.testing import CliRunner

from cli import operate
from cli.main import app
from cli.say import Code
from sixgates.adapters.project_files import load_project
from sixgates.gates.policy import Policies
from sixgates.gateway.desk import Desk

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs/tutorial.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
GROUPS = typer.main.get_command(app).commands
COMMANDS = {
    f"{name} {inner}".strip(): found
    for name, command in GROUPS.items()
    for inner, found in getattr(command, "commands", {"": command}).items()
}
"""Every command by its words, those of a group too: `ledger verify`."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
each_command = pytest.mark.parametrize("name", sorted(COMMANDS))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def mentions(page: Path) -> list[list[str]]:
    """Every `sixgates <command> ...` in code: spans, fenced and indented lines."""
    text = page.read_text()
    fenced = "".join(re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL))
    indented = "\n".join(re.findall(r"^ {4}\S.*", text, re.MULTILINE))
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    spans = "\n".join(" ".join(s.split()) for s in re.findall(r"`([^`]+)`", outside))
    command = re.compile(r"^(?:\S+=\S+ )*(?:\.venv/bin/)?sixgates ([a-z]\S*)(.*)$", re.MULTILINE)
    found = command.findall(
        "\n".join([fenced, re.sub(r"^ +", "", indented, flags=re.MULTILINE), spans])
    )
    words = [[name, *shlex.split(rest, comments=True)] for name, rest in found]
    return [
        [" ".join(line[:2]), *line[2:]] if hasattr(GROUPS.get(line[0]), "commands") else line
        for line in words
    ]


def churn(rows: int = 2_000) -> pl.DataFrame:
    rng = np.random.default_rng(1)
    start = datetime(2026, 1, 1)  # noqa: DTZ001 - naive UTC
    return pl.DataFrame(
        {
            "customer": [f"c{number}" for number in rng.integers(0, 200, rows)],
            "at": pl.Series(
                [start + timedelta(hours=hour) for hour in range(rows)], dtype=pl.Datetime("us")
            ),
            "visits": rng.poisson(6, rows),
            "left": rng.integers(0, 2, rows).astype("int8"),
        }
    )


@pytest.fixture
def project(tmp_path):
    path = tmp_path / "churn.py"
    path.write_text(blocks(README, "python")[0])
    return path


def test_the_project_file_in_the_readme_is_complete(project, tmp_path):
    data = tmp_path / "churn.parquet"
    churn().write_parquet(data)
    found = operate.check(str(project), str(data))
    assert found["problems"] == []
    assert (found["project"], found["rows"]) == ("churn", 2_000)


def test_the_project_file_in_the_readme_is_shorter_than_twenty_lines(project):
    assert len(project.read_text().splitlines()) < 20


def test_a_broken_table_is_named_by_the_check_of_the_readme(project, tmp_path):
    data = tmp_path / "churn.parquet"
    churn().drop("visits").write_parquet(data)
    found = operate.check(str(project), str(data))
    assert any("visits" in problem for problem in found["problems"])


def test_the_tutorials_project_and_data_fit_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (source,) = blocks(TUTORIAL, "python")
    exec(compile(source, "make_churn.py", "exec"), {})
    printed = CliRunner().invoke(app, ["init", "churn", "--data", "churn.parquet"]).output
    assert blocks(TUTORIAL, "text") == [printed]
    written, (changes,) = Path("churn.py").read_text(), blocks(TUTORIAL, "diff")
    for before, after in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", changes, re.MULTILINE):
        old, new = (re.sub(r"^[-+]", "", lines, flags=re.MULTILINE) for lines in (before, after))
        assert written.count(old) == 1, old
        written = written.replace(old, new)
    Path("churn.py").write_text(written)
    found = operate.check("churn.py", "churn.parquet")
    assert (found["problems"], found["notes"]) == ([], [])
    assert found["rows"] >= 10 * load_project("churn.py").policies.validation.min_rows


@each_page
def test_every_command_mentioned_exists_with_its_options(page):
    for name, *words in mentions(page):
        if name == "<command>":
            continue
        assert name in COMMANDS, f"sixgates {name}"
        known = {option for p in COMMANDS[name].params for option in p.opts} | {"--help"}
        given = [word.split("=")[0] for word in words if word.startswith("-")]
        assert set(given) <= known, f"sixgates {name} {' '.join(words)}"


def test_the_readme_mentions_every_command():
    assert {name for name, *_ in mentions(README)} == set(COMMANDS)


@each_command
def test_the_reference_describes_every_option(name):
    reference = (ROOT / "docs/reference/cli.md").read_text()
    shared, *sections = re.split(r"^## `sixgates ", reference, flags=re.MULTILINE)
    section = next(s for s in sections if s.startswith(f"{name}`"))
    for parameter in COMMANDS[name].params:
        option = parameter.opts[0]
        if option.startswith("--") and option != "--help":
            assert f"`{option}`" in section or f"`{option}`" in shared, option


def test_the_reference_lists_every_exit_code():
    reference = (ROOT / "docs/reference/cli.md").read_text()
    listed = re.findall(r"^\| (\d+) \|", reference, re.MULTILINE)
    assert {int(code) for code in listed} == set(Code)


def test_the_reference_lists_every_call_of_the_gateway():
    reference = (ROOT / "docs/reference/gateway.md").read_text()
    access = SimpleNamespace(seeing=True, asking=True)
    follower = SimpleNamespace(ledger=None)
    state = SimpleNamespace(access=access, follower=follower, model="churn")
    routes = Desk(state, None).application().routes
    for path in ["/invocations", *(route.path for route in routes)]:
        assert re.search(rf"^\| `(GET|POST) {path}` \|", reference, re.MULTILINE), path


@each_page
def test_every_policy_mentioned_exists(page):
    fields = Policies.model_fields
    for policy, name in re.findall(rf"`({'|'.join(fields)})\.([a-z_]+)`", page.read_text()):
        assert name in fields[policy].annotation.model_fields, f"{policy}.{name}"


def test_every_field_of_a_gates_policy_that_refuses_is_explained():
    text = (ROOT / "docs/explanation/gates.md").read_text()
    limits = [
        f"{policy}.{name}"
        for policy, field in Policies.model_fields.items()
        for name in field.annotation.model_fields
        if name.startswith(("min_", "max_")) or name.endswith("margin")
    ]
    assert [limit for limit in limits if f"`{limit}`" not in text] == []


@each_page
def test_every_make_target_mentioned_exists(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE)
    assert set(mentioned) <= targets


@each_page
def test_every_deployment_mentioned_exists(page):
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    flows = {d["entrypoint"].split(":")[1].replace("_", "-") for d in deployments}
    known = {f"{d['entrypoint'].split(':')[1].replace('_', '-')}/{d['name']}" for d in deployments}
    mentioned = re.findall(rf"(?<![\w/.])((?:{'|'.join(flows)})/[a-z-]+)\b", page.read_text())
    assert set(mentioned) <= known


def test_schedules_are_inactive_by_default_as_the_how_to_says():
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    schedules = [s for d in deployments for s in d.get("schedules", [])]
    assert schedules
    assert not any(s["active"] for s in schedules)


def test_the_index_of_the_documentation_lists_every_page():
    folder = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", (folder / "README.md").read_text()))
    pages = {str(page.relative_to(folder)) for page in folder.rglob("*.md")}
    decisions = {page for page in pages if re.match(r"decisions/\d", page)}  # have their own
    assert linked == pages - decisions - {"README.md"}


@each_page
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if not target.startswith("https://"):
            assert (page.parent / target).exists(), target


@each_page
def test_every_link_into_a_page_leads_to_a_heading(page):
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)#([^)]+)\)", page.read_text()):
        headings = re.findall(
            r"^#+ (.*)", (page.parent / target if target else page).read_text(), re.MULTILINE
        )
        plain = {re.sub(r"[^\w -]", "", heading).strip().lower() for heading in headings}
        assert anchor in {heading.replace(" ", "-") for heading in plain}, f"{target}#{anchor}"


def test_the_index_lists_every_decision():
    folder = ROOT / "docs/decisions"
    linked = re.findall(r"\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text())
    assert linked == sorted(path.name for path in folder.glob("0*.md"))


@pytest.mark.parametrize(
    "page", sorted((ROOT / "docs/decisions").glob("0*.md")), ids=lambda p: p.stem
)
def test_a_decision_says_what_was_given_up(page):
    headings = re.findall(r"^## (.*)", page.read_text(), re.MULTILINE)
    assert headings == ["Context", "Choice", "What we gave up"]

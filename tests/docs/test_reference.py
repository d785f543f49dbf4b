"""What the code knows of itself stands in the reference, and no other."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from cli.reference.markdown import table
from cli.reference.pages import PAGES, page_text
from sixgates.gates.errors import ConfigurationError
from sixgates.gates.policy import Policies, TriggerPolicy
from sixgates.gates.project import Project, Roles
from sixgates.ledger.tables import metadata

ROOT = Path(__file__).parents[2]
MODELS = [
    Project, Roles, TriggerPolicy, *(f.annotation for f in Policies.model_fields.values()),
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_code_says(page):
    file = ROOT / page
    assert file.read_text() == page_text(page, file), "out of date: run `make reference`"


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_field_has_a_meaning(model):
    assert issubclass(model, BaseModel)
    assert [n for n, field in model.model_fields.items() if not field.description] == []


def test_every_column_of_the_ledger_has_a_meaning():
    columns = [c for found in metadata.tables.values() for c in found.columns]
    assert [str(c) for c in columns if not c.doc] == []


def test_what_is_written_by_hand_around_a_section_is_kept(tmp_path):
    name = "docs/reference/ledger.md"
    file = tmp_path / "ledger.md"
    text = (ROOT / name).read_text()
    file.write_text(text.replace("# The ledger", "# By hand", 1).replace("| `alert` |", "| ? |"))
    assert page_text(name, file) == text.replace("# The ledger", "# By hand", 1)


def test_a_page_without_its_section_is_refused(tmp_path):
    file = tmp_path / "ledger.md"
    file.write_text("# The ledger\n")
    with pytest.raises(ConfigurationError, match="has no section <!-- tables"):
        page_text("docs/reference/ledger.md", file)


def test_nothing_in_a_cell_ends_it_or_begins_html():
    assert table(["a"], [["x | `<b>` <i>\nand 1 < 2"]]).splitlines()[-1] == (
        r"| x \| `<b>` \<i> and 1 < 2 |"
    )

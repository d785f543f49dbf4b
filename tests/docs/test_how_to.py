"""Python and YAML on the pages that say how to do something run as they stand there."""

import re
from datetime import timedelta

import numpy as np
import pandera.polars as pa
import polars as pl
import pytest
import yaml

from sixgates.gates.data.rows import split_rows
from sixgates.gates.policy import Policies
from sixgates.gates.project import Project, Roles
from tests.docs.test_readme import PAGES, ROOT, blocks

GUIDES = [page for page in PAGES if page.parent.name in {"how-to", "explanation"}]
NAMES = {
    "timedelta": timedelta, "pa": pa, "pl": pl, "Policies": Policies, "Project": Project,
    "Roles": Roles,
}  # fmt: skip
"""What a project file has imported, which the pages do not repeat."""


def run(page):
    """Return what each block of a page defines; later ones know of the earlier ones."""
    known, found = dict(NAMES), []
    for block in re.findall(
        r"^```py(?:thon)?\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    ):
        before = dict(known)
        exec(compile(block, str(page), "exec"), known)
        found.append({n: v for n, v in known.items() if n not in before or before[n] is not v})
    return found


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_code_runs_and_policies_are_policies(page):
    for defined in run(page):
        for name, value in defined.items():
            if name in Policies.model_fields and isinstance(value, dict):
                Policies.with_margin(0.01, **{name: value})
            if name == "policies":
                assert isinstance(value, Policies)


@pytest.mark.parametrize("page", GUIDES, ids=lambda p: p.stem)
def test_yaml_can_be_read(page):
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    known = {d["entrypoint"] for d in deployments}
    for block in blocks(page, "yaml"):
        text = re.sub(r"<<: \*\w+", "entrypoint: flows/watch.py:watch", block)
        shown = yaml.safe_load(text)
        listed = shown["deployments"] if isinstance(shown, dict) else shown
        assert {deployment["entrypoint"] for deployment in listed} <= known


def test_the_rule_about_two_columns_refuses_the_row_that_breaks_it():
    (contract,) = [
        block["contract"]
        for block in run(ROOT / "docs/how-to/own-schema.md")
        if "contract" in block
    ]
    project = Project(
        name="shop",
        task="binary",
        contract=contract.add_columns({"y": pa.Column(pl.Int64), "who": pa.Column(pl.Int64)}),
        roles=Roles(
            event_time="at", label="y", label_horizon=timedelta(0), entity="who",
            numeric=("price", "discount"),
        ),
        loss="brier",
        policies=Policies.with_margin(0.01),
    )  # fmt: skip
    rows = pl.DataFrame(
        {
            "at": pl.datetime_range(
                pl.datetime(2026, 1, 1), pl.datetime(2026, 1, 5), "1d", eager=True
            ),
            "price": [10.0, 20.0, 30.0, np.nan, 50.0],
            "discount": [1.0, 25.0, None, 1.0, 50.0],
            "y": [0, 1, 0, 1, 0],
            "who": [1, 2, 3, 4, 5],
        }
    )
    split = split_rows(rows, project, rows["at"].max())
    assert split.accepted["who"].to_list() == [1, 3, 5]
    assert split.by_rule["frame: discount above price"] == 1

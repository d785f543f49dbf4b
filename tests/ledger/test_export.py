"""The record leaves the database whole, and anyone can verify it with the recipe of the docs."""
# ruff: noqa: DTZ001 - event time is naive UTC

import json
import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from sixgates.gates.errors import ContractError
from sixgates.gates.records import Arm
from sixgates.ledger.ledger import Kind
from sixgates.ledger.route import Beside, Route, Step, Version
from tests.ledger.tampering import tamper

AT = datetime(2026, 1, 1)
PAGE = Path(__file__).parents[2] / "docs/reference/ledger.md"


@pytest.fixture
def exported(ledger):
    ledger.append("tiny", Kind.ALERT, at=AT, reason="ünter\nwegs", body={"p": 1e-9, "x": None})
    beside = Beside(Version("2", "b" * 64), Arm.CANARY, 0.05)
    ledger.append_route(
        Route("tiny", 1, Step.SHADOW, Version("1", "a" * 64), beside, "r0", AT, "ann", "first")
    )
    ledger.append("other", Kind.RUN, at=AT, reason="not asked for")
    ledger.append("tiny", Kind.RUN, at=AT, reason="last", body={"n": float("nan")})
    return ledger, list(ledger.export("tiny"))


def test_every_row_is_one_line_in_chain_order(exported):
    ledger, lines = exported
    rows = [json.loads(line) for line in lines]
    assert [(row["position"], row["table"], row["reason"]) for row in rows] == [
        (1, "entries", "ünter\nwegs"), (2, "routes", "first"), (3, "entries", "last"),
    ]  # fmt: skip
    assert (rows[0]["body"], rows[1]["share"]) == ({"p": 1e-9, "x": None}, 0.05)
    assert rows[-1]["hash"] == ledger.head("tiny").hash
    assert rows[0]["at"] == "2026-01-01T00:00:00.000000"
    assert not any("\n" in line for line in lines)
    assert list(ledger.export("nobody")) == []


def verified(folder, lines):
    """Run the recipe of the documentation on exported lines."""
    (recipe,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = folder / "verify.py"
    script.write_text(recipe)
    done = subprocess.run(
        [sys.executable, script],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_recipe_of_the_documentation_verifies_an_export(exported, tmp_path):
    ledger, lines = exported
    code, said, _ = verified(tmp_path, [*ledger.export("other"), *lines])
    assert code == 0
    assert f"tiny 3 {ledger.head('tiny').hash}" in said
    assert verified(tmp_path, [lines[0].replace("1e-09", "2e-09"), *lines[1:]])[0] != 0
    assert verified(tmp_path, [lines[0], lines[2]])[0] != 0
    assert verified(tmp_path, [lines[1], lines[0], lines[2]])[0] != 0


def test_a_row_that_cannot_be_read_is_named(exported):
    ledger, _ = exported
    tamper(ledger, "UPDATE entries SET body = 'torn' WHERE reason = 'last'")
    with pytest.raises(ContractError, match=r"entries row 3 of tiny cannot be .*ledger verify"):
        list(ledger.export("tiny"))

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from sixgates.adapters.reference_store import ReferenceStore
from sixgates.gates.errors import ContractError
from sixgates.ledger.route import Route, Step, Version
from tests.gates.looks import days
from tests.references import reference_of

UNTIL = datetime(2026, 5, 1)  # noqa: DTZ001 - event times are naive UTC
ROUTE = Route("tiny", 1, Step.COLD_START, Version("1", "abc"), None, "r", UNTIL, "test", "test")


@pytest.fixture
def reference():
    rows = pl.DataFrame({"x": [1.0, 2.5, None], "c": ["a", "b", "a"]})
    look = next(iter(days(np.random.default_rng(1), 1)))
    return replace(reference_of(rows, ["x"], ["c"], UNTIL), looks=(look,))


def test_what_is_stored_is_returned(tmp_path, reference):
    store = ReferenceStore(tmp_path)
    store.put("tiny", "abc", reference)
    assert store.get("tiny", "abc") == reference
    assert store.until(ROUTE) == UNTIL
    assert store.until(None) is None


def test_one_of_an_older_version_stops_the_watch_and_not_the_next_retrain(tmp_path, reference):
    store = ReferenceStore(tmp_path)
    store.put("tiny", "abc", reference)
    path = tmp_path / "tiny/abc.reference.json"
    document = json.loads(path.read_bytes())
    del document["form"]
    path.write_text(json.dumps(document))
    with pytest.raises(ContractError, match="older version of sixgates: run `sixgates retrain"):
        store.get("tiny", "abc")
    assert store.until(ROUTE) == UNTIL


def test_looks_are_kept_beside_it_and_are_none_where_they_cannot_be_read(tmp_path, reference):
    store = ReferenceStore(tmp_path)
    assert store.looks("tiny", "abc") == ()
    store.put_looks("tiny", "abc", reference.looks)
    assert store.looks("tiny", "abc") == reference.looks
    (tmp_path / "tiny/abc.looks.json").write_text("[{")
    assert store.looks("tiny", "abc") == ()


@pytest.mark.parametrize("written", [None, "", "[]", '{"form": 2}', '{"form": 2, "profile": 3}'])
def test_one_that_cannot_be_read_is_named(tmp_path, written):
    if written is not None:
        (tmp_path / "tiny").mkdir()
        (tmp_path / "tiny/abc.reference.json").write_text(written)
    for read in (lambda s: s.get("tiny", "abc"), lambda s: s.until(replace(ROUTE, epoch=2))):
        with pytest.raises(ContractError, match=r"abc\.reference\.json cannot be read"):
            read(ReferenceStore(tmp_path))

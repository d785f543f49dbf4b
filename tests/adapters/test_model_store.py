import pytest

from sixgates.adapters.model_store import ModelStore, text_digest
from sixgates.gates.card import Feature, ModelCard, Probe, Task
from sixgates.gates.errors import ContractError

TEXT = "tree\nversion=v4\n"
CARD = ModelCard(
    model="churn",
    digest=text_digest(TEXT),
    task=Task.MULTICLASS,
    features=(Feature("age"), Feature("region", ("a", "b"))),
    event_time="at",
    entity=None,
    classes=("x", "y"),
    probes=(Probe({"age": 1.1, "region": None}, (0.1 + 0.2, 1e-300)), Probe({}, (-0.0,))),
)


@pytest.fixture
def store(tmp_path):
    store = ModelStore(tmp_path / "models")
    store.put(TEXT, CARD)
    return store


def test_a_model_comes_back_bit_for_bit(store):
    text, card = store.get(CARD.model, CARD.digest)
    assert (text, card) == (TEXT, CARD)
    assert str(card.probes[1].expected[0]) == "-0.0"


def test_storing_twice_changes_nothing(store):
    store.put(TEXT, CARD)
    assert sorted(p.suffix for p in (store.folder / CARD.model).iterdir()) == [".json", ".txt"]
    assert store.get(CARD.model, CARD.digest) == (TEXT, CARD)


def test_a_text_of_another_digest_is_not_stored(store):
    with pytest.raises(ContractError, match="digest"):
        store.put(TEXT + " ", CARD)


@pytest.mark.parametrize("suffix", [".txt", ".json"])
def test_a_missing_file_is_named(store, suffix):
    (store.folder / CARD.model / f"{CARD.digest}{suffix}").unlink()
    with pytest.raises(ContractError, match=f"{CARD.digest}{suffix}"):
        store.get(CARD.model, CARD.digest)


@pytest.mark.parametrize("content", [b"", TEXT.encode()[:-3], b"\xff\xfe", TEXT.encode() + b"x"])
def test_a_changed_text_is_refused_before_lightgbm_sees_it(store, content):
    (store.folder / CARD.model / f"{CARD.digest}.txt").write_bytes(content)
    with pytest.raises(ContractError, match="restore"):
        store.get(CARD.model, CARD.digest)


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b'"\xff"'])
def test_a_broken_card_is_refused(store, content):
    (store.folder / CARD.model / f"{CARD.digest}.json").write_bytes(content)
    with pytest.raises(ContractError, match="unreadable"):
        store.get(CARD.model, CARD.digest)

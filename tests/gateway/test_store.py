import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from sixgates.gates.errors import ContractError
from sixgates.gateway.store import ModelStore


@pytest.fixture
def store(house):
    return ModelStore(house.root, "churn")


def rewrite(house, trained, **changes):
    card = replace(trained.card, **changes)
    (house.store / f"{trained.digest}.json").write_bytes(msgspec.json.encode(card))


def test_a_stored_model_loads_once(store, champion):
    assert store.load(champion.digest) is store.load(champion.digest)


def test_a_model_out_of_use_is_forgotten(store, champion, challenger):
    kept = store.load(champion.digest)
    gone = store.load(challenger.digest)
    store.keep({champion.digest})
    assert store.load(champion.digest) is kept
    assert store.load(challenger.digest) is not gone


def test_a_gateway_forgets_what_its_route_no_longer_names_and_nothing_else(
    house, champion, challenger
):
    house.route(champion, challenger, 0.5)
    follower = house.gateway().follower
    store, digests = follower._store, (champion.digest, challenger.digest)
    loaded = [store.load(digest) for digest in digests]
    house.route(challenger)
    follower.poll()
    assert [store.load(d) is known for d, known in zip(digests, loaded, strict=True)] == [
        False, True,
    ]  # fmt: skip


def test_proving_reads_the_files_again(house, store, champion):
    store.load(champion.digest)
    (house.store / f"{champion.digest}.txt").write_bytes(b"other")
    with pytest.raises(ContractError, match="was changed"):
        store.prove(champion.digest)


def test_a_proof_that_takes_long_keeps_no_route_waiting(store, champion, challenger, monkeypatch):
    kept = store.load(champion.digest)
    begun, done, read = threading.Event(), threading.Event(), store._bytes

    def slow(name):
        begun.set()
        done.wait(10)
        return read(name)

    monkeypatch.setattr(store, "_bytes", slow)
    with ThreadPoolExecutor(2) as pool:
        proof = pool.submit(store.prove, challenger.digest)
        begun.wait(10)
        try:
            assert pool.submit(store.load, champion.digest).result(timeout=2) is kept
            store.keep({champion.digest})
        finally:
            done.set()
        proof.result(timeout=10)


def test_an_answer_that_differs_in_one_bit_is_refused_by_name(house, store, champion):
    probes = list(champion.card.probes)
    off = float(np.nextafter(probes[3].expected[0], 1))
    probes[3] = replace(probes[3], expected=(off,))
    rewrite(house, champion, probes=tuple(probes))
    with pytest.raises(ContractError, match=rf"probe 3 .* expected \[{off}\], got \["):
        store.load(champion.digest)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"probes": ()}, "has no probes"),
        ({"digest": "0" * 64}, "with digest 000"),
        ({"model": "other"}, "is of other"),
    ],
)
def test_a_card_that_promises_something_else_is_refused(house, store, champion, changes, sentence):
    rewrite(house, champion, **changes)
    with pytest.raises(ContractError, match=sentence):
        store.load(champion.digest)


def test_a_card_with_other_features_is_refused(house, store, champion):
    rewrite(house, champion, features=champion.card.features[:2])
    with pytest.raises(ContractError, match="has 3 features, its card promises 2"):
        store.load(champion.digest)


def test_a_torn_card_is_refused(house, store, champion):
    (house.store / f"{champion.digest}.json").write_bytes(b'{"model": "churn"')
    with pytest.raises(ContractError, match="is not a model card"):
        store.load(champion.digest)


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "0" * 63, "A" * 64])
def test_what_is_no_digest_never_reaches_the_disk(store, digest):
    with pytest.raises(ContractError, match="is not a SHA-256"):
        store.load(digest)


def test_a_missing_model_says_which_file(store):
    with pytest.raises(ContractError, match=r"0{64}\.txt could not be read"):
        store.load("0" * 64)

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from sixgates.gates.card import Task
from sixgates.gates.encoding import encode_rows
from sixgates.gates.errors import ContractError
from sixgates.gateway.booster import Booster


@pytest.mark.parametrize("task", list(Task))
def test_answers_are_the_bits_of_lightgbm(task, train, sample_rows):
    trained = train(task, seed=5)
    matrix = encode_rows(trained.card, sample_rows(300, seed=8))
    expected = trained.booster.predict(matrix).reshape(300, -1)
    booster = Booster(trained.text)
    assert np.array(booster.predict(matrix.tobytes())).tobytes() == expected.tobytes()
    one_by_one = [booster.predict(matrix[i].tobytes()) for i in range(300)]
    assert np.concatenate(one_by_one).tobytes() == expected.tobytes()


def test_threads_do_not_mix_their_rows(champion, sample_rows):
    matrix = encode_rows(champion.card, sample_rows(500, seed=8))
    expected = champion.booster.predict(matrix)
    booster = Booster(champion.text)

    def ask(i):
        rows = matrix[i : i + 1] if i % 2 else matrix[i : i + 3]
        return booster.predict(rows.tobytes())[0] == (expected[i],)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, list(range(500)) * 4))


def test_rows_of_another_width_are_refused(champion):
    with pytest.raises(ContractError, match="8 numbers are no rows of 3 features"):
        Booster(champion.text).predict(np.zeros((2, 4)).tobytes())


def test_no_rows_have_no_answers(champion):
    assert Booster(champion.text).predict(b"") == []


def test_a_text_that_is_no_model_is_refused():
    with pytest.raises(ContractError, match="LightGBM refused"):
        Booster(b"tree\nnot a model")


def test_memory_is_given_back(champion):
    for _ in range(200):
        booster = Booster(champion.text)
        booster.predict(np.zeros((1, 3)).tobytes())
        del booster
    gc.collect()

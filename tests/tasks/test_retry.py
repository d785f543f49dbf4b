import pytest
from prefect.states import Completed, Failed

from sixgates.gates.errors import ConfigurationError, ContractError, TransientError
from sixgates.ledger.ledger import LostRaceError
from tasks.answer import answer
from tasks.canary import canary
from tasks.compare import compare
from tasks.evaluate import evaluate
from tasks.monitor import monitor
from tasks.release import prove, release
from tasks.retrain import train_challenger
from tasks.retry import is_transient
from tasks.run import begin
from tasks.tick import look, move
from tasks.validate import validate
from tasks.watch import look_for_drift, raise_alert

TASKS = [
    answer, begin, canary, compare, evaluate, look, look_for_drift, monitor, move, prove,
    raise_alert, release, train_challenger, validate,
]  # fmt: skip


@pytest.mark.parametrize(
    ("exc", "again"),
    [
        (TransientError("away"), True),
        (LostRaceError("taken"), True),
        (ConfigurationError("edit it"), False),
        (ContractError("broken"), False),
        (ValueError("a bug"), False),
        (ConnectionError("vendors are not heard here"), False),
    ],
)
def test_only_what_the_world_may_answer_the_next_time_is_tried_again(exc, again):
    assert is_transient(None, None, Failed(data=exc)) is again


def test_a_state_that_did_not_fail_is_not_tried_again():
    assert is_transient(None, None, Completed(data=1)) is False


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_every_task_retries_alike(task):
    assert task.retries == 3
    assert task.retry_condition_fn is is_transient
    assert task.retry_delay_seconds == [1, 5, 20]

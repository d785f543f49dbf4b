"""Who holds a lease: a holder whose process has ended is not waited for, any other is."""

import os
import subprocess
import sys

import pytest

from sixgates.gates.errors import TransientError
from sixgates.ledger.holder import in_this_process, is_gone, leave, take_or_see, what_of


def test_an_owner_tells_what_it_is_and_where_it_lives():
    owner = in_this_process("20260101T000000-ab12")
    assert what_of(owner) == "20260101T000000-ab12"
    assert f"process {os.getpid()} on" in owner
    assert not is_gone(owner)


def owner_of_a_dead_process():
    code = "from sixgates.ledger.holder import in_this_process as i; print(i('run 7'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_process_that_ended_is_gone():
    assert is_gone(owner_of_a_dead_process())


def test_a_number_that_another_process_has_now_is_gone_too():
    owner = in_this_process("run 7")
    assert is_gone(f"{owner.rpartition('started ')[0]}started 1")


@pytest.mark.parametrize(
    "owner",
    [
        "ticks", "", "run 7 by process x on here, started 1", "run 7 by process 1 on here",
        "run 7 by process 999999 on another-machine/1234/5, started 1",
    ],
)  # fmt: skip
def test_of_what_cannot_be_known_nothing_is_said(owner):
    assert not is_gone(owner)


def test_a_lease_of_the_dead_is_taken_and_that_of_the_living_is_told(ledger):
    assert take_or_see(ledger, "run:tiny", owner_of_a_dead_process(), 900) is None
    alive = in_this_process("run 8")
    assert take_or_see(ledger, "run:tiny", alive, 900) is None
    held = take_or_see(ledger, "run:tiny", in_this_process("run 9"), 900)
    assert (held.owner, held.seconds) == (alive, 900.0)
    assert take_or_see(ledger, "run:tiny", alive, 900) is None  # one's own


def test_an_owner_that_could_not_say_that_it_ended_keeps_nobody_here_waiting(ledger, monkeypatch):
    first, second = in_this_process("tick 1"), in_this_process("tick 2")

    def silent(*_):
        raise TransientError("the ledger did not answer")

    assert take_or_see(ledger, "tick:tiny", first, 120) is None
    with monkeypatch.context() as away:
        away.setattr(ledger, "give_back", silent)
        leave(ledger, "tick:tiny", first)
    assert take_or_see(ledger, "tick:tiny", second, 120) is None
    assert take_or_see(ledger, "tick:tiny", first, 120).owner == second
    leave(ledger, "tick:tiny", second)
    assert take_or_see(ledger, "tick:tiny", first, 120) is None
    assert take_or_see(ledger, "tick:tiny", second, 120).owner == first  # it is back


def test_a_lease_whose_taking_was_not_answered_keeps_nobody_here_waiting(ledger, monkeypatch):
    first, second = in_this_process("tick 3"), in_this_process("tick 4")
    take = ledger.take

    def taken_and_lost(*given):
        take(*given)
        raise TransientError("the ledger did not answer")

    with monkeypatch.context() as away:
        away.setattr(ledger, "take", taken_and_lost)
        with pytest.raises(TransientError):
            take_or_see(ledger, "tick:tiny", first, 120)
    assert take_or_see(ledger, "tick:tiny", second, 120) is None


def test_a_lease_that_is_given_back_while_somebody_looks_is_taken(ledger, monkeypatch):
    first, second = in_this_process("tick 5"), in_this_process("tick 6")
    assert take_or_see(ledger, "tick:tiny", first, 120) is None
    lease = ledger.lease

    def given_back_meanwhile(name):
        ledger.give_back(name, first)
        return lease(name)

    monkeypatch.setattr(ledger, "lease", given_back_meanwhile)
    assert take_or_see(ledger, "tick:tiny", second, 120) is None
    assert lease("tick:tiny").owner == second

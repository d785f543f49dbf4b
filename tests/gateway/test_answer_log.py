import asyncio
import fcntl
import os
from collections import deque
from dataclasses import replace
from datetime import datetime

import pytest

from sixgates.gateway import log as log_module
from sixgates.gateway.answer_log import LATE_SECONDS, AnswerLog, LogMode
from sixgates.gateway.log import SegmentLog
from sixgates.gateway.losses import Losses
from sixgates.ledger.route import Route, Step, Version

ROUTE = Route(
    "churn", 4, Step.COLD_START, Version("1", "d"), None, "r1",
    datetime(2026, 1, 1), "test", "test",  # noqa: DTZ001 - event times are naive UTC
)  # fmt: skip


def segments(folder):
    return sorted(folder.glob("predictions-*.jsonl"))


def written(folder):
    return b"".join(path.read_bytes() for path in segments(folder))


@pytest.fixture
def log_in(tmp_path):
    opened = []

    def log_in(mode):
        opened.append(AnswerLog(SegmentLog(tmp_path, "predictions"), mode, Losses(deque())))
        return opened[-1]

    yield log_in
    for log in opened:
        log.close()


def test_in_one_mode_an_answer_is_in_the_log_at_once(tmp_path, log_in):
    log = log_in(LogMode.REPLY_AFTER_COMMIT)
    log.append(b"1\n", 1, ROUTE)
    assert written(tmp_path) == b"1\n"
    assert log.lag() == 0


def test_in_the_other_mode_it_is_there_soon(tmp_path, log_in):
    async def answering():
        log = log_in(LogMode.ASYNC)
        log.append(b"1\n", 1, ROUTE)
        log.append(b"2\n", 1, ROUTE)
        at_once, lag = written(tmp_path), log.lag()
        await asyncio.sleep(3 * LATE_SECONDS)
        return at_once, lag, written(tmp_path), log.lag()

    at_once, lag, soon, after = asyncio.run(answering())
    assert (at_once, soon) == (b"", b"1\n2\n")
    assert lag > 0
    assert after == 0


def test_much_does_not_wait(tmp_path, log_in):
    async def answering():
        log_in(LogMode.ASYNC).append(b"x" * 300_000 + b"\n", 1, ROUTE)
        return len(written(tmp_path))

    assert asyncio.run(answering()) == 300_001


def test_what_waits_is_logged_at_the_end(tmp_path, log_in):
    async def answering():
        log = log_in(LogMode.ASYNC)
        log.append(b"1\n", 1, ROUTE)
        log.close()

    asyncio.run(answering())
    assert written(tmp_path) == b"1\n"


@pytest.mark.parametrize("mode", LogMode)
def test_answers_that_cannot_be_logged_are_counted(log_in, monkeypatch, mode):
    def full(_fd, _lines):
        raise OSError(28, "No space left on device")

    async def answering():
        monkeypatch.setattr(os, "write", full)
        log = log_in(mode)
        log.append(b'{"row":0}\n{"rows":[0,1,2]}\n{"row":0}\n', 4, ROUTE)
        log.flush()
        monkeypatch.undo()
        return log.losses.total, log.failure

    unlogged, failure = asyncio.run(answering())
    assert unlogged == 4  # of five rows, for one of them was asked of two models
    assert "No space left" in failure


@pytest.fixture
def incidents():
    return deque()


def told(incidents):
    return [(one.route.epoch, one.body["answers"]) for one in incidents]


def test_the_ledger_is_told_of_the_first_and_then_whenever_they_are_twice_as_many(incidents):
    losses = Losses(incidents)
    for _ in range(1_000):
        losses.add(ROUTE, 1, "no room")
    assert told(incidents) == [(4, n) for n in (1, 1, 2, 4, 8, 16, 32, 64, 128, 256)]
    assert incidents[-1].reason == "256 answers could not be logged: no room"
    losses.settle()
    losses.settle()
    assert sum(n for _, n in told(incidents)) == losses.total == 1_000


def test_what_was_lost_under_a_route_is_told_of_that_route(incidents):
    losses, later = Losses(incidents), replace(ROUTE, epoch=5, release="r2")
    for route, answers in ((ROUTE, 2), (ROUTE, 1), (later, 4), (later, 0)):
        losses.add(route, answers, "no room")
    assert told(incidents) == [(4, 2), (4, 1), (5, 4)]


@pytest.mark.parametrize("mode", LogMode)
def test_a_lost_answer_is_of_the_route_under_which_it_was_given(
    tmp_path, incidents, monkeypatch, mode
):
    def full(_fd, _lines):
        raise OSError(28, "No space left on device")

    async def answering():
        monkeypatch.setattr(os, "write", full)
        log = AnswerLog(SegmentLog(tmp_path, "predictions"), mode, Losses(incidents))
        log.append(b'{"row":0}\n', 1, ROUTE)
        log.append(b'{"rows":[0,1]}\n', 2, replace(ROUTE, epoch=5))
        log.close()

    asyncio.run(answering())
    assert told(incidents) == [(4, 1), (5, 2)]


def is_sealed(path):
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_segment_is_locked_while_it_is_written_and_sealed_when_it_is_old(
    tmp_path, log_in, monkeypatch
):
    log = log_in(LogMode.REPLY_AFTER_COMMIT)
    log.append(b"1\n", 1, ROUTE)
    (path,) = segments(tmp_path)
    log.roll()
    assert not is_sealed(path)
    monkeypatch.setattr(log_module, "SEGMENT_SECONDS", 0.0)
    log.roll()
    assert is_sealed(path)
    log.append(b"2\n", 1, ROUTE)
    assert [one.read_bytes() for one in segments(tmp_path)] == [b"1\n", b"2\n"]


def test_a_log_that_got_nothing_makes_no_segment(tmp_path, log_in):
    log = log_in(LogMode.REPLY_AFTER_COMMIT)
    log.roll()
    assert segments(tmp_path) == []

# ruff: noqa: DTZ001 - event time is naive UTC
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sixgates.adapters.clocks import FileClock, WallClock, set_clock
from sixgates.gates.errors import ConfigurationError


def test_the_wall_clock_is_naive_utc():
    now = WallClock().now()
    assert now.tzinfo is None
    assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(seconds=5)


def test_a_file_clock_says_what_was_set(tmp_path):
    path = tmp_path / "deep" / "clock"
    moment = datetime(2026, 3, 1, 2, 0, 0, 5)
    set_clock(path, moment)
    assert FileClock(path).now() == moment
    assert [p.name for p in path.parent.iterdir()] == ["clock"]


def test_a_moment_with_a_zone_becomes_utc(tmp_path):
    set_clock(tmp_path / "clock", datetime(2026, 3, 1, 2, tzinfo=timezone(timedelta(hours=2))))
    assert FileClock(tmp_path / "clock").now() == datetime(2026, 3, 1, 0)


@pytest.mark.parametrize("content", [None, "", "tomorrow", "\x00"])
def test_a_clock_without_a_time_is_refused(tmp_path, content):
    path = tmp_path / "clock"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="SIXGATES_CLOCK"):
        FileClock(path).now()

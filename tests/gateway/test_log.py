import errno
import os

import pytest

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway import log as module
from sixgates.gateway.log import SegmentLog


def segments(folder):
    return sorted(folder.glob("predictions-*.jsonl"))


@pytest.fixture
def log(tmp_path):
    log = SegmentLog(tmp_path, "predictions")
    yield log
    log.close()


def test_lines_are_on_disk_once_appended(tmp_path, log):
    assert log.append(b"1\n2\n").lost == b""
    assert segments(tmp_path)[0].read_bytes() == b"1\n2\n"


def test_a_full_segment_is_followed_by_a_new_one(tmp_path, log, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT_BYTES", 4)
    for line in (b"123\n", b"456\n"):
        log.append(line)
    assert [path.read_bytes() for path in segments(tmp_path)] == [b"123\n", b"456\n"]


def test_a_torn_line_is_the_last_of_its_segment(tmp_path, log, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    torn = log.append(b"whole\ntorn\nunseen\n")
    monkeypatch.undo()
    assert torn.lost == b"torn\nunseen\n"
    assert "make room" in torn.reason
    assert log.append(b"next\n").lost == b""
    assert [path.read_bytes() for path in segments(tmp_path)] == [b"whole\nt", b"next\n"]


def test_a_full_disk_leaves_no_trail_of_empty_segments(tmp_path, log, monkeypatch):
    def full(_fd, _data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    assert [log.append(b"1\n2\n").lost for _ in range(3)] == [b"1\n2\n"] * 3
    assert "No space left" in log.failure
    monkeypatch.undo()
    assert log.append(b"3\n").lost == b""
    assert log.failure == ""
    assert [path.read_bytes() for path in segments(tmp_path)] == [b"3\n"]


def test_a_write_that_failed_halfway_ends_its_segment(tmp_path, log, monkeypatch):
    write = os.write

    def broken(fd, data):
        write(fd, data[:3])
        raise OSError(errno.EIO, "Input/output error")

    log.append(b"1\n")
    monkeypatch.setattr(os, "write", broken)
    assert log.append(b"broken\n").lost == b"broken\n"
    monkeypatch.undo()
    log.append(b"2\n")
    assert [path.read_bytes() for path in segments(tmp_path)] == [b"1\nbro", b"2\n"]


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="choose another with --log"):
        SegmentLog(tmp_path / "file" / "log", "predictions")

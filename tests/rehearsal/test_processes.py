"""How a rehearsal is told to stop."""

import os
import signal

import pytest

from cli.rehearsal.processes import terminate_as_interrupt


def test_what_nohup_started_goes_on_when_its_terminal_closes_and_ends_when_it_is_told_to():
    former = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminate_as_interrupt():
            os.kill(os.getpid(), signal.SIGHUP)
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, former)

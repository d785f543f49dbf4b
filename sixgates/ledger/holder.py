"""Who holds a lease, told so that a dead holder on the same machine need not be waited for.

A lease runs out by itself. But a process that was killed is started again at once, on the machine
where its predecessor died, and must not find itself locked out by it.
"""

import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeGuard

from sixgates.gates.errors import TransientError
from sixgates.ledger.leases import Lease
from sixgates.ledger.ledger import Ledger

_MARK = " by process "
_left: set[str] = set()
"""Owners in this process that have ended and could not tell the ledger."""


def in_this_process(what: str) -> str:
    """Name an owner: what it is, and the process it lives in.

    Args:
        what: Unique among the owners of this process, such as a run's identifier.
    """
    return f"{what}{_MARK}{os.getpid()} on {_machine()}, started {_started(os.getpid())}"


def what_of(owner: str) -> str:
    """Return what `in_this_process` was given.

    >>> what_of(in_this_process("run 7"))
    'run 7'
    """
    return owner.split(_MARK, maxsplit=1)[0]


def is_gone(owner: str) -> bool:
    """Whether an owner, or its process, is known to have ended; False where that cannot be known.

    >>> is_gone(in_this_process("run 7")), is_gone("somebody else")
    (False, False)
    """
    if owner in _left:
        return True
    _, _, process = owner.partition(_MARK)
    number, _, rest = process.partition(" on ")
    machine, _, started = rest.rpartition(", started ")
    if not (number.isdigit() and started) or machine != _machine():
        return False
    return _started(int(number)) != started


def is_held(lease: Lease | None) -> TypeGuard[Lease]:
    """Whether somebody has a lease: it has not run out, nor is its owner known to have ended."""
    return lease is not None and lease.left > 0 and not is_gone(lease.owner)


def take_or_see(ledger: Ledger, name: str, owner: str, seconds: float) -> Lease | None:
    """Take a lease, also from an owner that is gone.

    Returns:
        None where it was taken, and else the lease of the one who has it.

    Raises:
        TransientError: the ledger did not answer.
    """
    while not _take(ledger, name, owner, seconds):
        held = ledger.lease(name)
        if held is None:  # given back in the meantime
            continue
        if not is_gone(held.owner):
            return held
        ledger.give_back(name, held.owner)
    return None


def leave(ledger: Ledger, name: str, owner: str) -> None:
    """Give a lease back; where the ledger does not answer, the next one here finds its owner gone.

    Elsewhere it has to run out.
    """
    try:
        ledger.give_back(name, owner)
    except TransientError:
        _left.add(owner)


def _take(ledger: Ledger, name: str, owner: str, seconds: float) -> bool:
    try:
        taken = ledger.take(name, owner, seconds)
    except TransientError:
        _left.add(owner)  # it may have been taken all the same
        raise
    if taken:
        _left.discard(owner)
    return taken


@cache
def _machine() -> str:
    """Name what process numbers are unique in: a boot of a machine, and a container on it."""
    boot, space = "", ""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]
        space = str(Path("/proc/self/ns/pid").stat().st_ino)
    return f"{socket.gethostname()}/{boot}/{space}"


def _started(number: int) -> str:
    """Return when a process started, as the system counts it; empty where there is none.

    Where the system does not tell (it is no Linux), every process seems alive.
    """
    if not Path("/proc/self/stat").exists():
        return "?"
    try:
        words = Path(f"/proc/{number}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if words[0] in "ZX" else words[19]

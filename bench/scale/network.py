"""A network namespace of its own, with two wires: one for clients, and one that can be cut."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from sixgates.gates.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Island:
    """A namespace, and its addresses at both ends of its wires."""

    name: str
    host: str
    """Where clients reach what listens there."""
    mainland: str
    """Where what runs there reaches the ledger on this side."""
    subnet: str
    """From which it comes to the ledger."""

    @property
    def within(self) -> list[str]:
        """What a command that is to run there begins with."""
        return ["ip", "netns", "exec", self.name]

    def cut(self) -> None:
        """Cut the wire to the ledger: what is sent vanishes, and nobody is told."""
        _ip("link", "set", "dev", f"{self.name}l", "down")

    def mend(self) -> None:
        """Join it again."""
        _ip("link", "set", "dev", f"{self.name}l", "up")


@contextmanager
def island() -> Iterator[Island]:
    """Make a namespace; it is removed afterwards.

    Raises:
        ConfigurationError: this process may not, or the machine cannot.
    """
    if shutil.which("ip") is None:
        raise ConfigurationError("no `ip` on this machine: `apt-get install iproute2`")
    number = os.getpid() % 250
    name = f"sixg{os.getpid() % 10_000}"  # names of links have 15 characters
    clients, ledger = f"10.231.{number}", f"10.232.{number}"
    try:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        for end, net in (("c", clients), ("l", ledger)):
            here, there = f"{name}{end}", f"wire{end}"
            _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
            _ip("addr", "add", f"{net}.1/24", "dev", here)
            _ip("link", "set", "dev", here, "up")
            _ip("-n", name, "addr", "add", f"{net}.2/24", "dev", there)
            _ip("-n", name, "link", "set", "dev", there, "up")
        yield Island(name, f"{clients}.2", f"{ledger}.1", f"{ledger}.0/24")
    finally:
        for end in "cl":
            with suppress(ConfigurationError):
                _ip("link", "del", f"{name}{end}")
        with suppress(ConfigurationError):
            _ip("netns", "del", name)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        raise ConfigurationError(
            f"a network namespace needs root on Linux: `ip {' '.join(words)}` said"
            f" {done.stderr.strip()}"
        )

"""Whether the process may open as many files as it has clients, and its log, ledger and models."""

import resource

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.http import limits

_OWN = 128
"""Files beside connections: log, ledger, models, and what is opened for a moment."""


def make_room() -> None:
    """Raise the soft limit, which is low on many machines, as far as connections need it.

    Without room the log's next segment could not be opened, because of clients that only connect.

    Raises:
        ConfigurationError: the hard limit is lower.
    """
    needed = limits.MAX_CONNECTIONS + _OWN
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigurationError(
            f"a process may open {hard:,} files here, and {limits.MAX_CONNECTIONS:,} connections"
            f" need {needed:,}: raise the limit (ulimit -Hn)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))

"""Sealed segments of the log go into its tables."""

from prefect import task
from prefect.cache_policies import NO_CACHE

from sixgates.adapters.compaction import Compacted, compact
from sixgates.adapters.wiring import build
from sixgates.gates.errors import ContractError
from tasks.retry import TRANSIENT
from tasks.run import project_of


@task(**TRANSIENT, cache_policy=NO_CACHE)
def compact_log(project: str) -> Compacted:
    """Compact what is sealed, then say which segment could not be read where one could not.

    Args:
        project: Name or path of a project file.
    """
    done = compact(build(), project_of(project))
    if done.unreadable:
        raise ContractError(done.unreadable[0])
    return done

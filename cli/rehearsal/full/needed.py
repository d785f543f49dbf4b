"""What a machine must have for the servers of a whole installation, asked before any starts."""

from importlib.util import find_spec

from cli.rehearsal.full.nginx import program_of_nginx
from cli.rehearsal.full.postgres import binaries_of_postgres
from cli.rehearsal.full.stack import AUTHENTICATION
from sixgates.gates.errors import ConfigurationError

_PACKAGES = ("asyncpg", "distributed", "flask_wtf", "moto", "psycopg")
"""Python's own: of Prefect and of the extras, but for moto, which is there for tests."""


def require_all() -> None:
    """See whether everything is there.

    Raises:
        ConfigurationError: something is not; all of it is named.
    """
    lacking = {}
    if binaries_of_postgres() is None:
        lacking["PostgreSQL"] = "`apt-get install postgresql`"
    if program_of_nginx() is None:
        lacking["nginx"] = "`apt-get install nginx-light`"
    packages = [name for name in _PACKAGES if find_spec(name) is None]
    if packages or not AUTHENTICATION.exists():
        lacking[", ".join(packages) or "the folder deploy/"] = "`make install` in a clone"
    if lacking:
        raise ConfigurationError(
            f"--stack needs what this machine lacks, {' and '.join(lacking)}:"
            f" {' and '.join(lacking.values())}"
        )

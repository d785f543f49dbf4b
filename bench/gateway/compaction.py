"""Sealed segments put into the table: `python -m bench.gateway.compaction HOME`."""

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.gateway.house import House
from bench.gateway.made import MODEL
from bench.gateway.servers import environment
from sixgates.adapters.settings import Settings
from sixgates.gates.errors import ContractError

_MODULE = "sixgates.adapters.compaction"


def compact(house: House) -> None:
    """Compact what is sealed, in a process of its own, as a schedule does.

    Raises:
        ContractError: it failed.
    """
    if not exists():
        return
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "bench.gateway.compaction", str(house.folder)],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    if done.returncode:
        raise ContractError(f"the log was not compacted: {done.stderr.strip()[-400:]}")


def exists() -> bool:
    """Whether this version compacts its log."""
    return find_spec(_MODULE) is not None


def main() -> int:
    """Compact once."""
    settings = Settings(home=Path(sys.argv[1]))
    log = import_module("sixgates.adapters.delta_log").DeltaLog(settings.log, settings.tables)
    done = import_module(_MODULE).compact_log(log, MODEL, None, lambda: None)
    sys.stdout.write(f"{done}\n")
    return 1 if done.unreadable else 0


if __name__ == "__main__":
    sys.exit(main())

"""Sealed segments put into the table: `python -m bench.gateway.compaction HOME`."""

import subprocess
import sys
from pathlib import Path

from bench.gateway.house import House
from bench.gateway.made import MODEL
from bench.gateway.servers import environment
from sixgates.gates.errors import ContractError


def compact(house: House) -> None:
    """Compact what is sealed, in a process of its own, as a schedule does.

    Raises:
        ContractError: it failed, or a segment could not be read.
    """
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "bench.gateway.compaction", str(house.folder)],
        capture_output=True, text=True, check=False, env=environment(),
    )  # fmt: skip
    if done.returncode:
        raise ContractError(
            f"the log was not compacted: {(done.stderr or done.stdout).strip()[-400:]}"
        )


def main() -> int:
    """Compact once; return 1 where a segment could not be read."""
    # polars is for this process alone: see `model.py`.
    from sixgates.adapters.compaction import compact_log
    from sixgates.adapters.delta_log import DeltaLog
    from sixgates.adapters.settings import Settings

    settings = Settings(home=Path(sys.argv[1]))
    log = DeltaLog(settings.log, settings.tables)
    done = compact_log(log, MODEL, horizon=None, go_on=lambda: None)
    sys.stdout.write(f"{done}\n")
    return 1 if done.unreadable else 0


if __name__ == "__main__":
    sys.exit(main())

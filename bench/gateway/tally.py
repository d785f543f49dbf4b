"""What became of acknowledged requests: `python -m bench.gateway.tally HOME FILE`.

The file names one acknowledged request a line. Reads through the log's port, which knows segments
and table, and prints as JSON how many records there are, how many requests are in none, how many
records are there more than once, and how many segments are not in the table.
"""

import json
import sys
from datetime import datetime
from pathlib import Path

import polars as pl

from bench.gateway.made import MODEL
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build

_SINCE = datetime(2000, 1, 1)  # noqa: DTZ001 - naive UTC
_RECORD = ["request", "row", "version", "arm"]


def main() -> int:
    """Count once."""
    home, acknowledged = map(Path, sys.argv[1:])
    settings = Settings(home=home)
    found = build(settings).log.predictions(MODEL, _SINCE)
    answered = set(found.filter(pl.col("arm") != "shadow")["request"])
    counts = {
        "records": found.height,
        "lost": len(set(acknowledged.read_text().split()) - answered),
        "doubled": found.height - found.unique(_RECORD).height,
        "segments": len(list((settings.log / MODEL).glob("predictions-*"))),
    }
    sys.stdout.write(json.dumps(counts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

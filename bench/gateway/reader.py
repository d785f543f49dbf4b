"""When each record could first be read through the log's port.

`python -m bench.gateway.reader HOME COUNT PREFIX` reads again and again, as a tick does, until its
stdin ends. Then it writes one JSON list: for each request `<PREFIX><i>`, of COUNT, the monotonic
second when the first read that had it was over, null where none did.
"""

import json
import select
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl

from bench.gateway.made import MODEL
from sixgates.adapters.settings import Settings
from sixgates.adapters.wiring import build

_PAUSE_SECONDS = 1.0
_SINCE = datetime(2000, 1, 1)  # noqa: DTZ001 - naive UTC


def main() -> int:
    """Read until told to stop, and once more."""
    home, count, prefix = sys.argv[1:]
    log = build(Settings(home=Path(home))).log
    seen = np.full(int(count), np.nan)
    ended = False
    while not ended:
        ended = bool(select.select([sys.stdin], [], [], _PAUSE_SECONDS)[0])
        found = log.predictions(MODEL, _SINCE)
        now = time.monotonic()
        number = pl.col("request").str.strip_prefix(prefix).cast(pl.Int64, strict=False)
        numbers = found.select(number.drop_nulls().unique()).to_series().to_numpy()
        fresh = numbers[np.isnan(seen[numbers])]
        seen[fresh] = now
    sys.stdout.write(json.dumps([None if np.isnan(one) else one for one in seen.tolist()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Gate 1 in a process that is killed: `python -m tests.tasks.mortal_validate <run> <n>`.

It dies where SIXGATES_KILL_AT says, or before the table of refused rows forces something to disk
for the n-th time; with n = 0 it lives.
"""

import json
import os
import signal
import sys
from datetime import datetime

from sixgates.adapters import table_place
from sixgates.adapters.wiring import build
from tasks import flight, record
from tasks.run import Run
from tasks.validate import validate

_sync = table_place.sync
_left = int(sys.argv[2])


def mortal_sync(path):
    global _left  # noqa: PLW0603 - a countdown
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    _sync(path)


if __name__ == "__main__":
    table_place.sync = mortal_sync
    record.create_markdown_artifact = lambda **_: None
    given = json.loads(sys.argv[1])
    held = build().ledger.lease(f"run:{given['model']}")
    flight.in_this_process = lambda _run: held.owner  # it goes on in the name of who began it
    validate.fn(Run(**given | {"at": datetime.fromisoformat(given["at"])}))

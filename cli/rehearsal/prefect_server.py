"""The Prefect server of a rehearsal, its garbage collected outside its event loop.

Prefect on SQLite can stop for a minute: a collection inside the event loop finalises a cursor, and
waits for its connection; that connection waits for the database; and the transaction that
holds the database waits for the event loop. Only Prefect's busy timeout of 60 seconds ends it. In a
thread of its own the collection waits alone.
"""

import gc
import runpy
import threading
import time

_PAUSE_SECONDS = 5.0


def main() -> None:
    """Run the command line of Prefect in this process."""
    gc.disable()
    threading.Thread(target=_collect, daemon=True).start()
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


def _collect() -> None:
    while True:
        time.sleep(_PAUSE_SECONDS)
        gc.collect()


if __name__ == "__main__":
    main()

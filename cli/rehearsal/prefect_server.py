"""The Prefect server of a rehearsal, so that it does not stand still on SQLite.

Its garbage is collected outside its event loop. A collection inside it finalises a cursor, and
waits for its connection; that connection waits for the database; and the transaction that holds the
database waits for the event loop. Only Prefect's busy timeout of 60 seconds ends it. In a thread of
its own the collection waits alone.

Its transactions ask for the right to write when they begin, and wait their turn. One that reads
first fails at once where another has written since, however long it might wait; Prefect then
answers 503, and its client comes back after 2, 4, 8, 16 and 32 seconds.
"""

import gc
import runpy
import threading
import time
from contextlib import AbstractAsyncContextManager

from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

_PAUSE_SECONDS = 5.0
_begin = AioSqliteConfiguration.begin_transaction


def main() -> None:
    """Run the command line of Prefect in this process."""
    gc.disable()
    threading.Thread(target=_collect, daemon=True).start()
    AioSqliteConfiguration.begin_transaction = _begin_writing  # type: ignore[assignment]
    runpy.run_module("prefect", run_name="__main__", alter_sys=True)


def _collect() -> None:
    while True:
        time.sleep(_PAUSE_SECONDS)
        gc.collect()


def _begin_writing(
    config: AioSqliteConfiguration,
    session: AsyncSession,
    with_for_update: bool = False,  # noqa: ARG001, FBT001, FBT002 - Prefect's own
) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
    return _begin(config, session, with_for_update=True)


if __name__ == "__main__":
    main()

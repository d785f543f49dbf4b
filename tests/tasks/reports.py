"""What the watch may have concluded, for tests of what follows."""

from dataclasses import replace
from datetime import timedelta

from sixgates.gates.drift.trigger import Grounds
from sixgates.gates.watch import WatchReport

LOUD = WatchReport(
    window=None,
    alert=True,
    asks=True,
    signals=(),
    sentence="income moved",
    grounds=Grounds(
        moved=1,
        losing=False,
        loss=None,
        fresh_loss=0.2,
        rows=150,
        window=timedelta(days=1),
        since_run=None,
    ),
    features=("income",),
)
QUIET = replace(LOUD, alert=False, asks=False, sentence="no alert: all is quiet", features=())

"""Show what a flow does while it runs: every new line of the ledger, as it is written."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.markup import escape

from cli.say import stderr
from sixgates.gates.errors import PipelineError
from sixgates.ledger.ledger import Entry, Kind, Ledger


@contextmanager
def following(ledger: Ledger, model: str) -> Iterator[None]:
    """Print the model's new entries on stderr until the block ends."""
    known = max((e.seq for e in ledger.entries(model)), default=0)
    ended = threading.Event()

    def follow() -> None:
        newest = known
        while True:
            last = ended.wait(0.5)
            try:
                fresh = [e for e in ledger.entries(model) if e.seq > newest]
            except PipelineError:
                fresh = []  # the flow itself says what is wrong with the ledger
            for entry in fresh:
                newest = entry.seq
                if entry.kind not in {Kind.INTENT, Kind.CLOSED}:
                    stderr.print(_line(entry), highlight=False)
            if last:
                return

    with stderr.status(f"{model}: starting"):
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=5.0)


def _line(entry: Entry) -> str:
    what: str = entry.kind
    if entry.kind is Kind.VERDICT:
        what = f"gate {entry.body['gate']}: [bold]{entry.body['outcome']}[/]"
    return f"{what}  {escape(entry.reason)}"

"""What a command that takes its time shows meanwhile."""

import threading
import time
from typing import Self

from rich.live import Live
from rich.markup import escape
from rich.table import Table

from cli.say import stderr


class Progress:
    """Shows the newest line of each name: a live table on a terminal, plain lines elsewhere."""

    def __init__(self, names: tuple[str, ...], *, live: bool) -> None:
        """Know the names; nothing is shown yet."""
        self._lines = dict.fromkeys(names, "waiting")
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._live = Live(console=stderr, get_renderable=self._table, refresh_per_second=8)
        self._is_live = live

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave what is shown as it is."""
        self.stop()

    def stop(self) -> None:
        """Leave the table as it is; what is printed next stands below it."""
        if self._is_live:
            self._live.stop()

    def line(self, name: str, text: str) -> None:
        """Take a line of one name."""
        with self._lock:
            self._lines[name] = text
        if not self._is_live:
            seconds = time.monotonic() - self._began
            stderr.print(f"{seconds:6.1f} s  {name}: {escape(text)}", soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        table.add_column(no_wrap=True)
        table.add_column(ratio=1, overflow="ellipsis", no_wrap=True)
        with self._lock:
            for name, text in self._lines.items():
                table.add_row(f"[bold]{name}[/]", escape(text))
        table.add_row("", f"[dim]{time.monotonic() - self._began:.0f} s, Ctrl-C stops all[/]")
        return table

"""What a gateway does beside answering, in threads that a database which hangs cannot keep."""

import threading
from collections.abc import Callable


class Repeating:
    """Does one thing at once and then every so often, in a thread, until stopped."""

    def __init__(self, name: str, period: float, action: Callable[[], None]) -> None:
        """Begin with `start`.

        Args:
            name: Of the thread.
            period: Seconds from the end of one time to the next.
            action: What is done; it never raises.
        """
        self._action = action
        self._period = period
        self._due = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._repeat, name=name, daemon=True)

    def start(self) -> None:
        """Do it the first time here, and then in the thread."""
        self._action()
        self._thread.start()

    def hasten(self) -> None:
        """Do it now, or once more where it is being done."""
        self._due.set()

    def stop(self, patience: float) -> None:
        """Do it no more; one that is under way is waited for, so many seconds at most."""
        self._stopping = True
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    def _repeat(self) -> None:
        while True:
            self._due.wait(self._period)
            self._due.clear()
            if self._stopping:
                return
            self._action()


def within(patience: float, action: Callable[[], None]) -> None:
    """Do one thing, and leave it to itself where it takes longer than so many seconds."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(patience)

"""Ticks once a second through Prefect, as a schedule would; the project is its one argument.

While Prefect's server is away there is no tick, and it tries again.
"""

import sys
import time

from flows.release import release

EVERY_SECONDS = 1.0


def main() -> None:
    """Tick until killed."""
    while True:
        try:
            release(sys.argv[1], return_state=True)
        except Exception as exc:  # noqa: BLE001 - whatever keeps it from ticking, it tries again
            sys.stderr.write(f"no tick: {exc!r:.200}\n")
        time.sleep(EVERY_SECONDS)


if __name__ == "__main__":
    main()

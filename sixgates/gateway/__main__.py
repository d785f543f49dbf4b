"""`python -m sixgates.gateway`: one gateway process, for one model."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from sixgates.gates.errors import PipelineError
from sixgates.gateway.server import serve


def main() -> int:
    """Serve until told to stop; print `{"url": ...}` once requests are accepted.

    Returns:
        0 after a stop, 2 where the gateway could not start.
    """
    parser = argparse.ArgumentParser(prog="python -m sixgates.gateway", description=__doc__)
    parser.add_argument("--model", required=True, help="name of the project")
    parser.add_argument("--ledger", required=True, help="SQLAlchemy URL of the ledger")
    parser.add_argument("--store", required=True, type=Path, help="folder of the model store")
    parser.add_argument("--log", required=True, type=Path, help="folder of the prediction log")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=0, type=int, help="0 takes a free one")
    given = parser.parse_args()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        serve(
            model=given.model,
            ledger_url=given.ledger,
            store=given.store,
            log_dir=given.log,
            token=os.environ.get("SIXGATES_GATEWAY_TOKEN") or None,
            token_file=Path(file) if (file := os.environ.get("SIXGATES_TOKENS")) else None,
            host=given.host,
            port=given.port,
            on_listening=_say,
        )
    except PipelineError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _say(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

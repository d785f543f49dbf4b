"""`python -m sixgates.gateway`: one gateway process, for one model."""

import argparse
import json
import logging
import math
import os
import sys
from pathlib import Path

import sqlalchemy as sa

from sixgates.gates.errors import ConfigurationError, PipelineError
from sixgates.gateway.answer_log import LogMode
from sixgates.gateway.server import serve

_LEDGER = "SIXGATES_LEDGER_URL"
_LOG_SHARE = "SIXGATES_LOG_SHARE"


def main() -> int:
    """Serve until told to stop; print `{"url": ...}` once requests are accepted.

    Returns:
        0 after a stop, 2 where the gateway could not start.
    """
    parser = argparse.ArgumentParser(prog="python -m sixgates.gateway", description=__doc__)
    parser.add_argument("--model", required=True, help="name of the project")
    parser.add_argument("--ledger", help=f"URL of the ledger; without it {_LEDGER}")
    parser.add_argument("--store", required=True, type=Path, help="folder of the model store")
    parser.add_argument("--log", required=True, type=Path, help="folder of the prediction log")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", default=0, type=int, help="0 takes a free one")
    parser.add_argument("--workers", default=1, type=_positive, help="processes on that port")
    parser.add_argument(
        "--log-mode", default=LogMode.REPLY_AFTER_COMMIT, type=LogMode, choices=list(LogMode),
        help="when an answer is in the log",
    )  # fmt: skip
    parser.add_argument(
        "--shadow", default=1.0, type=_share,
        help="share of units whose rows the model that does not answer scores too, 0 to 1",
    )  # fmt: skip
    parser.add_argument("--access-log", type=Path, help="file that gets a JSON line a request")
    parser.add_argument(
        "--notice", default=0.0, type=_seconds,
        help="seconds for which it says that it stops, and serves on, before it does",
    )  # fmt: skip
    given = parser.parse_args()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        serve(
            model=given.model,
            ledger_url=_ledger_url(given.ledger, os.environ.get(_LEDGER)),
            store=given.store,
            log_dir=given.log,
            token=os.environ.get("SIXGATES_GATEWAY_TOKEN", "").strip() or None,
            token_file=Path(file) if (file := os.environ.get("SIXGATES_TOKENS")) else None,
            host=given.host,
            port=given.port,
            workers=given.workers,
            mode=given.log_mode,
            shadow=given.shadow,
            log_share=_log_share(os.environ.get(_LOG_SHARE) or "1"),
            access_log=given.access_log,
            notice=given.notice,
            on_listening=_say,
        )
    except PipelineError as exc:
        sys.stderr.write(f"{exc}\n")
        return 2
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is below 1")
    return number


def _share(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds, 0 or more")
    return number


def _ledger_url(given: str | None, of_environment: str | None) -> str:
    """Return where the ledger is: by the command line, and else by the environment.

    Raises:
        ConfigurationError: neither says so, or every user of the machine could read the password.
    """
    if given is not None and _has_password(given):
        raise ConfigurationError(
            "the address that --ledger gives has a password, which every user of the machine can"
            f" read: leave --ledger out, and set {_LEDGER} to the address"
        )
    url = given or of_environment
    if not url:
        raise ConfigurationError(f"where the ledger is was not said: set {_LEDGER} to its address")
    return url


def _log_share(text: str) -> float:
    """Return the share of requests that are logged.

    Raises:
        ConfigurationError: it is none.
    """
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise ConfigurationError(
            f"{_LOG_SHARE} is {text!r:.40}: set it to the share of requests that are logged, above"
            " 0 and up to 1"
        )
    return share


def _has_password(url: str) -> bool:
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        return False  # it will not be opened either
    return address.password is not None or any("password" in name for name in address.query)


def _say(url: str) -> None:
    sys.stdout.write(json.dumps({"url": url}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

"""Which code and which environment made a model."""

import hashlib
import subprocess
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
"""The checkout, or the folder of installed packages."""


def code_revision() -> str:
    """Return the commit of the package's checkout, with `+changed` where files differ from it.

    Outside a checkout it is the installed version, or `unknown` where nothing was installed.
    """
    top = _git("rev-parse", "--show-toplevel")
    head = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain")
    if top is None or head is None or changes is None or Path(top).resolve() != _ROOT:
        return _installed_version()
    return f"{head}+changed" if changes else head


def lock_digest() -> str:
    """Return the SHA-256 of `requirements.lock`, or of the installed distributions without one."""
    lock = _ROOT / "requirements.lock"
    if lock.is_file():
        return hashlib.sha256(lock.read_bytes()).hexdigest()
    installed = {f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions()}
    return hashlib.sha256("\n".join(sorted(installed)).encode()).hexdigest()


def _installed_version() -> str:
    try:
        return metadata.version("sixgates")
    except metadata.PackageNotFoundError:
        return "unknown"


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(_ROOT), *arguments],  # noqa: S607 - git of the PATH is meant
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

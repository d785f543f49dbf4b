"""Peers in environments of their own: a virtual environment each, from pinned requirements."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from sixgates.gates.errors import ConfigurationError

REQUIREMENTS = Path(__file__).parent / "peers"
_PATIENCE_SECONDS = 1_200


def environment_of(peer: str, folder: Path) -> Path:
    """Return the folder of a peer's programs, after making its environment where it is not there.

    Args:
        peer: Name of `bench/peers/<peer>.txt`.
        folder: Under which environments are kept.

    Raises:
        ConfigurationError: it cannot be installed.
    """
    requirements = REQUIREMENTS / f"{peer}.txt"
    home = folder / peer
    stamp = home / "installed"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(home, ignore_errors=True)
        _run(peer, [sys.executable, "-m", "venv", str(home)])
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--no-deps"]
        _run(peer, [*pip, "--disable-pip-version-check", "--requirement", str(requirements)])
        stamp.write_text(digest)
    return home / "bin"


def _run(peer: str, command: list[str]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - our own command lines
            command, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired as exc:
        raise ConfigurationError(
            f"{peer} was not installed in {_PATIENCE_SECONDS:,} s: see whether its packages are in"
            " reach, and try again"
        ) from exc
    if done.returncode:
        raise ConfigurationError(f"{peer} cannot be installed: {done.stderr.strip()[-400:]}")

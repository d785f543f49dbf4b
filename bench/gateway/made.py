"""Models and requests that the bench made, by `model.py` in a process of its own."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sixgates.gates.errors import ContractError

MODEL = "bench"


@dataclass(frozen=True, slots=True)
class Made:
    """What `make` wrote."""

    folder: Path
    digests: tuple[str, ...]
    """Of the champion, of the one beside it, and of a third."""
    expected: tuple[tuple[float, ...], ...]
    """To each single row, what each of these models answers itself."""
    model: str = MODEL

    @property
    def models(self) -> Path:
        """A model store."""
        return self.folder / "models"

    @property
    def champion(self) -> Path:
        """The champion's text, in LightGBM's format."""
        return self.models / self.model / f"{self.digests[0]}.txt"

    def requests(self, name: str) -> Path:
        """Return a file of bodies, one a line, each about a row of its own."""
        return self.folder / "requests" / f"{name}.txt"

    @property
    def tensors(self) -> Path:
        """A file of the batches as tensors, whose bytes follow the JSON."""
        return self.folder / "requests" / "batch.bin"

    def bodies(self, name: str) -> list[bytes]:
        """Return the bodies of such a file."""
        return self.requests(name).read_bytes().splitlines()


def make(folder: Path) -> Made:
    """Train the models and write the requests, from fixed seeds; what is there already is kept.

    Raises:
        ContractError: a model is not of the size that is to be measured.
    """
    recipe = Path(__file__).with_name("model.py").read_bytes() + version("lightgbm").encode()
    digest = hashlib.sha256(recipe).hexdigest()
    made = folder / "made.json"
    if not made.exists() or json.loads(made.read_text())["recipe"] != digest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _make(folder, digest)
    found = json.loads(made.read_text())
    return Made(folder, tuple(found["digests"]), tuple(zip(*found["expected"], strict=True)))


def _make(folder: Path, recipe: str) -> None:
    command = [sys.executable, "-m", "bench.gateway.model", str(folder), recipe]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise ContractError(f"the models could not be made: {done.stderr.strip()[-500:]}")

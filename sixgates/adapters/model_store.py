"""Model texts and their cards as files, named by the digest of the text.

LightGBM ends the whole process on a truncated text, so no text is handed out unproved.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sixgates.adapters.atomic_files import write_atomically
from sixgates.gates.card import ModelCard
from sixgates.gates.errors import ContractError


def text_digest(text: str) -> str:
    """Return the SHA-256 of a model text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def require_digest(text: str, digest: str) -> None:
    """Refuse a text that is not the one its digest promises.

    Raises:
        ContractError: the text has another digest.
    """
    found = text_digest(text)
    if found != digest:
        raise ContractError(
            f"the model text has digest {found[:12]} and not {digest[:12]}: it was changed or cut"
            " short, so restore the file or train anew"
        )


@dataclass(frozen=True, slots=True)
class ModelStore:
    """A folder a model, with `<digest>.txt` and `<digest>.json` for every version registered.

    Two models may have the same text, but never share a card.
    """

    folder: Path

    def put(self, text: str, card: ModelCard) -> None:
        """Store a model under its digest; storing it twice changes nothing.

        Raises:
            ContractError: the text does not match the card's digest.
        """
        require_digest(text, card.digest)
        # The text goes last: whoever finds it finds its card.
        folder = self.folder / card.model
        write_atomically(folder / f"{card.digest}.json", msgspec.json.encode(card))
        write_atomically(folder / f"{card.digest}.txt", text.encode())

    def get(self, model: str, digest: str) -> tuple[str, ModelCard]:
        """Return text and card of a version.

        Raises:
            ContractError: one is missing or unreadable, or the text does not match the digest.
        """
        text_file, card_file = (self.folder / model / f"{digest}{end}" for end in (".txt", ".json"))
        try:
            text = text_file.read_bytes().decode()
            card = msgspec.json.decode(card_file.read_bytes(), type=ModelCard)
        except FileNotFoundError as exc:
            raise ContractError(
                f"the model store lacks {exc.filename}: restore it from the registry or a backup"
            ) from exc
        except (UnicodeDecodeError, msgspec.MsgspecError) as exc:
            raise ContractError(
                f"the model {digest[:12]} in {self.folder} is unreadable ({exc}): restore it from"
                " the registry or a backup"
            ) from exc
        require_digest(text, digest)
        if card.digest != digest:
            raise ContractError(f"{card_file} is the card of another model: restore it")
        return text, card

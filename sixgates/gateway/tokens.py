"""Who may do what at the gateway: tokens and the roles they carry.

Only digests are kept, and each given token is compared with all of them, so that neither the time
an answer takes nor a log says anything about them.
"""

import hashlib
import hmac
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from sixgates.gates.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class Role(IntEnum):
    """What a token allows; a stronger role may do all that a weaker one may."""

    READ = 1
    """Ask for predictions, send labels, see who serves."""
    OPERATE = 2
    """Make the gateway prove and follow."""
    APPROVE = 3
    """What needs a person's word."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one gateway, as digests."""

    digests: tuple[tuple[bytes, Role], ...]

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that some token carries."""
        return frozenset(role for _, role in self.digests)

    def role_of(self, authorization: bytes) -> Role | None:
        """Return the role that an `authorization` header carries, None for an unknown token."""
        given = _digest(authorization.removeprefix(b"Bearer "))
        found: Role | None = None
        for digest, role in self.digests:
            if hmac.compare_digest(given, digest):
                found = max(found or role, role)
        return found if authorization.startswith(b"Bearer ") else None


def tokens_of(operate: str | None, file: Path | None) -> Tokens:
    """Gather the tokens of a gateway.

    Args:
        operate: The one of `SIXGATES_GATEWAY_TOKEN`; it may operate.
        file: A file with a line `role token` for each of the others.

    Raises:
        ConfigurationError: the file cannot be read, others may read it, or a line is wrong.
    """
    given = [(operate, Role.OPERATE)] if operate else []
    lines = [] if file is None else _lines(file)
    given += [_parse(file, number, line) for number, line in lines]
    return Tokens(tuple((_digest(token.encode()), role) for token, role in given))


def _lines(file: Path) -> Sequence[tuple[int, str]]:
    try:
        with file.open(encoding="utf-8") as opened:
            # Of what was opened, not of what has the name a moment later.
            mode = os.fstat(opened.fileno()).st_mode
            text = opened.read()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(
            f"the token file {file} cannot be read ({exc}): set SIXGATES_TOKENS to a text file"
        ) from exc
    if mode & _OTHERS:
        raise ConfigurationError(f"others may read the token file {file}: run `chmod 600 {file}`")
    numbered = enumerate(text.splitlines(), start=1)
    return [(n, line) for n, line in numbered if line.strip() and not line.startswith("#")]


def _parse(file: Path | None, number: int, line: str) -> tuple[str, Role]:
    words = line.split()
    if len(words) != 2 or words[0].upper() not in Role.__members__:  # noqa: PLR2004 - role and token
        # The line itself is a secret.
        raise ConfigurationError(
            f"line {number} of the token file {file} is not `role token`: write read, operate or"
            " approve, a space, and the token"
        )
    return words[1], Role[words[0].upper()]


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()

"""Who may do what: tokens, the roles they carry and the names they stand for.

Only digests are kept, and each given token is compared with all of them, so that neither the time
an answer takes nor a log says anything about them.
"""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from sixgates.gates.errors import ConfigurationError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_NAME = re.compile(r"name=([\w.@-]{1,60})")


class Role(IntEnum):
    """What a token allows; a stronger role may do all that a weaker one may."""

    READ = 1
    """Ask for predictions, send labels, see who serves."""
    OPERATE = 2
    """Make the gateway prove and follow; start runs, stop the line, roll back."""
    APPROVE = 3
    """Let a challenger become champion, and override a brake."""


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who holds a token."""

    role: Role
    name: str = ""
    """For the record; empty where nobody said."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one gateway or installation, as digests."""

    digests: tuple[tuple[bytes, Bearer], ...]

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that some token carries."""
        return frozenset(bearer.role for _, bearer in self.digests)

    def role_of(self, authorization: bytes) -> Role | None:
        """Return the role that an `authorization` header carries, None for an unknown token."""
        found = self.bearer_of(authorization.removeprefix(b"Bearer "))
        return found.role if found and authorization.startswith(b"Bearer ") else None

    def bearer_of(self, token: bytes) -> Bearer | None:
        """Return who holds a token, under its strongest role; None for an unknown one."""
        given = _digest(token)
        found: Bearer | None = None
        for digest, bearer in self.digests:
            if hmac.compare_digest(given, digest) and (found is None or found.role < bearer.role):
                found = bearer
        return found


def tokens_of(operate: str | None, file: Path | None) -> Tokens:
    """Gather the tokens of a gateway or installation.

    Args:
        operate: The one of `SIXGATES_GATEWAY_TOKEN`; it may operate.
        file: A file with a line `role token` or `role token name=NAME` for each of the others.

    Raises:
        ConfigurationError: the file cannot be read, others may read it, or a line is wrong.
    """
    given = [(operate, Bearer(Role.OPERATE))] if operate else []
    lines = [] if file is None else _lines(file)
    given += [_parse(file, number, line) for number, line in lines]
    return Tokens(tuple((_digest(token.encode()), bearer) for token, bearer in given))


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


def _parse(file: Path | None, number: int, line: str) -> tuple[str, Bearer]:
    match line.split():
        case [role, token] if role.upper() in Role.__members__:
            return token, Bearer(Role[role.upper()])
        # Only with `name=`: a name is public, and a token in its place would be too.
        case [role, token, word] if role.upper() in Role.__members__ and (
            n := _NAME.fullmatch(word)
        ):
            return token, Bearer(Role[role.upper()], n[1])
    # The line itself is a secret.
    raise ConfigurationError(
        f"line {number} of the token file {file} is not `role token` or `role token name=NAME`:"
        " write read, operate or approve, a space, the token, and whose it is"
    )


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()

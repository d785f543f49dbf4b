"""Who acts by hand: proved by a token where the installation has a file of them, else claimed.

This keeps honest people apart. Whoever may write the ledger's database needs no command at all.
"""

import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from sixgates.adapters.settings import Settings
from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.tokens import Bearer, Role, Tokens, tokens_of
from sixgates.ledger.entry import Entry, Kind

_PROVED = " (token)"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whose word goes on record."""

    name: str
    proved: bool
    """Whether a token stands for the name; else it is what somebody or the machine says."""

    @property
    def actor(self) -> str:
        """The name as the ledger keeps it: with "(token)" where one stands for it."""
        return self.name + _PROVED if self.proved else self.name


def acting(settings: Settings, role: Role, *, claim: str | None = None, safe: bool) -> Person:
    """Return who acts by hand, or refuse.

    Without `SIXGATES_TOKENS` nothing tells people apart: a name is a claim. With it, the token in
    `SIXGATES_GATEWAY_TOKEN` must be one of that file, named and of the role.

    Args:
        settings: Of whoever runs the command or the flow.
        role: What the act needs.
        claim: Who they say they are; the machine's user if None.
        safe: Whether the act only ever takes a risk away. Then what is missing blocks nobody: a
            file that cannot be read, a name, or a token that the file does not list, for it may be
            the gateway's own, which may operate. The name is a claim then. No token, or one that
            may too little, is refused all the same.

    Raises:
        ConfigurationError: the act is refused.
    """
    claimed = Person(_claim(claim), proved=False)
    if settings.tokens is None:
        return claimed
    try:
        tokens = tokens_of(None, settings.tokens)
    except ConfigurationError as exc:
        if not safe:
            raise
        return _unproved(claimed, str(exc))
    bearer = _bearer(settings, tokens, role)
    if bearer is None or not bearer.name:
        lacks = "is not in it" if bearer is None else "has no `name=` there"
        sentence = (
            f"{settings.tokens} does not say whose word this is: the token in"
            f" SIXGATES_GATEWAY_TOKEN {lacks}, send one that has a name and may {_name(role)}"
        )
        if not safe:
            raise ConfigurationError(sentence)
        return _unproved(claimed, sentence)
    said = "" if claim in {None, bearer.name} else f" for {claim}"
    return Person(bearer.name + said, proved=True)


def heeded(settings: Settings, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries without approvals that are only claimed, where tokens could prove them."""
    certain = settings.tokens is not None
    return [e for e in entries if not (certain and e.kind is Kind.APPROVED and _claimed(e))]


def _claimed(approval: Entry) -> bool:
    return approval.body.get("proved") is not True


def _bearer(settings: Settings, tokens: Tokens, role: Role) -> Bearer | None:
    """Return who holds the token that was sent; None where the file does not list it."""
    if settings.gateway_token is None:
        raise ConfigurationError(
            f"this needs a token: set SIXGATES_GATEWAY_TOKEN to one of {settings.tokens} that may"
            f" {_name(role)}"
        )
    bearer = tokens.bearer_of(settings.gateway_token.get_secret_value().encode())
    if bearer is not None and bearer.role < role:
        raise ConfigurationError(
            f"the token in SIXGATES_GATEWAY_TOKEN may {_name(bearer.role)}: this needs one of"
            f" {settings.tokens} that may {_name(role)}"
        )
    return bearer


def _claim(claim: str | None) -> str:
    if claim is not None and _PROVED.strip() in claim:
        raise ConfigurationError(
            f"{claim!r} is no name: leave out {_PROVED.strip()}, which only a token can bring"
        )
    return _user() if claim is None else claim


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # the user of a container may have no name
        return "by hand"


def _unproved(claimed: Person, why: str) -> Person:
    _log.warning("it goes on record as a claim of %s: %s", claimed.name, why)
    return claimed


def _name(role: Role) -> str:
    return role.name.lower()

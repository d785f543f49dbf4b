"""Which calls of this gateway need a token, and of what role."""

from dataclasses import dataclass

from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.protocols.protocol import Refusal
from sixgates.gateway.tokens import Role, Tokens


@dataclass(frozen=True, slots=True)
class Access:
    """Admin calls always need a token; the others where machines beyond this one can call."""

    tokens: Tokens
    seeing: bool
    """Whether one needs a token to see who serves, and the metrics."""
    asking: bool
    """Whether one needs a token to ask for predictions and to send labels."""

    def require(self, role: Role, authorization: bytes | None) -> None:
        """Let the bearer of a token with the role or a stronger one pass.

        Raises:
            Refusal: 403 where no token would do or this one does too little, 401 where it is
                unknown.
        """
        if not self.tokens.digests:
            raise Refusal(403, "admin calls need a token: set SIXGATES_GATEWAY_TOKEN")
        found = self.tokens.role_of(authorization or b"")
        if found is None:
            raise Refusal(
                401, "send authorization: Bearer <token>, one of SIXGATES_GATEWAY_TOKEN or"
                " SIXGATES_TOKENS",
            )  # fmt: skip
        if found < role:
            raise Refusal(
                403, f"this token may {found.name.lower()}: the call needs one that may"
                f" {role.name.lower()}",
            )  # fmt: skip


def access_of(tokens: Tokens, *, loopback: bool, host: str) -> Access:
    """Return who may call what on a host.

    Whoever predicts needs a token only where some token is for that: else clients would have to
    hold one that may operate the gateway.

    Raises:
        ConfigurationError: other machines can call, and there is no token.
    """
    if not loopback and not tokens.digests:
        raise ConfigurationError(
            f"{host} is open to other machines: set SIXGATES_GATEWAY_TOKEN, or use 127.0.0.1"
        )
    return Access(tokens, seeing=not loopback, asking=not loopback and Role.READ in tokens.roles)

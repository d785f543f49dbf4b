"""JSON as clients send it: strict, but for the `NaN` that Python writes for a missing value."""

import re
from typing import TypeVar

import msgspec

_Value = TypeVar("_Value")

_UP_TO_NAN = re.compile(
    rb'((?:[^"N]++|"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|N(?!aN))*+)(NaN|\Z)', re.DOTALL
)
"""All before a `NaN` that no text holds, and it. It matches wherever it begins: linear in time."""


def decode(decoder: msgspec.json.Decoder[_Value], body: bytes) -> _Value:
    """Decode a body; `NaN` outside of text is read as null. Infinities are refused, as all else is.

    Raises:
        msgspec.DecodeError: the body is not such JSON; its message says where.

    >>> decode(msgspec.json.Decoder(), b'{"age": NaN, "name": "NaN"}')
    {'age': None, 'name': 'NaN'}
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # MLflow's client and Triton's write NaN; what is right already need not pay for that.
        if b"NaN" not in body:
            raise
    except (RecursionError, UnicodeDecodeError) as exc:
        raise _malformed(exc) from exc
    try:
        return decoder.decode(_UP_TO_NAN.sub(_with_null, body))
    except (RecursionError, UnicodeDecodeError) as exc:
        raise _malformed(exc) from exc


def _malformed(exc: RecursionError | UnicodeDecodeError) -> msgspec.DecodeError:
    if isinstance(exc, RecursionError):
        return msgspec.DecodeError("it is nested too deeply")
    return msgspec.DecodeError(f"it is not UTF-8: {exc.reason}")


def _with_null(found: re.Match[bytes]) -> bytes:
    return found[1] + (b"null" if found[2] else b"")

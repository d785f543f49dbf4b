"""JSON as clients send it: strict, but for the `NaN` that Python writes for a missing value."""

from typing import TypeVar

import msgspec

_Value = TypeVar("_Value")


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
        return decoder.decode(_with_null(body))
    except (RecursionError, UnicodeDecodeError) as exc:
        raise _malformed(exc) from exc


def _malformed(exc: RecursionError | UnicodeDecodeError) -> msgspec.DecodeError:
    if isinstance(exc, RecursionError):
        return msgspec.DecodeError("it is nested too deeply")
    return msgspec.DecodeError(f"it is not UTF-8: {exc.reason}")


def _with_null(body: bytes) -> bytes:
    """Write null for each NaN outside of text.

    Two ways, because a table has many of them and little text, and records have much text. Loops,
    because an expression over the whole body would keep every other thread waiting.
    """
    return _by_text(body) if body.count(b'"') < body.count(b"NaN") else _by_nan(body)


def _by_text(body: bytes) -> bytes:
    pieces, in_text = body.split(b'"'), False
    for i, piece in enumerate(pieces):
        if in_text:
            in_text = _ends_escaping(piece)
        else:
            pieces[i], in_text = piece.replace(b"NaN", b"null"), True
    return b'"'.join(pieces)


def _by_nan(body: bytes) -> bytes:
    before, *rest = body.split(b"NaN")
    word, other = b"null", b"NaN"
    written = [before]
    for part in rest:
        if b'"' in before and _opens_or_closes(before):
            word, other = other, word
        written.append(word)
        written.append(part)
        before = part
    return b"".join(written)


def _ends_escaping(piece: bytes) -> bool:
    """Whether what follows a piece of text is escaped by its last backslash."""
    return bool((len(piece) - len(piece.rstrip(b"\\"))) & 1)


def _opens_or_closes(part: bytes) -> bool:
    """Whether text begins or ends in a part of JSON once more than the other."""
    if b"\\" in part:
        part = part.replace(b"\\\\", b"")  # What is left before a quote makes it one of the text.
        return bool((part.count(b'"') - part.count(b'\\"')) & 1)
    return bool(part.count(b'"') & 1)
